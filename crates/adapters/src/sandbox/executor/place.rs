//! What is known of one session's executor: its connection, its record, the processes that are watched.
//!
//! Invariant: at most one connection counts, the newest. A process that nobody waits for any more is
//! killed, at once or when the executor is back.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use mainstay_core::port::{Clock, ExecutorStatus, SandboxError};
use mainstay_protocol::EffectId;
use serde_json::json;
use tokio::sync::{MutexGuard, watch};

use super::link::Link;
use super::output::Watched;
use super::record::{Record, Started};
use super::rpc::ProcessNotice;

/// How many processes are remembered to be killed when the executor is back.
const DOOMED_LIMIT_COUNT: usize = 256;

/// One session's executor.
pub(super) struct Place {
    pub(super) clock: Arc<dyn Clock>,
    path: PathBuf,
    record: tokio::sync::Mutex<Record>,
    link: watch::Sender<Option<Arc<Link>>>,
    watched: Mutex<HashMap<String, Arc<Mutex<Watched>>>>,
    doomed: Mutex<Vec<String>>,
    handles: AtomicU64,
}

impl Place {
    /// What the file knows; none when there is no file.
    pub(super) async fn open(clock: Arc<dyn Clock>, path: PathBuf) -> io::Result<Option<Self>> {
        let record = Record::read(&path).await?;
        Ok(record.map(|record| Self::with(clock, path, record)))
    }

    /// Of a session that had none.
    pub(super) fn new(clock: Arc<dyn Clock>, path: PathBuf) -> Self {
        Self::with(clock, path, Record::default())
    }

    fn with(clock: Arc<dyn Clock>, path: PathBuf, record: Record) -> Self {
        Self {
            clock,
            path,
            record: tokio::sync::Mutex::new(record),
            link: watch::channel(None).0,
            watched: Mutex::default(),
            doomed: Mutex::default(),
            handles: AtomicU64::new(0),
        }
    }

    /// What is on disk.
    pub(super) async fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().await
    }

    /// Changes the record, on disk first.
    pub(super) async fn change(
        &self,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), SandboxError> {
        let mut record = self.record.lock().await;
        let mut changed = record.clone();
        change(&mut changed);
        changed.write(&self.path).await.map_err(|error| {
            let path = self.path.display();
            SandboxError::Broken(format!("cannot write {path}: {error}"))
        })?;
        *record = changed;
        Ok(())
    }

    /// What is known of a command's start.
    pub(super) async fn started(&self, effect: &EffectId) -> Option<Started> {
        self.record.lock().await.start_of(effect).cloned()
    }

    /// The executor, waited for so long.
    pub(super) async fn link(&self, wait_ms: u64) -> Option<Arc<Link>> {
        let deadline = self.clock.now_ms().saturating_add(wait_ms);
        let mut link = self.link.subscribe();
        tokio::select! {
            biased;
            found = link.wait_for(Option::is_some) => found.ok().and_then(|found| found.clone()),
            () = self.clock.sleep_until(deadline) => None,
        }
    }

    /// How the executor is.
    pub(super) async fn status(&self) -> ExecutorStatus {
        let is_connected = self.link.borrow().is_some();
        let was = self.record.lock().await.executor_session.is_some();
        match (is_connected, was) {
            (true, _) => ExecutorStatus::Connected,
            (false, true) => ExecutorStatus::Disconnected,
            (false, false) => ExecutorStatus::Pending,
        }
    }

    /// Ends the connection that counts.
    pub(super) fn disconnect(&self) {
        if let Some(link) = self.link.send_replace(None) {
            link.closed.cancel();
        }
    }

    /// A connection is ready for work.
    pub(super) fn arrived(&self, link: &Arc<Link>) {
        for process in std::mem::take(&mut *self.doomed()) {
            link.urge("process/terminate", json!({ "processId": process }));
        }
        if let Some(before) = self.link.send_replace(Some(Arc::clone(link))) {
            before.closed.cancel();
        }
    }

    /// A connection ended.
    pub(super) fn left(&self, link: &Arc<Link>) {
        self.link.send_if_modified(|current| {
            let is_it = current.as_ref().is_some_and(|current| Arc::ptr_eq(current, link));
            if is_it {
                *current = None;
            }
            is_it
        });
    }

    /// Something of a process came.
    pub(super) fn notice(&self, notice: ProcessNotice) {
        let watched = self.watched().get(&notice.process_id).cloned();
        if let Some(watched) = watched {
            watched.lock().expect("no code panics while it holds an output").notice(notice);
        }
    }

    /// Watches a process.
    pub(super) fn watch(&self, process: &str, watched: Arc<Mutex<Watched>>) {
        self.watched().insert(process.to_owned(), watched);
    }

    /// Watches it no longer.
    pub(super) fn unwatch(&self, process: &str) {
        self.watched().remove(process);
    }

    /// Kills a process, now or when the executor is back.
    pub(super) fn kill(&self, process: &str) {
        if let Some(link) = self.link.borrow().as_ref() {
            link.urge("process/terminate", json!({ "processId": process }));
            return;
        }
        let mut doomed = self.doomed();
        if doomed.len() < DOOMED_LIMIT_COUNT {
            doomed.push(process.to_owned());
        }
    }

    /// A name for an open file that no other has.
    pub(super) fn handle(&self) -> String {
        format!("mainstay-{}", self.handles.fetch_add(1, Ordering::Relaxed))
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Mutex<Watched>>>> {
        self.watched.lock().expect("no code panics while it holds the processes")
    }

    fn doomed(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.doomed.lock().expect("no code panics while it holds the list")
    }
}
