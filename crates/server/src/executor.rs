//! `/cloud/environment/{environment}/direct/…`: the door of executors (`codex exec-server --remote`).
//!
//! Invariant: an executor is whoever may use the session that the environment belongs to; what it may
//! do with its connection is the port's business. `docs/spec/executor.md` is the protocol.

mod address;
mod connect;
mod register;

pub(crate) use self::address::remote_url;
pub(crate) use self::connect::connect;
pub(crate) use self::register::register;

use std::sync::Arc;

use mainstay_core::port::{ExecutorError, Executors};
use mainstay_protocol::{ApiError, ErrorCode, SessionId};

use crate::auth::Caller;
use crate::error::not_found;
use crate::openai::agents::sessions::SessionRows;
use crate::openai::project::environment_session;
use crate::state::AppState;

/// The way of speaking that is offered.
const TRANSPORT: &str = "direct_jsonrpc_v1";

/// The session of a self-hosted environment that the caller may use.
async fn session_of(
    state: &AppState,
    Caller(caller): &Caller,
    environment: &str,
) -> Result<SessionId, ApiError> {
    let missing = || not_found("environment", environment);
    let session = environment_session(environment).ok_or_else(missing)?;
    let rows = SessionRows::load(state, caller, session.as_str()).await.map_err(|_| missing())?;
    let sandbox = rows.config.sandbox.ok_or_else(missing)?;
    if sandbox.spec.executor.is_none() {
        let message = format!(
            "environment {environment:?} is hosted by this server; executors \
                               connect to environments of the type \"self_hosted\""
        );
        return Err(ApiError::new(ErrorCode::InvalidParameter, message));
    }
    Ok(session)
}

fn executors(state: &AppState) -> Result<&Arc<dyn Executors>, ApiError> {
    state
        .executors()
        .ok_or_else(|| ApiError::new(ErrorCode::Unsupported, "this server takes no executors"))
}

/// Why an executor is turned away, by what it does next: on a conflict it registers again.
fn turned_away(error: &ExecutorError) -> ApiError {
    let code = match error {
        ExecutorError::Unregistered => ErrorCode::Conflict,
        ExecutorError::Superseded => ErrorCode::Forbidden,
        ExecutorError::Failed(_) => ErrorCode::Internal,
    };
    ApiError::new(code, error.to_string())
}
