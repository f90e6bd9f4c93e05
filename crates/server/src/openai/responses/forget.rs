//! Responses that are not kept.
//!
//! Invariant: a response with `store: false` is found by its id until its client has it, and then by
//! nobody: its session is deleted with its journal. If the client leaves before the end, the session is
//! deleted when its turn has ended.

use mainstay_protocol::{Principal, SessionId};

use crate::state::AppState;

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
