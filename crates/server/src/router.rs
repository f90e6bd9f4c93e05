//! The routes with what stands before and behind every request.

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::kept::{self, Kept};
use crate::routes::{keyed, open};
use crate::state::AppState;
use crate::{auth, gate, unread};

/// The server's routes, for [`crate::serve`] and for tests without a socket.
pub fn router(state: AppState) -> Router {
    let keyed = keyed();
    let kept = Kept::new(state.clone(), keyed.kept_paths());
    let keyed = keyed
        .into_router()
        .fallback(gate::no_route)
        .method_not_allowed_fallback(gate::no_method)
        .layer(from_fn_with_state(kept, kept::keep))
        .layer(from_fn_with_state(state.clone(), auth::require_key))
        .layer(from_fn_with_state(state.clone(), gate::admit));
    open()
        .into_router()
        .merge(keyed)
        .layer(from_fn_with_state(state.clone(), unread::read_to_end))
        .layer(from_fn_with_state(state.clone(), gate::observe))
        .with_state(state)
}
