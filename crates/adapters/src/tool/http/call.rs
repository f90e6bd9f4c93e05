//! One call of an HTTP tool.

use std::collections::BTreeMap;

use bytes::Bytes;
use mainstay_core::port::{ToolCall, ToolError, ToolOutput, WorldChange};
use mainstay_core::tool::Safety;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use super::request::{parse_headers, render};
use super::specs::{GET, SEND};
use crate::tool::egress::{
    AllowedHosts, Egress, EgressError, IDEMPOTENCY_KEY, Incoming, MAX_RESPONSE_BYTES, Outgoing,
    retry_after_ms,
};
use crate::tool::output::{bounded, bounded_error, terminal};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    method: Option<String>,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<String>,
}

/// Runs one attempt.
pub(crate) async fn call(
    egress: &Egress,
    hosts: &AllowedHosts,
    call: &ToolCall,
) -> Result<ToolOutput, ToolError> {
    let safety = match call.spec.remote_name.as_str() {
        GET => Safety::ReadOnly,
        SEND => Safety::Once,
        other => return Err(terminal(format!("there is no HTTP tool {other:?}"))),
    };
    let request = match outgoing(call, safety) {
        Ok(request) => request,
        Err(fault) => return Ok(ToolOutput::error(fault)),
    };
    match egress.send(request, hosts).await {
        Ok(answer) => settle(&answer, safety),
        Err(EgressError::Refused(refusal)) => Ok(bounded_error(refusal.to_string())),
        Err(error) => Err(error.into_tool_error(safety)),
    }
}

fn outgoing(call: &ToolCall, safety: Safety) -> Result<Outgoing, String> {
    let arguments = Arguments::deserialize(call.arguments.as_ref())
        .map_err(|error| format!("the arguments do not fit: {error}"))?;
    let url = Url::parse(&arguments.url)
        .map_err(|error| format!("the URL {:?} is not usable: {error}", arguments.url))?;
    let mut headers = parse_headers(&arguments.headers)?;
    let method = match (safety, arguments.method.as_deref()) {
        (Safety::ReadOnly, _) => Method::GET,
        (Safety::Idempotent | Safety::Once, Some("PUT")) => Method::PUT,
        (Safety::Idempotent | Safety::Once, Some("PATCH")) => Method::PATCH,
        (Safety::Idempotent | Safety::Once, Some("DELETE")) => Method::DELETE,
        (Safety::Idempotent | Safety::Once, _) => Method::POST,
    };
    if safety != Safety::ReadOnly {
        let key = HeaderValue::from_str(call.effect.as_str()).expect("ids are plain ASCII");
        headers.insert(IDEMPOTENCY_KEY, key);
    }
    if arguments.body.is_some() && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(Outgoing {
        method,
        url,
        headers,
        body: arguments.body.map(Bytes::from),
        timeout_ms: Some(call.spec.timeout_ms),
        limit_bytes: MAX_RESPONSE_BYTES,
    })
}

/// What an answer means: for the model, or for another attempt.
pub(crate) fn settle(answer: &Incoming, safety: Safety) -> Result<ToolOutput, ToolError> {
    let status = answer.status;
    if status.is_success() || status.is_redirection() {
        return Ok(bounded(render(answer)));
    }
    let retry_after_ms = retry_after_ms(&answer.headers);
    if !can_change(status) {
        return Ok(bounded_error(render(answer)));
    }
    let is_turned_away = status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::SERVICE_UNAVAILABLE && retry_after_ms.is_some());
    let may_have_changed = safety != Safety::ReadOnly && !is_turned_away;
    let mut message = render(answer);
    message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
    Err(ToolError {
        message,
        retryable: true,
        world: if may_have_changed { WorldChange::Maybe } else { WorldChange::No },
        retry_after_ms,
        needs: None,
    })
}

/// The longest message of a failed attempt, in bytes.
const MAX_MESSAGE_BYTES: usize = 2_048;

/// Whether the same request may be answered differently a little later.
fn can_change(status: StatusCode) -> bool {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => false,
        _ => status.is_server_error(),
    }
}
