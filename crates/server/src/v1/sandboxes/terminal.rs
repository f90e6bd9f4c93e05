//! `GET /v1/sandboxes/{sandbox}/terminal`: a terminal in a machine, over a WebSocket.
//!
//! Invariant: binary messages are what is typed and shown, text messages say everything else. Whichever
//! side closes ends what runs on the terminal. The server's last message says how it ended.

use std::collections::BTreeMap;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use futures::future::{Fuse, FusedFuture};
use futures::{FutureExt, SinkExt};
use mainstay_core::port::{ExecEnd, SandboxError, TerminalEvent, TerminalRequest, WORKSPACE};
use mainstay_protocol::{ApiError, ErrorCode, Scope};
use mainstay_runtime::OperatorTerminal;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::find::find;
use crate::auth::Caller;
use crate::closing::Closing;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::wire::{At, Pairs};
use crate::state::AppState;

/// The largest message of a client.
const MAX_MESSAGE_BYTES: usize = 65_536;
/// The longest command.
const MAX_COMMAND_CHARS: usize = 16_384;
const DEFAULT_COLUMNS: u64 = 80;
const DEFAULT_ROWS: u64 = 24;
const MAX_SIDE: u64 = 2_000;

/// Takes the connection over.
pub(crate) async fn terminal(
    State(state): State<AppState>,
    caller: Caller,
    Ids(sandbox): Ids<String>,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer<Response> {
    caller.require(Scope::Admin)?;
    let request = read(query.as_deref().unwrap_or_default())?;
    let row = find(&state, &caller.0, &sandbox).await?;
    let upgrade = upgrade.map_err(|rejection| {
        ApiError::new(ErrorCode::InvalidParameter, rejection.body_text().to_lowercase())
    })?;
    let place = state.admit_stream()?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE_BYTES).max_frame_size(MAX_MESSAGE_BYTES);
    // Refusals are answers of HTTP, which a client can read.
    let opened = state.engine().open_terminal(&caller.0, &row.id, request).await?;
    Ok(upgrade.on_upgrade(move |socket| work(opened, socket, place)))
}

fn read(query: &str) -> Result<TerminalRequest, ApiError> {
    let mut pairs = Pairs::parse(query)?;
    let columns = side(&mut pairs, "columns", DEFAULT_COLUMNS)?;
    let rows = side(&mut pairs, "rows", DEFAULT_ROWS)?;
    let command = pairs.take("command");
    let kind = pairs.take("term").unwrap_or_else(|| "xterm-256color".to_owned());
    pairs.finish()?;
    let at = At::Root;
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if kind.len() > 64 || !is_name(&kind) {
        return Err(at.field("term").invalid("is no terminal's name"));
    }
    let argv = match command {
        None => vec!["/bin/bash".to_owned(), "-l".to_owned()],
        Some(command)
            if command.is_empty()
                || command.contains('\0')
                || command.chars().count() > MAX_COMMAND_CHARS =>
        {
            let message = format!("is not 1 to {MAX_COMMAND_CHARS} characters");
            return Err(at.field("command").invalid(message));
        }
        Some(command) => vec!["/bin/bash".to_owned(), "-c".to_owned(), command],
    };
    let env = BTreeMap::from([("TERM".to_owned(), kind)]);
    Ok(TerminalRequest { argv, cwd: WORKSPACE.to_owned(), env, columns, rows })
}

fn side(pairs: &mut Pairs, name: &str, default: u64) -> Result<u16, ApiError> {
    let value = pairs.number(name)?.unwrap_or(default);
    let side = u16::try_from(value).ok().filter(|_| (1..=MAX_SIDE).contains(&value));
    side.ok_or_else(|| At::Root.field(name).invalid(format!("is not 1 to {MAX_SIDE}")))
}

/// What a client says beside what it types.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    Resize { columns: u16, rows: u16 },
}

async fn work(mut opened: OperatorTerminal, mut socket: WebSocket, _place: OwnedSemaphorePermit) {
    let (last, close) = match converse(&opened, &mut socket).await {
        Over::Left => {
            drop(opened);
            // Who said good-bye is answered; who is gone is not.
            let _ = socket.close().await;
            return;
        }
        Over::Ended(end) => {
            opened.ended(end);
            (
                ended(end),
                Closing { code: close_code::NORMAL, reason: "the command ended".to_owned() },
            )
        }
        Over::Failed(reason) => {
            opened.failed(&reason);
            (failed(&reason), Closing { code: close_code::ERROR, reason })
        }
        Over::Unread(close) => {
            opened.failed(&close.reason);
            (failed(&close.reason), close)
        }
    };
    // Its end is in the journal whether or not somebody is there for the last word.
    drop(opened);
    let _ = socket.send(Message::Text(last.to_string().into())).await;
    let _ = socket.send(close.message()).await;
}

enum Over {
    /// The client left.
    Left,
    Ended(ExecEnd),
    Failed(String),
    /// The client said what cannot be read.
    Unread(Closing),
}

async fn converse(opened: &OperatorTerminal, socket: &mut WebSocket) -> Over {
    let terminal = match opened.terminal() {
        Ok(terminal) => terminal,
        Err(error) => return Over::Failed(error.message),
    };
    // What is shown goes on while what is typed waits for a program that does not read.
    let mut typing = Fuse::terminated();
    loop {
        tokio::select! {
            biased;
            typed = &mut typing => match typed {
                // What is typed into a command that ended is nobody's; its end comes next.
                Ok(()) | Err(SandboxError::Invalid(_)) => {}
                Err(error) => return Over::Failed(error.to_string()),
            },
            said = socket.recv(), if typing.is_terminated() => match said {
                Some(Ok(Message::Binary(bytes))) => typing = terminal.write(bytes).fuse(),
                Some(Ok(Message::Text(text))) => match serde_json::from_str(text.as_str()) {
                    Ok(Said::Resize { columns, rows }) => terminal.resize(columns, rows),
                    Err(error) => {
                        let reason = format!("a message is not known: {error}");
                        return Over::Unread(Closing { code: close_code::POLICY, reason });
                    }
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Err(error)) => return Closing::of(error).map_or(Over::Left, Over::Unread),
                Some(Ok(Message::Close(_))) | None => return Over::Left,
            },
            event = terminal.next() => match event {
                Ok(TerminalEvent::Output(bytes)) => {
                    if socket.send(Message::Binary(bytes)).await.is_err() {
                        return Over::Left;
                    }
                }
                Ok(TerminalEvent::Ended(end)) => return Over::Ended(end),
                Err(error) => return Over::Failed(error.to_string()),
            },
        }
    }
}

fn failed(reason: &str) -> serde_json::Value {
    json!({"type": "error", "message": reason})
}

fn ended(end: ExecEnd) -> serde_json::Value {
    match end {
        ExecEnd::Exited { code } => json!({"type": "ended", "exit_code": code}),
        ExecEnd::Signalled { signal } => json!({"type": "ended", "signal": signal}),
        ExecEnd::TimedOut | ExecEnd::OutOfMemory => json!({"type": "ended"}),
    }
}
