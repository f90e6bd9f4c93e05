//! What a failed call says of the world.

use mainstay_core::port::{ToolError, WorldChange};
use mainstay_core::tool::Safety;
use rmcp::ServiceError;
use rmcp::model::ErrorData;
use rmcp::transport::streamable_http_client::StreamableHttpError;

use serde::Deserialize;

use super::http::HttpFault;
use super::oauth::Challenge;
use crate::tool::egress::EgressError;

/// What is done with a failed call.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server answered; the model reads it.
    Model(String),
    /// It did not; the runtime decides.
    Attempt(ToolError),
    /// The server wants to be shown a token, or another one.
    Challenged(Challenge),
    /// The user has to open these addresses first, each with its name.
    Visits(Vec<UrlElicitation>),
}

/// An address that the user has to open first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UrlElicitation {
    #[serde(default)]
    pub(super) elicitation_id: String,
    pub(super) message: String,
    pub(super) url: String,
}

/// The protocol's code for a call that the user has to open an address for.
const URL_ELICITATION_REQUIRED: i32 = -32042;

#[derive(Deserialize)]
struct Elicitations {
    elicitations: Vec<UrlElicitation>,
}

fn visits(error: &ErrorData) -> Option<Vec<UrlElicitation>> {
    let data = error.data.clone().filter(|_| error.code.0 == URL_ELICITATION_REQUIRED)?;
    let asked: Elicitations = serde_json::from_value(data).ok()?;
    Some(asked.elicitations).filter(|asked| !asked.is_empty())
}

/// Sorts a failure of a call to the server called `name`.
pub(super) fn sort(error: ServiceError, name: &str, safety: Safety) -> Failure {
    if let Some(challenge) = Challenge::of_request(&error) {
        return Failure::Challenged(challenge);
    }
    match error {
        ServiceError::McpError(error) => {
            if let Some(visits) = visits(&error) {
                return Failure::Visits(visits);
            }
            Failure::Model(format!("the MCP server answered: {}", error.message))
        }
        ServiceError::UnexpectedResponse => Failure::Model(
            "the MCP server answered with something that is no result of a tool".to_owned(),
        ),
        ServiceError::TransportSend(error) => match error.error.downcast::<HttpFault>() {
            Ok(fault) => over_http(*fault, name, safety),
            // The pipe is closed: a part of a message at most was taken, and a part is no message.
            Err(error) => Failure::Attempt(attempt(name, &error.to_string(), WorldChange::No)),
        },
        ServiceError::TransportClosed => {
            Failure::Attempt(attempt(name, "the connection ended", after_sending(safety)))
        }
        other => Failure::Attempt(attempt(name, &other.to_string(), after_sending(safety))),
    }
}

fn over_http(fault: HttpFault, name: &str, safety: Safety) -> Failure {
    match fault {
        StreamableHttpError::Client(EgressError::Refused(refusal)) => {
            Failure::Model(refusal.to_string())
        }
        StreamableHttpError::Client(error) => Failure::Attempt(error.into_tool_error(safety)),
        StreamableHttpError::HttpStatus(status) => {
            let retry_after_ms =
                status.retry_after.as_deref().and_then(|text| text.parse::<u64>().ok());
            let retry_after_ms =
                retry_after_ms.map(|seconds| seconds.saturating_mul(1_000).min(MAX_RETRY_AFTER_MS));
            let is_turned_away =
                status.status == 429 || (status.status == 503 && retry_after_ms.is_some());
            if !is_turned_away && status.status < 500 {
                return Failure::Model(format!("the MCP server answered: HTTP {}", status.status));
            }
            let world = if is_turned_away { WorldChange::No } else { after_sending(safety) };
            let error = attempt(name, &format!("HTTP {}", status.status), world);
            Failure::Attempt(ToolError { retry_after_ms, ..error })
        }
        // The server does not know the connection's session, and so did nothing in it.
        StreamableHttpError::SessionExpired => {
            Failure::Attempt(attempt(name, "its session ended", WorldChange::No))
        }
        other => Failure::Attempt(attempt(name, &other.to_string(), after_sending(safety))),
    }
}

/// The longest wait that a server may ask for, in milliseconds.
const MAX_RETRY_AFTER_MS: u64 = 3_600_000;

/// Time ran out after the call was sent.
pub(super) fn timed_out(name: &str, timeout_ms: u64, safety: Safety) -> ToolError {
    attempt(name, &format!("no answer in {timeout_ms} ms"), after_sending(safety))
}

fn after_sending(safety: Safety) -> WorldChange {
    match safety {
        Safety::ReadOnly => WorldChange::No,
        Safety::Idempotent | Safety::Once => WorldChange::Maybe,
    }
}

fn attempt(name: &str, reason: &str, world: WorldChange) -> ToolError {
    ToolError {
        message: format!("call the MCP server {name}: {reason}"),
        retryable: true,
        world,
        retry_after_ms: None,
        needs: None,
    }
}
