//! One attempt of a call: sent, answered, or ended with questions to a person.

use std::time::Duration;

use mainstay_core::port::{ToolCall, ToolError, ToolOutput};
use mainstay_core::question::{Asked, Inquiry};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ElicitResult, ElicitationAction, InputRequest,
    InputRequiredResult, RequestMetaObject,
};
use serde_json::Value;

use super::connection::Connection;
use super::elicit::{Elicited, OWN_KEYS, Seat, known, named, question, responses, visit};
use super::failure::{Failure, UrlElicitation, sort, timed_out};
use super::oauth::Challenge;
use super::output::to_output;
use super::pool::name;
use super::source::Parts;
use crate::tool::output::bounded_error;

/// The member of a call's `_meta` that names the effect, the same for every attempt.
const IDEMPOTENCY_KEY: &str = "mainstay/idempotency-key";
/// How often a server may put one attempt off without asking anything.
const MAX_PUT_OFF: usize = 8;

/// How an attempt ended.
pub(super) enum Ended {
    /// The model reads this.
    Answered(ToolOutput),
    /// A person is asked; the server waits for nobody meanwhile.
    Asked(Inquiry),
    /// The server wants to be shown a token, or another one.
    Challenged(Challenge),
}

impl Ended {
    fn refused(text: impl Into<String>) -> Self {
        Self::Answered(bounded_error(text.into()))
    }
}

/// Makes one attempt.
pub(super) async fn attempt(
    connection: &Connection,
    call: &ToolCall,
    parts: Parts<'_>,
) -> Result<Ended, ToolError> {
    let Value::Object(arguments) = call.arguments.as_ref() else {
        return Ok(Ended::refused("the arguments are not an object"));
    };
    let replies = &call.context.replies;
    let mut meta = RequestMetaObject::new();
    meta.insert(IDEMPOTENCY_KEY.to_owned(), Value::from(call.effect.as_str()));
    let mut params = CallToolRequestParams::new(call.spec.remote_name.clone());
    params.arguments = Some(arguments.clone());
    params.meta = Some(meta);
    params.input_responses = responses(replies);
    params.request_state.clone_from(&replies.state);
    let timeout_ms = call.spec.timeout_ms;
    let talking = talk(connection, call, parts, params);
    match tokio::time::timeout(Duration::from_millis(timeout_ms), talking).await {
        Ok(ended) => ended,
        Err(_) => Err(timed_out(&name(parts.transport), timeout_ms, call.spec.safety)),
    }
}

async fn talk(
    connection: &Connection,
    call: &ToolCall,
    parts: Parts<'_>,
    mut params: CallToolRequestParams,
) -> Result<Ended, ToolError> {
    for _ in 0..MAX_PUT_OFF {
        let mut seat = connection.desk().seat().await;
        let answering = connection.peer().call_tool_once(params.clone());
        tokio::pin!(answering);
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut answering => break answer,
                Some(elicited) = seat.questions.recv() => {
                    if let Some(ended) = put(elicited, call, parts, &mut seat) {
                        return Ok(ended);
                    }
                }
            }
        };
        let result = match answer {
            Ok(CallToolResponse::Complete(result)) => {
                return Ok(Ended::Answered(to_output(result)));
            }
            Ok(CallToolResponse::InputRequired(result)) => result,
            Ok(_) => {
                let text = "the MCP server made a task of the call, which is not supported";
                return Ok(Ended::refused(text));
            }
            Err(error) => return failed(error, call, parts),
        };
        if result.input_requests.as_ref().is_some_and(|asked| !asked.is_empty()) {
            return Ok(inquiry(result, parts.label));
        }
        // It only put the call off.
        params.input_responses = None;
        params.request_state = result.request_state;
    }
    Ok(Ended::refused("the MCP server put the call off again and again"))
}

fn failed(
    error: rmcp::ServiceError,
    call: &ToolCall,
    parts: Parts<'_>,
) -> Result<Ended, ToolError> {
    match sort(error, &name(parts.transport), call.spec.safety) {
        Failure::Model(text) => Ok(Ended::refused(text)),
        Failure::Attempt(error) => Err(error),
        Failure::Challenged(challenge) => Ok(Ended::Challenged(challenge)),
        Failure::Visits(visits) => Ok(asked_visits(visits, call, parts.label)),
    }
}

/// Answers a question that was asked before, or ends the attempt with it: the server is told that its
/// call is cancelled, and that its question is put off.
fn put(elicited: Elicited, call: &ToolCall, parts: Parts<'_>, seat: &mut Seat) -> Option<Ended> {
    let Elicited { asked, answer } = elicited;
    let asked = match named(parts.label, &asked) {
        Ok(asked) => asked,
        Err(reason) => {
            tracing::warn!(label = parts.label, reason, "declined a question of an MCP server");
            let _ = answer.send(Ok(ElicitResult::new(ElicitationAction::Decline)));
            return None;
        }
    };
    if let Some(reply) = known(&call.context.replies, &asked.key) {
        // Whoever asks is told; one that went away is not.
        let _ = answer.send(Ok(reply));
        return None;
    }
    seat.questions.close();
    let state = call.context.replies.state.clone();
    Some(Ended::Asked(Inquiry { asked: vec![asked], keeps_replies: true, state }))
}

/// The questions of a server that waits for nobody.
fn inquiry(result: InputRequiredResult, label: &str) -> Ended {
    let mut asked = Vec::new();
    for (key, request) in result.input_requests.unwrap_or_default() {
        let question = match &request {
            InputRequest::Elicitation(request) => question(label, &request.params),
            InputRequest::CreateMessage(_) => {
                Err("the MCP server asks for sampling, which this client does not offer".to_owned())
            }
            InputRequest::ListRoots(_) => {
                Err("the MCP server asks for roots, which this client does not offer".to_owned())
            }
            _ => Err("the MCP server asks for something that this client does not know".to_owned()),
        };
        match question {
            Ok(_) if key.starts_with(OWN_KEYS) => {
                return Ended::refused("the MCP server's question has a name that is taken");
            }
            Ok(question) => asked.push(Asked { key, question }),
            Err(reason) => return Ended::refused(reason),
        }
    }
    Ended::Asked(Inquiry { asked, keeps_replies: false, state: result.request_state })
}

/// Addresses that the user has to open before the call is made. One that was opened and is asked for
/// again is shown again.
fn asked_visits(visits: Vec<UrlElicitation>, call: &ToolCall, label: &str) -> Ended {
    let mut asked = Vec::new();
    for UrlElicitation { elicitation_id, message, url } in visits {
        let key = format!("{OWN_KEYS}visit/{elicitation_id}");
        let dismissed = known(&call.context.replies, &key)
            .is_some_and(|reply| reply.action != ElicitationAction::Accept);
        if dismissed {
            return Ended::refused(format!("a person was asked to open {url}, and did not"));
        }
        match visit(label.to_owned(), &message, &url) {
            Ok(question) => asked.push(Asked { key, question }),
            Err(reason) => return Ended::refused(reason),
        }
    }
    let state = call.context.replies.state.clone();
    Ended::Asked(Inquiry { asked, keeps_replies: true, state })
}
