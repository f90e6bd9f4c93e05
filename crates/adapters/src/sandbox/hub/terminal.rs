//! Terminals of sessions' machines.
//!
//! Invariant: a machine is in use while a terminal of it is open, and so is not parked under it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    Readiness, SandboxError, SandboxRequest, Terminal, TerminalEvent, TerminalRequest,
};

use super::inner::Inner;
use super::slot::Use;

struct InUse {
    terminal: Box<dyn Terminal>,
    _call: Use,
}

impl Inner {
    /// Starts a command on a terminal.
    pub(super) async fn terminal(
        self: &Arc<Self>,
        request: &SandboxRequest,
        terminal: TerminalRequest,
    ) -> Result<(Box<dyn Terminal>, Readiness), SandboxError> {
        let used = self.take(request).await?;
        let call = self.slot(&request.session).hold();
        let started = used.live.guest.terminal(terminal).await;
        let (terminal, readiness) = self.give_back(used, started).await?;
        Ok((Box::new(InUse { terminal, _call: call }), readiness))
    }
}

#[async_trait]
impl Terminal for InUse {
    async fn next(&self) -> Result<TerminalEvent, SandboxError> {
        self.terminal.next().await
    }

    async fn write(&self, bytes: Bytes) -> Result<(), SandboxError> {
        self.terminal.write(bytes).await
    }

    fn resize(&self, columns: u16, rows: u16) {
        self.terminal.resize(columns, rows);
    }
}
