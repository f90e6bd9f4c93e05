//! A terminal on the executor's machine.
//!
//! Invariant: as long as it is held its command runs, through broken connections; dropping it kills the
//! command. Deliberately absent: a new size while it runs, which the executor's protocol has no word for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    ExecEnd, ExecRequest, OutputSink, SandboxError, Terminal, TerminalEvent, TerminalRequest,
};
use mainstay_protocol::EffectId;
use serde_json::json;
use tokio::sync::{Mutex, mpsc};

use super::commands::{CONNECT_WAIT_MS, Process, RETURN_WAIT_MS, away};
use super::paths::Paths;
use super::place::Place;
use super::record::Started;
use super::rpc::base64;

/// What is shown and waits to be taken; what is more is lost, as on a screen that scrolls.
const SHOWN_LIMIT_COUNT: usize = 1_024;
/// No terminal lasts longer.
const MAX_TERMINAL_MS: u64 = 24 * 3_600_000;
/// Gives the terminal its size before the command begins.
const SIZED: &str = r#"stty cols "$0" rows "$1" 2>/dev/null; shift; exec "$@""#;

struct ExecutorTerminal {
    place: Arc<Place>,
    id: String,
    state: Mutex<State>,
    write_count: AtomicU64,
}

struct State {
    process: Process,
    shown: mpsc::Receiver<Bytes>,
    end: Option<ExecEnd>,
}

/// Starts a command on a terminal.
pub(super) async fn open(
    place: &Arc<Place>,
    paths: &Paths<'_>,
    effect: EffectId,
    terminal: TerminalRequest,
) -> Result<Box<dyn Terminal>, SandboxError> {
    let link = place.link(CONNECT_WAIT_MS).await.ok_or_else(away)?;
    let started = Started {
        effect: effect.clone(),
        executor_session: link.session(),
        ends_by_ms: place.clock.now_ms().saturating_add(MAX_TERMINAL_MS),
        limit_bytes: 0,
    };
    let sized = ["/bin/sh".to_owned(), "-c".to_owned(), SIZED.to_owned()];
    let size = [terminal.columns.to_string(), terminal.rows.to_string()];
    let exec = ExecRequest {
        effect: effect.clone(),
        argv: sized.into_iter().chain(size).chain(terminal.argv).collect(),
        cwd: terminal.cwd,
        env: terminal.env,
        stdin: Bytes::new(),
        timeout_ms: MAX_TERMINAL_MS,
        output_limit_bytes: 0,
    };
    let (sender, shown) = mpsc::channel(SHOWN_LIMIT_COUNT);
    let sink: OutputSink = Arc::new(move |_, bytes: &[u8]| {
        let _ = sender.try_send(Bytes::copy_from_slice(bytes));
    });
    let mut process = Process::new(place, link, &started, Some(sink));
    process.on_terminal();
    process.start(paths, &exec, &started).await?;
    let state = Mutex::new(State { process, shown, end: None });
    let (place, id) = (Arc::clone(place), effect.to_string());
    Ok(Box::new(ExecutorTerminal { place, id, state, write_count: AtomicU64::new(0) }))
}

#[async_trait]
impl Terminal for ExecutorTerminal {
    async fn next(&self) -> Result<TerminalEvent, SandboxError> {
        let mut state = self.state.lock().await;
        let State { process, shown, end } = &mut *state;
        if end.is_none() {
            tokio::select! {
                biased;
                Some(bytes) = shown.recv() => return Ok(TerminalEvent::Output(bytes)),
                ended = process.ended() => {
                    *end = Some(ExecEnd::Exited { code: ended?.unwrap_or(-1) });
                }
            }
        }
        // What was shown before the end is handed out before it.
        match (shown.try_recv(), *end) {
            (Ok(bytes), _) => Ok(TerminalEvent::Output(bytes)),
            (Err(_), Some(end)) => Ok(TerminalEvent::Ended(end)),
            (Err(_), None) => Err(away()),
        }
    }

    async fn write(&self, bytes: Bytes) -> Result<(), SandboxError> {
        let link = self.place.link(RETURN_WAIT_MS).await.ok_or_else(away)?;
        let number = self.write_count.fetch_add(1, Ordering::Relaxed);
        let params = json!({
            "processId": self.id,
            "chunk": base64(&bytes),
            "writeId": format!("{}-{number}", self.id),
        });
        link.call("process/write", params).await.map(drop).map_err(SandboxError::from)
    }

    fn resize(&self, _: u16, _: u16) {}
}
