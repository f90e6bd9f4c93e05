//! One attempt of a call: sent, answered, or ended with questions to a person.

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::port::{ToolCall, ToolError, ToolOutput};
use mainstay_core::question::{Asked, Inquiry};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ElicitResult, ElicitationAction, ErrorData,
    InputRequest, InputRequiredResult, RequestMetaObject,
};
use serde_json::Value;
use tokio::sync::oneshot;

use super::connection::Connection;
use super::elicit::{Elicited, OWN_KEYS, Seat, known, named, question, responses, visit};
use super::failure::{Failure, UrlElicitation, sort, timed_out};
use super::held::{Answering, HeldCall, HeldCalls, Resumed, make, mark, servers_state};
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
    /// A person is asked.
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
    connection: &Arc<Connection>,
    held: &HeldCalls,
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
    params.request_state = servers_state(replies);
    let talk = Talk { connection, held, call, parts };
    talk.bounded(talk.call(params)).await
}

/// Goes on with a call that the attempt before left open, or finds that it is to be made.
pub(super) async fn resume(
    held: &HeldCalls,
    call: &ToolCall,
    parts: Parts<'_>,
) -> Result<Option<Ended>, ToolError> {
    let (connection, answering) = match held.resume(call)? {
        Resumed::GoesOn(connection, answering) => (connection, answering),
        Resumed::Anew => return Ok(None),
    };
    let talk = Talk { connection: &connection, held, call, parts };
    talk.bounded(talk.go_on(answering)).await.map(Some)
}

/// One attempt's conversation with a server.
#[derive(Clone, Copy)]
struct Talk<'a> {
    connection: &'a Arc<Connection>,
    held: &'a HeldCalls,
    call: &'a ToolCall,
    parts: Parts<'a>,
}

impl Talk<'_> {
    async fn bounded(
        self,
        talking: impl Future<Output = Result<Ended, ToolError>>,
    ) -> Result<Ended, ToolError> {
        let spec = &self.call.spec;
        let bound = Duration::from_millis(spec.timeout_ms);
        tokio::time::timeout(bound, talking).await.unwrap_or_else(|_| {
            Err(timed_out(&name(self.parts.transport), spec.timeout_ms, spec.safety))
        })
    }

    async fn go_on(self, answering: Answering) -> Result<Ended, ToolError> {
        let mut seat = self.connection.desk().seat().await;
        match self.answer(answering, &mut seat).await? {
            Said::Ended(ended) => Ok(ended),
            Said::NeedsInput(result) => Ok(inquiry(result, self.parts.label)),
        }
    }

    async fn call(self, mut params: CallToolRequestParams) -> Result<Ended, ToolError> {
        for _ in 0..MAX_PUT_OFF {
            let mut seat = self.connection.desk().seat().await;
            let answering = make(self.connection, params.clone());
            let result = match self.answer(answering, &mut seat).await? {
                Said::Ended(ended) => return Ok(ended),
                Said::NeedsInput(result) => result,
            };
            if result.input_requests.as_ref().is_some_and(|asked| !asked.is_empty()) {
                return Ok(inquiry(result, self.parts.label));
            }
            // It only put the call off.
            params.input_responses = None;
            params.request_state = result.request_state;
        }
        Ok(Ended::refused("the MCP server put the call off again and again"))
    }

    /// Waits for what the server says; a question that nobody answered yet ends the attempt, and the call
    /// stays open.
    async fn answer(self, mut answering: Answering, seat: &mut Seat) -> Result<Said, ToolError> {
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut answering => break answer,
                Some(elicited) = seat.questions.recv() => {
                    let Some((inquiry, key, answer)) = self.put(elicited) else { continue };
                    seat.questions.close();
                    let connection = Arc::clone(self.connection);
                    let call = HeldCall { connection, answering, key, answer };
                    self.held.keep(&self.call.effect, call);
                    return Ok(Said::Ended(Ended::Asked(inquiry)));
                }
            }
        };
        Ok(match answer {
            Ok(CallToolResponse::Complete(result)) => {
                Said::Ended(Ended::Answered(to_output(result)))
            }
            Ok(CallToolResponse::InputRequired(result)) => Said::NeedsInput(result),
            Ok(_) => {
                let text = "the MCP server made a task of the call, which is not supported";
                Said::Ended(Ended::refused(text))
            }
            Err(error) => Said::Ended(failed(error, self.call, self.parts)?),
        })
    }

    /// Answers a question that was asked before, or says what a person is to be asked.
    fn put(self, elicited: Elicited) -> Option<(Inquiry, String, Answer)> {
        let Elicited { asked, answer } = elicited;
        let asked = match named(self.parts.label, &asked) {
            Ok(asked) => asked,
            Err(reason) => {
                tracing::warn!(
                    label = self.parts.label,
                    reason,
                    "declined a question of an MCP server"
                );
                let _ = answer.send(Ok(ElicitResult::new(ElicitationAction::Decline)));
                return None;
            }
        };
        if let Some(reply) = known(&self.call.context.replies, &asked.key) {
            // Whoever asks is told; one that went away is not.
            let _ = answer.send(Ok(reply));
            return None;
        }
        let key = asked.key.clone();
        let state = Some(mark(self.call.attempt));
        Some((Inquiry { asked: vec![asked], keeps_replies: true, state }, key, answer))
    }
}

/// Where a server's question is answered.
type Answer = oneshot::Sender<Result<ElicitResult, ErrorData>>;

/// What a server said.
enum Said {
    /// The attempt is over.
    Ended(Ended),
    /// It wants to be called again, with this.
    NeedsInput(InputRequiredResult),
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
