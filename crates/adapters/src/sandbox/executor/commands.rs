//! A command on the executor's machine.
//!
//! Invariant: a command that broke off without an answer is never started under another session of the
//! executor without the caller being told first that its fate is not known.

use std::sync::{Arc, Mutex};

use mainstay_core::port::{ExecEnd, ExecOutput, ExecRequest, OutputSink, SandboxError};
use serde_json::{Value, json};

use super::link::{CallError, Link};
use super::output::{Progress, Watched};
use super::paths::{Paths, path_of, url};
use super::place::Place;
use super::record::Started;
use super::rpc::{INVALID_REQUEST, ProcessRead, base64};

/// How long a call waits for an executor that is not there.
pub(super) const CONNECT_WAIT_MS: u64 = 30_000;
/// How long a command waits for an executor that left: longer than it keeps what it ran.
pub(super) const RETURN_WAIT_MS: u64 = 60_000;
/// How long a killed command may take to end.
const KILL_WAIT_MS: u64 = 10_000;
/// How often a start is tried whose answer did not come.
const START_LIMIT_COUNT: u32 = 4;
/// How often a process is asked for that the executor is just starting.
const READ_LIMIT_COUNT: u32 = 20;
/// The pause between two such questions.
const READ_PAUSE_MS: u64 = 250;
/// How much of an output is asked for at once.
const READ_BYTES: usize = 262_144;
/// Reads standard input from a file, which is gone before the command begins.
const WITH_INPUT: &str = r#"exec 0<"$0" && rm -f "$0" && exec "$@""#;

/// The error of a call that finds no executor.
pub(super) fn away() -> SandboxError {
    SandboxError::Unavailable(format!(
        "the executor of this self-hosted environment is not connected, and did not come within \
         {CONNECT_WAIT_MS} ms; start `codex exec-server --remote URL --environment-id ID` on its \
         machine"
    ))
}

/// Runs a command and waits for its end.
pub(super) async fn exec(
    place: &Arc<Place>,
    paths: &Paths<'_>,
    exec: ExecRequest,
    sink: Option<OutputSink>,
) -> Result<ExecOutput, SandboxError> {
    let link = place.link(CONNECT_WAIT_MS).await.ok_or_else(away)?;
    let begun_ms = place.clock.now_ms();
    let started = Started {
        effect: exec.effect.clone(),
        executor_session: link.session(),
        ends_by_ms: begun_ms.saturating_add(exec.timeout_ms),
        limit_bytes: exec.output_limit_bytes,
    };
    let mut process = Process::new(place, link, &started, sink);
    process.is_killed_with_its_caller = true;
    process.start(paths, &exec, &started).await?;
    process.end(begun_ms, started.ends_by_ms).await
}

/// A process that is watched while this lives.
pub(super) struct Process {
    place: Arc<Place>,
    link: Arc<Link>,
    id: String,
    watched: Arc<Mutex<Watched>>,
    /// Whether it is killed when nobody waits for it any more.
    is_killed_with_its_caller: bool,
    has_terminal: bool,
}

impl Process {
    pub(super) fn new(
        place: &Arc<Place>,
        link: Arc<Link>,
        started: &Started,
        sink: Option<OutputSink>,
    ) -> Self {
        let watched = Arc::new(Mutex::new(Watched::new(started.limit_bytes, sink)));
        let id = started.effect.to_string();
        place.watch(&id, Arc::clone(&watched));
        let place = Arc::clone(place);
        let (is_killed_with_its_caller, has_terminal) = (false, false);
        Self { place, link, id, watched, is_killed_with_its_caller, has_terminal }
    }

    /// It gets a terminal, and lives as long as whoever holds it.
    pub(super) fn on_terminal(&mut self) {
        self.has_terminal = true;
        self.is_killed_with_its_caller = true;
    }

    /// Starts it, unless the executor has it already.
    pub(super) async fn start(
        &mut self,
        paths: &Paths<'_>,
        exec: &ExecRequest,
        started: &Started,
    ) -> Result<(), SandboxError> {
        let params = self.params(paths, exec).await?;
        let known = self.place.started(&started.effect).await;
        if known.is_none_or(|known| known.executor_session != started.executor_session) {
            self.place.change(|record| record.starts(started.clone())).await?;
        }
        for _ in 0..START_LIMIT_COUNT {
            match self.link.call("process/start", params.clone()).await {
                Ok(_) => return Ok(()),
                Err(CallError::Refused(error)) => {
                    // It may be there from an attempt whose answer did not come.
                    if error.code == INVALID_REQUEST && self.catch_up().await.is_ok() {
                        return Ok(());
                    }
                    self.is_killed_with_its_caller = false;
                    let program = exec.argv.first().map_or("", String::as_str);
                    let message = format!("{program:?} cannot be started: {}", error.message);
                    return Err(SandboxError::Invalid(message));
                }
                Err(CallError::Broken) => self.reconnect(&started.executor_session).await?,
                Err(CallError::Late) => {}
                Err(error @ (CallError::Full | CallError::Unreadable(_))) => {
                    return Err(error.into());
                }
            }
        }
        Err(SandboxError::Broken("the executor does not say whether it started".to_owned()))
    }

    async fn params(&self, paths: &Paths<'_>, exec: &ExecRequest) -> Result<Value, SandboxError> {
        let mut argv = exec.argv.clone();
        if !exec.stdin.is_empty() {
            let file = format!("{}/mainstay-{}.in", self.link.temp_dir(), self.id);
            let write = json!({ "path": file, "dataBase64": base64(&exec.stdin) });
            self.link.call("fs/writeFile", write).await.map_err(SandboxError::from)?;
            let path = path_of(&file).ok_or_else(|| {
                SandboxError::Broken("the executor has no folder for temporary files".to_owned())
            })?;
            let with_input = ["/bin/sh", "-c", WITH_INPUT, &path].map(str::to_owned);
            argv.splice(0..0, with_input);
        }
        Ok(json!({
            "processId": self.id,
            "argv": argv,
            "cwd": url(&paths.on_machine(&exec.cwd)?),
            "env": exec.env,
            // The executor's own secrets stay with it.
            "envPolicy": {
                "inherit": "core", "ignoreDefaultExcludes": false,
                "exclude": [], "set": {}, "includeOnly": [],
            },
            "tty": self.has_terminal,
            "pipeStdin": false,
            "arg0": null,
        }))
    }

    /// Waits until it ends, through broken connections; kills it when its time is over.
    pub(super) async fn end(
        &mut self,
        begun_ms: u64,
        ends_by_ms: u64,
    ) -> Result<ExecOutput, SandboxError> {
        let clock = Arc::clone(&self.place.clock);
        let end = tokio::select! {
            biased;
            ended = self.ended() => ExecEnd::Exited { code: ended?.unwrap_or(-1) },
            () = clock.sleep_until(ends_by_ms) => ExecEnd::TimedOut,
        };
        if end == ExecEnd::TimedOut {
            self.place.kill(&self.id);
            let gives_up = clock.now_ms().saturating_add(KILL_WAIT_MS);
            tokio::select! {
                biased;
                _ = self.ended() => {}
                () = clock.sleep_until(gives_up) => {}
            }
        }
        self.is_killed_with_its_caller = false;
        let left = self.watched.lock().expect("no code panics while it holds an output").take();
        let ((stdout, stdout_omitted_bytes), (stderr, stderr_omitted_bytes)) =
            (left.stdout, left.stderr);
        let duration_ms = clock.now_ms().saturating_sub(begun_ms);
        Ok(ExecOutput {
            end,
            stdout,
            stderr,
            stdout_omitted_bytes,
            stderr_omitted_bytes,
            duration_ms,
        })
    }

    pub(super) async fn ended(&mut self) -> Result<Option<i32>, SandboxError> {
        let session = self.link.session();
        let mut progress =
            self.watched.lock().expect("no code panics while it holds an output").progress();
        loop {
            let now = *progress.borrow_and_update();
            match now {
                Progress::Ended(code) => return Ok(code),
                Progress::Behind => match self.catch_up().await {
                    Ok(()) => {}
                    Err(CallError::Broken | CallError::Late) => self.reconnect(&session).await?,
                    Err(error) => return Err(forgotten(&error)),
                },
                Progress::Running => tokio::select! {
                    biased;
                    _ = progress.changed() => {}
                    () = self.link.closed.cancelled() => {
                        self.reconnect(&session).await?;
                        match self.catch_up().await {
                            Ok(()) | Err(CallError::Broken | CallError::Late) => {}
                            Err(error) => return Err(forgotten(&error)),
                        }
                    }
                },
            }
        }
    }

    /// Reads what came to nobody.
    pub(super) async fn catch_up(&self) -> Result<(), CallError> {
        let mut refused = 0;
        loop {
            let after = self.watched.lock().expect("no code panics while it holds it").last_seq();
            let params = json!({
                "processId": self.id, "afterSeq": after, "maxBytes": READ_BYTES, "waitMs": 0,
            });
            match self.link.ask::<ProcessRead>("process/read", params).await {
                Ok(read) => {
                    let mut watched =
                        self.watched.lock().expect("no code panics while it holds an output");
                    if !watched.read(read) {
                        return Ok(());
                    }
                }
                // One that is just being started cannot be read yet.
                Err(CallError::Refused(error))
                    if error.message.contains("is starting") && refused < READ_LIMIT_COUNT =>
                {
                    refused += 1;
                    let clock = &self.place.clock;
                    clock.sleep_until(clock.now_ms().saturating_add(READ_PAUSE_MS)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for the executor to come back with what it ran.
    async fn reconnect(&mut self, session: &str) -> Result<(), SandboxError> {
        let Some(link) = self.place.link(RETURN_WAIT_MS).await else {
            return Err(SandboxError::Broken(format!(
                "the executor left while the command ran, and did not come back within \
                 {RETURN_WAIT_MS} ms"
            )));
        };
        if link.session() != session {
            self.is_killed_with_its_caller = false;
            return Err(SandboxError::Broken(
                "the executor was restarted while the command ran, and does not know what became of \
                 it"
                    .to_owned(),
            ));
        }
        self.link = link;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.place.unwatch(&self.id);
        if self.is_killed_with_its_caller {
            self.place.kill(&self.id);
        }
    }
}

fn forgotten(error: &CallError) -> SandboxError {
    SandboxError::Broken(format!("the executor does not know what became of the command: {error}"))
}
