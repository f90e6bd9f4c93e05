//! Responses that are not kept.
//!
//! Invariant: a response with `store: false` is found by its id until its client has it, and then by
//! nobody: its session is deleted with its journal. If the client leaves before that, or the server
//! ends, the session is deleted within [`KEEP_MS`].

use mainstay_protocol::{ApiError, Principal, SessionId};

use crate::state::AppState;

/// How long a session that nobody is to keep waits for its reader.
const KEEP_MS: u64 = 60 * 60 * 1_000;

/// Sees to it that a session is deleted, whatever becomes of its reader.
pub(super) async fn announce(
    state: &AppState,
    caller: &Principal,
    session: &SessionId,
) -> Result<(), ApiError> {
    state.engine().forget_after(caller, session, KEEP_MS).await
}

/// Deletes a session that nobody was to keep.
pub(super) async fn forget(state: &AppState, caller: &Principal, session: &SessionId) {
    if let Err(error) = state.engine().erase(caller, session).await {
        tracing::warn!(%session, %error, "a session that was not to be kept could not be deleted");
    }
}

/// A session to be deleted when its stream is over.
pub(super) struct Forgetting {
    state: AppState,
    caller: Principal,
    session: SessionId,
}

impl Forgetting {
    pub(super) fn new(state: &AppState, caller: &Principal, session: &SessionId) -> Self {
        Self { state: state.clone(), caller: caller.clone(), session: session.clone() }
    }

    pub(super) async fn now(self) {
        forget(&self.state, &self.caller, &self.session).await;
    }
}
