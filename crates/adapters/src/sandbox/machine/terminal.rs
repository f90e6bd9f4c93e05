//! Terminals of a machine.

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{self, SandboxError, TerminalEvent, TerminalRequest};
use mainstay_guest::{Answer, Request};

use super::connect::Machine;
use super::exec::end;
use super::failure::{nonsense, told};
use super::lane::Arrival;
use super::request::{Call, closed};
use super::tasks::send_data;

/// A terminal of a machine.
pub struct Terminal {
    call: Call,
}

impl Machine {
    /// Starts a command on a terminal of its own.
    ///
    /// # Errors
    /// The connection is over. That a command cannot be started is said by the terminal.
    pub async fn terminal(&self, request: TerminalRequest) -> Result<Terminal, SandboxError> {
        let TerminalRequest { argv, cwd, env, columns, rows } = request;
        let wire = Request::Terminal { argv, cwd, env, columns, rows };
        Ok(Terminal { call: Call::open(&self.connection, &wire).await? })
    }
}

#[async_trait]
impl port::Terminal for Terminal {
    async fn next(&self) -> Result<TerminalEvent, SandboxError> {
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

    async fn write(&self, bytes: Bytes) -> Result<(), SandboxError> {
        let connection = self.call.connection();
        let sent = tokio::select! {
            biased;
            () = connection.closed() => return Err(closed(connection)),
            sent = send_data(connection, self.call.lane(), bytes) => sent,
        };
        sent.map_err(|_| SandboxError::Invalid("the terminal's command has ended".to_owned()))
    }

    fn resize(&self, columns: u16, rows: u16) {
        let [c0, c1] = columns.to_le_bytes();
        let [r0, r1] = rows.to_le_bytes();
        self.call.connection().resize(self.call.lane().id, [c0, c1, r0, r1]);
    }
}
