//! Putting a session's machine away, ending it, and setting it back to a checkpoint.
//!
//! Invariant: a machine that is there when a set-back is committed is ended, so that the next call makes
//! one from the checkpoint that was asked for; the session is told how many calls that costs it.

use mainstay_core::effect::EffectRequest;
use mainstay_core::fact::{Fact, SandboxOperation};
use mainstay_core::port::{SandboxError, SandboxInfo};
use mainstay_protocol::{ApiError, ErrorCode, Principal, Seq, SessionId};
use mainstay_store::Direction;

use super::carried::kept_no_longer;
use super::checkpoints::CheckpointSeen;
use super::operate::no_machine;
use super::sandbox_error;
use crate::engine::Engine;

impl Engine {
    /// Puts the session's machine away.
    pub async fn park_sandbox(
        &self,
        caller: &Principal,
        session: &SessionId,
    ) -> Result<(), ApiError> {
        self.session_of(session, caller).await?;
        self.sandbox_of(session).await?.ok_or_else(|| no_machine(session))?;
        self.operate(caller, session, SandboxOperation::Parked, None).await?;
        let parked = self.sandboxes().park(session).await;
        parked.map_err(|error| match error {
            // It is in use by something that is no turn: a file, a terminal.
            SandboxError::Invalid(why) => ApiError::new(ErrorCode::Conflict, why),
            error => sandbox_error(&error),
        })
    }

    /// Ends the session's machine; the next call makes another from the last checkpoint.
    pub async fn remove_sandbox(
        &self,
        caller: &Principal,
        session: &SessionId,
    ) -> Result<(), ApiError> {
        self.session_of(session, caller).await?;
        self.sandbox_of(session).await?.ok_or_else(|| no_machine(session))?;
        self.operate(caller, session, SandboxOperation::Removed, None).await?;
        self.end_machine(session).await
    }

    /// Sets the workspace back to a checkpoint of the journal.
    pub async fn restore_sandbox(
        &self,
        caller: &Principal,
        session: &SessionId,
        checkpoint: Seq,
    ) -> Result<CheckpointSeen, ApiError> {
        let row = self.session_of(session, caller).await?;
        if row.turn.is_some() {
            let message = "the machine is in use by a turn; wait for it, or cancel it";
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        let before = row.workspace.map_or(0, |workspace| workspace.collected_before);
        if checkpoint < before {
            // Whether it is one at all is asked first.
            self.history(session, checkpoint).await?;
            return Err(kept_no_longer(session, checkpoint, before, "checkpoint"));
        }
        let History { seen, lost_calls, head } = self.history(session, checkpoint).await?;
        let Some(found) = seen.checkpoint.clone() else {
            let message = format!("nothing was saved at {checkpoint}: there was no machine");
            return Err(
                ApiError::new(ErrorCode::InvalidParameter, message).with_param("checkpoint")
            );
        };
        let operation =
            SandboxOperation::Restored { seq: checkpoint, checkpoint: found, lost_calls };
        // Ended before it is committed: after a crash in between, what is not saved is told as lost, and
        // no call meets a machine that the journal has set back.
        self.end_machine(session).await?;
        self.operate(caller, session, operation, Some(head)).await?;
        let now_ms = self.clock().now_ms();
        let is_older = |machine: &SandboxInfo| machine.created_at_ms <= now_ms;
        if self.sandbox_of(session).await?.as_ref().is_some_and(is_older) {
            self.end_machine(session).await?;
        }
        Ok(seen)
    }

    async fn end_machine(&self, session: &SessionId) -> Result<(), ApiError> {
        self.sandboxes().destroy(session).await.map_err(|error| sandbox_error(&error))
    }

    /// The session's machine, if it has one now.
    pub async fn sandbox_of(&self, session: &SessionId) -> Result<Option<SandboxInfo>, ApiError> {
        let found = self.sandboxes().list().await.map_err(|error| sandbox_error(&error))?;
        Ok(found.into_iter().find(|info| info.session == *session))
    }

    /// The checkpoint that an entry brought, and what was called since.
    async fn history(&self, session: &SessionId, checkpoint: Seq) -> Result<History, ApiError> {
        let mut after = checkpoint.saturating_sub(1);
        let (mut seen, mut calls, mut head) = (None, Vec::new(), 0);
        loop {
            let page = self.page(session, after, Direction::Ascending).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            head = last.seq;
            for entry in &page {
                if entry.seq == checkpoint {
                    seen = CheckpointSeen::of(entry);
                }
                if let Ok(Fact::EffectRequested(fact)) = Fact::read(entry)
                    && matches!(fact.request, EffectRequest::Tool { .. })
                {
                    calls.push(fact.effect);
                }
            }
            if seen.is_none() {
                break;
            }
        }
        let seen = seen.ok_or_else(|| {
            let message = format!("entry {checkpoint} of session {session} is no checkpoint");
            ApiError::new(ErrorCode::NotFound, message).with_param("checkpoint")
        })?;
        let lost_calls = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        Ok(History { seen, lost_calls, head })
    }
}

/// What a set-back is decided from.
struct History {
    seen: CheckpointSeen,
    /// Calls since: some of them may not have touched the machine.
    lost_calls: u32,
    /// The last entry.
    head: Seq,
}
