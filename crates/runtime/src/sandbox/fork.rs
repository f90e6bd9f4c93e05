//! The machine of a session that begins where another one stands.
//!
//! Invariant: a copied machine is as its journal says: it is copied while the original rests at the entry
//! up to which the journal was, or it is ended again. The session is there before its machine is, so that
//! what a crash leaves of a copy belongs to a session or is ended at the next start. Deliberately absent:
//! a failure: a session without a copy of the machine makes its own from the checkpoint, and its agent is
//! told what that costs.

use mainstay_core::port::SandboxError;
use mainstay_protocol::{ApiError, ErrorCode, JournalId, Principal, Seq, SessionId};
use mainstay_store::{Direction, EntryRange};

use crate::engine::{Engine, api_error};

impl Engine {
    /// Copies the machine of one session for another that was made of its entries up to `seq`, if that is
    /// where it rests.
    pub(crate) async fn fork_machine(
        &self,
        caller: &Principal,
        from: &SessionId,
        to: &SessionId,
        seq: Seq,
    ) {
        match self.try_fork_machine(caller, from, to, seq).await {
            Ok(()) => {}
            // It has no environment.
            Err(error) if error.code == ErrorCode::NotFound => {}
            Err(error) => tracing::warn!(
                %from, %to, error = %error.message,
                "a machine was not copied; the copy's is made from the checkpoint"
            ),
        }
    }

    async fn try_fork_machine(
        &self,
        caller: &Principal,
        from: &SessionId,
        to: &SessionId,
        seq: Seq,
    ) -> Result<(), ApiError> {
        let request = self.sandbox_request(caller, to).await?;
        if !self.rests_at(caller, from, seq).await? {
            return Ok(());
        }
        let copied = self.bounded(self.sandboxes().fork(from, &request)).await;
        // Who began meanwhile may have changed what was copied.
        let rests = self.rests_at(caller, from, seq).await;
        if copied.is_err() || !matches!(rests, Ok(true)) {
            let ended = self.sandboxes().destroy(to).await;
            ended.map_err(|error: SandboxError| super::sandbox_error(&error))?;
        }
        copied.and(rests).map(drop)
    }

    /// Whether a session's journal ends here, and nothing is under way.
    async fn rests_at(
        &self,
        caller: &Principal,
        session: &SessionId,
        seq: Seq,
    ) -> Result<bool, ApiError> {
        let row = self.session_of(session, caller).await?;
        let journal: JournalId = session.as_str().into();
        let last = EntryRange { after: Seq::MAX, direction: Direction::Descending, limit_count: 1 };
        let last = self.store().entries(&journal, last).await.map_err(|error| api_error(&error))?;
        Ok(row.turn.is_none() && last.first().map(|entry| entry.seq) == Some(seq))
    }
}
