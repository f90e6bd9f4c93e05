//! Terminals of a machine.

use std::collections::BTreeMap;

use bytes::Bytes;
use mainstay_core::port::{ExecEnd, SandboxError};
use mainstay_guest::{Answer, Kind, Request};

use super::connect::Machine;
use super::exec::end;
use super::failure::{nonsense, told};
use super::lane::Arrival;
use super::request::{Call, closed};
use super::tasks::send_data;

/// A command on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalRequest {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Working folder inside the machine.
    pub cwd: String,
    /// Variables beside the machine's own.
    pub env: BTreeMap<String, String>,
    /// Width.
    pub columns: u16,
    /// Height.
    pub rows: u16,
}

/// A terminal; dropping it ends what runs on it.
pub struct Terminal {
    call: Call,
}

/// What comes from a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalEvent {
    /// It shows this.
    Output(Bytes),
    /// Its command ended.
    Ended(ExecEnd),
}

impl Machine {
    /// Starts a command on a terminal of its own.
    ///
    /// # Errors
    /// The connection is over. That a command cannot be started is said by [`Terminal::next`].
    pub async fn terminal(&self, request: TerminalRequest) -> Result<Terminal, SandboxError> {
        let TerminalRequest { argv, cwd, env, columns, rows } = request;
        let wire = Request::Terminal { argv, cwd, env, columns, rows };
        Ok(Terminal { call: Call::open(&self.connection, &wire).await? })
    }
}

impl Terminal {
    /// Waits for what comes next. Cancelling it loses nothing.
    ///
    /// # Errors
    /// The command cannot be started, or the connection is over.
    pub async fn next(&self) -> Result<TerminalEvent, SandboxError> {
        let connection = self.call.connection();
        loop {
            let arrival = tokio::select! {
                biased;
                arrival = self.call.lane().next() => arrival,
                () = connection.closed() => return Err(closed(connection)),
            };
            match arrival {
                Arrival::Data(piece, granted) => {
                    connection.grant(self.call.lane().id, granted);
                    return Ok(TerminalEvent::Output(piece));
                }
                Arrival::Result(reply) => {
                    self.call.done();
                    return match reply.map_err(told)? {
                        Answer::Terminal { end: ended } => Ok(TerminalEvent::Ended(end(ended))),
                        _ => Err(nonsense("another answer than the end of a terminal")),
                    };
                }
                Arrival::Shown(..) => {}
                Arrival::End => return Err(nonsense("an end without a result")),
            }
        }
    }

    /// Types; waits while the machine has not taken what was typed before.
    ///
    /// # Errors
    /// The command has ended, or the connection is over.
    pub async fn write(&self, bytes: Bytes) -> Result<(), SandboxError> {
        let connection = self.call.connection();
        let sent = tokio::select! {
            biased;
            () = connection.closed() => return Err(closed(connection)),
            sent = send_data(connection, self.call.lane(), bytes) => sent,
        };
        sent.map_err(|_| SandboxError::Invalid("the terminal's command has ended".to_owned()))
    }

    /// Tells it its size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let [c0, c1] = columns.to_le_bytes();
        let [r0, r1] = rows.to_le_bytes();
        let lane = self.call.lane().id;
        self.call.connection().send_urgent(Kind::Resize, lane, &[c0, c1, r0, r1]);
    }
}
