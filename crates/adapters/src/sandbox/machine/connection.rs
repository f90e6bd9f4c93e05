//! What the tasks and the requests of one connection share: the lanes and the way out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use mainstay_core::port::SandboxError;
use mainstay_guest::{Kind, MAX_CONNECTIONS, encode};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::lane::{Lane, Opener};

/// Requests under way at once, with those that the guest has not let go of yet.
const MAX_REQUESTS: usize = 128;

/// Connections that the guest knows to be over a moment before they are let go of here.
const SETTLING_CONNECTIONS: usize = 16;

/// Frames that wait to be written.
pub(super) const MAX_QUEUED_FRAMES: usize = 16;

pub(super) struct Connection {
    lanes: Mutex<HashMap<u32, Arc<Lane>>>,
    next: AtomicU32,
    requests: Arc<Semaphore>,
    pub(super) connections: Arc<Semaphore>,
    out: mpsc::Sender<Vec<u8>>,
    /// Short frames that must not wait: at most a few for each lane.
    urgent: Mutex<Vec<u8>>,
    /// The size that a terminal is to have, until it is written: who says many has said the last.
    sizes: Mutex<HashMap<u32, [u8; 4]>>,
    pub(super) has_urgent: Notify,
    closed: CancellationToken,
    reason: OnceLock<SandboxError>,
}

impl Connection {
    pub(super) fn new(out: mpsc::Sender<Vec<u8>>) -> Self {
        Self {
            lanes: Mutex::default(),
            next: AtomicU32::new(1),
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
            connections: Arc::new(Semaphore::new(MAX_CONNECTIONS + SETTLING_CONNECTIONS)),
            out,
            urgent: Mutex::default(),
            sizes: Mutex::default(),
            has_urgent: Notify::new(),
            closed: CancellationToken::new(),
            reason: OnceLock::new(),
        }
    }

    /// A lane for a request; waits while there are too many.
    pub(super) async fn open(&self) -> Result<Arc<Lane>, SandboxError> {
        let permit = Arc::clone(&self.requests).acquire_owned().await;
        let permit = permit.expect("nobody closes it");
        if let Some(reason) = self.reason() {
            return Err(reason);
        }
        let id = self.next.fetch_add(2, Ordering::Relaxed);
        Ok(self.insert(id, Opener::Host, permit).expect("ids of this side are not used twice"))
    }

    /// Adds a lane; none when it is there.
    pub(super) fn insert(
        &self,
        id: u32,
        opener: Opener,
        permit: OwnedSemaphorePermit,
    ) -> Option<Arc<Lane>> {
        let mut lanes = self.lanes();
        if lanes.contains_key(&id) {
            return None;
        }
        let lane = Arc::new(Lane::new(id, opener, permit));
        lanes.insert(id, Arc::clone(&lane));
        Some(lane)
    }

    pub(super) fn lane(&self, id: u32) -> Option<Arc<Lane>> {
        self.lanes().get(&id).cloned()
    }

    pub(super) fn remove(&self, id: u32) {
        self.lanes().remove(&id);
    }

    /// Queues a frame; waits for room.
    pub(super) async fn send(
        &self,
        kind: Kind,
        channel: u32,
        payload: &[u8],
    ) -> Result<(), SandboxError> {
        let mut frame = Vec::new();
        encode(kind, channel, payload, &mut frame);
        tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(self.reason_or_default()),
            sent = self.out.send(frame) => sent.map_err(|_| self.reason_or_default()),
        }
    }

    /// Queues a short frame, before others.
    pub(super) fn send_urgent(&self, kind: Kind, channel: u32, payload: &[u8]) {
        if self.closed.is_cancelled() {
            return;
        }
        encode(kind, channel, payload, &mut self.urgent());
        self.has_urgent.notify_one();
    }

    /// Queues the size of a terminal in the place of one that waits.
    pub(super) fn resize(&self, channel: u32, size: [u8; 4]) {
        if self.closed.is_cancelled() {
            return;
        }
        self.sizes().insert(channel, size);
        self.has_urgent.notify_one();
    }

    pub(super) fn take_urgent(&self) -> Vec<u8> {
        let sizes = std::mem::take(&mut *self.sizes());
        let mut frames = Vec::new();
        for (channel, size) in sizes {
            encode(Kind::Resize, channel, &size, &mut frames);
        }
        frames.append(&mut self.urgent());
        frames
    }

    /// Pays for data that was taken.
    pub(super) fn grant(&self, channel: u32, bytes: usize) {
        if let Ok(bytes @ 1..) = u32::try_from(bytes) {
            self.send_urgent(Kind::Credit, channel, &bytes.to_le_bytes());
        }
    }

    /// Ends the connection; the first reason stands.
    pub(super) fn fail(&self, reason: SandboxError) {
        let _ = self.reason.set(reason);
        self.closed.cancel();
    }

    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    pub(super) fn reason(&self) -> Option<SandboxError> {
        self.closed.is_cancelled().then(|| self.reason_or_default())
    }

    fn reason_or_default(&self) -> SandboxError {
        let gone = || SandboxError::Broken("its agent has hung up".to_owned());
        self.reason.get().cloned().unwrap_or_else(gone)
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<u32, Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sizes(&self) -> MutexGuard<'_, HashMap<u32, [u8; 4]>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn urgent(&self) -> MutexGuard<'_, Vec<u8>> {
        self.urgent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
