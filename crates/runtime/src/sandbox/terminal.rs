//! Terminals that operators open in a session's machine.
//!
//! Invariant: the journal says who opened one before it is there, and that it ended after, also when its
//! operator just left. Deliberately absent: what is typed and shown on it.

use mainstay_core::fact::SandboxOperation;
use mainstay_core::port::{ExecEnd, Terminal, TerminalRequest};
use mainstay_protocol::{ApiError, EffectId, Principal, SessionId};

use super::sandbox_error;
use super::unended::Held;
use crate::engine::Engine;

/// Why one ends of which nothing else is known.
const LEFT: &str = "the operator left";

/// A terminal of an operator.
pub struct OperatorTerminal {
    engine: Engine,
    caller: Principal,
    session: SessionId,
    effect: EffectId,
    terminal: Option<Box<dyn Terminal>>,
    outcome: Result<ExecEnd, String>,
    held: Option<Held>,
}

impl Engine {
    /// Starts a command on a terminal of the session's machine, which is made if it is not there.
    pub async fn open_terminal(
        &self,
        caller: &Principal,
        session: &SessionId,
        request: TerminalRequest,
    ) -> Result<OperatorTerminal, ApiError> {
        let sandbox = self.sandbox_request(caller, session).await?;
        let effect = self.mint_effect();
        let begun = SandboxOperation::ExecBegun {
            effect: effect.clone(),
            argv: request.argv.clone(),
            cwd: request.cwd.clone(),
            has_terminal: true,
        };
        let held = Some(Held::new(self.inner(), &effect));
        self.operate(caller, session, begun, None).await?;
        let engine = Self::of(self.inner());
        let (caller, session) = (caller.clone(), session.clone());
        // From here on its end is written down, whatever happens.
        let outcome = Err(LEFT.to_owned());
        let mut opened =
            OperatorTerminal { engine, caller, session, effect, terminal: None, outcome, held };
        let (terminal, _) = self.bounded(self.sandboxes().terminal(&sandbox, request)).await?;
        opened.terminal = Some(terminal);
        Ok(opened)
    }
}

impl OperatorTerminal {
    /// The terminal.
    ///
    /// # Errors
    /// It was not opened.
    pub fn terminal(&self) -> Result<&dyn Terminal, ApiError> {
        let missing = mainstay_core::port::SandboxError::Broken("it was not opened".to_owned());
        self.terminal.as_deref().ok_or_else(|| sandbox_error(&missing))
    }

    /// Its command ended.
    pub fn ended(&mut self, end: ExecEnd) {
        self.outcome = Ok(end);
    }

    /// It is over before its command ended, for this reason.
    pub fn failed(&mut self, reason: &str) {
        self.outcome = Err(reason.to_owned());
    }
}

impl Drop for OperatorTerminal {
    fn drop(&mut self) {
        drop(self.terminal.take());
        let engine = Engine::of(self.engine.inner());
        let (caller, session) = (self.caller.clone(), self.session.clone());
        let effect = self.effect.clone();
        let end = self.outcome.as_ref().ok().copied();
        let error = self.outcome.as_ref().err().cloned();
        let held = self.held.take();
        let write = async move {
            engine.exec_ended(&caller, &session, effect, end, error).await;
            drop(held);
        };
        self.engine.inner().spawner.spawn("operator's terminal", write, || {});
    }
}
