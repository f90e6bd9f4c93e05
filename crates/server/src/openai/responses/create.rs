//! `POST /v1/responses`: a request of a session, new or going on.
//!
//! Invariant: the response's request is durable before anything is answered. A request that comes
//! after a response which is not its session's newest goes to a fork of the session, so that both
//! ways stay.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use mainstay_core::agent::AgentDefinition;
use mainstay_core::fact::RequiredAction;
use mainstay_core::item::ItemBody;
use mainstay_core::question::ReplyAction;
use mainstay_core::session::{After, ApprovalAnswer, Command, Respond, SessionRow};
use mainstay_protocol::{ApiError, ErrorCode, Principal, ResponseId, SessionId};
use mainstay_runtime::{Feed, FollowFrom, Idempotency, NewSession, NewSessionId, Submission};

use super::agent::{check_choice, definition};
use super::forget::{announce, forget};
use super::input::{Brought, foreign, read_input};
use super::params::ResponseCreateParams;
use super::rows::{self, find_row};
use super::shapes::{ResponseEvent, ResponseObject};
use super::stream::{Begun, finished, open_stream};
use super::{Echo, project::Head};
use crate::auth::Caller;
use crate::error::{Answer, Failure, not_found};
use crate::extract::{Checked, keyed_id};
use crate::openai::agents::definition::with_machine_tools;
use crate::openai::agents::sessions::SessionRows;
use crate::openai::wire::At;
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc = Doc::new("createResponse", "One request of a session")
    .answers(schema_of::<ResponseObject>)
    .streams(schema_of::<ResponseEvent>)
    .refuses(&[ErrorCode::NotFound, ErrorCode::ToolUnavailable]);

/// Answers the response when it is done; as it is now with `background`; its events with `stream`.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    request: Checked<ResponseCreateParams>,
) -> Answer<Response> {
    let Checked { value: params, idempotency, .. } = request;
    let begun = begun(&state, &caller, &params, &idempotency).await?;
    let is_stored = !begun.head.echo.is_not_stored;
    let session = begun.head.row.session.clone();
    if params.stream == Some(true) {
        return Ok(open_stream(&state, &caller, begun, None).await?);
    }
    if params.background == Some(true) {
        let fold = rows::folded(&state, begun.head).await?;
        return Ok(Json(fold.show()).into_response());
    }
    let shown = finished(&state, begun).await?;
    if !is_stored {
        forget(&state, &caller, &session).await;
    }
    Ok(Json(shown).into_response())
}

/// A response whose request is durable: made now, or before under the same key.
pub(super) async fn begun(
    state: &AppState,
    caller: &Principal,
    params: &ResponseCreateParams,
    idempotency: &Option<Idempotency>,
) -> Answer<Begun> {
    let id = response_id(state, caller, idempotency.as_ref());
    if let Some(head) = known(state, caller, &id, idempotency.as_ref()).await? {
        return Ok(head.into());
    }
    let making = Making { state, caller, params, idempotency };
    let (echo, mut feed) = making.request(id.clone()).await?;
    let row = match &mut feed {
        Some(feed) => rows::told(feed, caller, &id).await?,
        None => rows::made(state, caller, &id).await?,
    };
    let head = Head { row, echo };
    if head.echo.is_not_stored {
        announce(state, caller, &head.row.session).await?;
    }
    Ok(Begun { head, feed })
}

/// The response's id: the same for the same `Idempotency-Key`.
fn response_id(
    state: &AppState,
    caller: &Principal,
    idempotency: Option<&Idempotency>,
) -> ResponseId {
    let Some(idempotency) = idempotency else { return ResponseId::mint(&mut state.mint()) };
    ResponseId::parse(&keyed_id(ResponseId::PREFIX, caller, idempotency))
        .expect("a prefix and hexadecimal digits are an id")
}

/// The response that the same request made before.
async fn known(
    state: &AppState,
    caller: &Principal,
    id: &ResponseId,
    idempotency: Option<&Idempotency>,
) -> Result<Option<Head>, Failure> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    if find_row(state, caller, id).await?.is_none() {
        return Ok(None);
    }
    let head = rows::find(state, caller, id.as_str()).await?;
    if head.echo.body_sha256.as_deref() == Some(&idempotency.body_sha256) {
        return Ok(Some(head));
    }
    let message =
        "this Idempotency-Key was used with another body; use a new key for a new request";
    Err(Failure::is_final(ApiError::new(ErrorCode::IdempotencyConflict, message)))
}

/// A request on its way into a session.
struct Making<'a> {
    state: &'a AppState,
    caller: &'a Principal,
    params: &'a ResponseCreateParams,
    idempotency: &'a Option<Idempotency>,
}

impl Making<'_> {
    /// Answers what the response repeats of its request, and the feed of a session made for it.
    async fn request(&self, id: ResponseId) -> Result<(Echo, Option<Feed>), ApiError> {
        let brought = read_input(self.params.input.as_ref())?;
        if let Some(conversation) = &self.params.conversation {
            let rows = SessionRows::load(self.state, self.caller, conversation.id()).await;
            let named = |error: ApiError| match error.code {
                ErrorCode::NotFound => not_found("conversation", conversation.id()),
                _ => error,
            };
            let rows = rows.map_err(|error| named(error).with_param("conversation"))?;
            let echo = self.go_on(id, &rows, After::Anything, &brought).await?;
            return Ok((echo, None));
        }
        let Some(previous) = &self.params.previous_response_id else {
            let (echo, feed) = self.begin(id, &brought).await?;
            return Ok((echo, Some(feed)));
        };
        let named = |error: ApiError| error.with_param("previous_response_id");
        let previous = rows::find(self.state, self.caller, previous).await.map_err(named)?.row;
        let Some(last_seq) = previous.last_seq else {
            let message = format!("response {} is not done yet", previous.id);
            return Err(named(ApiError::new(ErrorCode::SessionBusy, message)));
        };
        let after = After::Response(previous.id.clone());
        let load = |session: SessionId| async move {
            SessionRows::load(self.state, self.caller, session.as_str()).await
        };
        let rows = load(previous.session.clone()).await?;
        // What is not to be kept happens beside the session that is.
        if self.params.store != Some(false) {
            match self.go_on(id.clone(), &rows, after.clone(), &brought).await {
                Err(error) if is_elsewhere(&error) => {}
                other => return Ok((other?, None)),
            }
        }
        let engine = self.state.engine();
        let fork = engine.fork(self.caller, &previous.session, Some(last_seq), None, None).await?;
        let rows = load(fork.session).await?;
        Ok((self.go_on(id, &rows, after, &brought).await?, None))
    }

    /// A session of its own, followed from before it is there: nothing of it needs to be read.
    async fn begin(&self, id: ResponseId, brought: &[Brought]) -> Result<(Echo, Feed), ApiError> {
        if brought.is_empty() {
            let message = "is missing: there is nothing to answer; give an 'input', or a \
                'previous_response_id' or a 'conversation' to go on with";
            return Err(At::Root.field("input").missing(message));
        }
        let agent = definition(self.state, self.caller, self.params, None).await?;
        check_choice(self.params, &agent)?;
        let (commands, echo) = self.commands(id, &agent, None, After::Anything, brought)?;
        let session = SessionId::mint(&mut self.state.mint());
        let feed = self.state.engine().follow(&session, FollowFrom::Unmade).await?;
        let new = NewSession {
            caller: self.caller.clone(),
            session: NewSessionId::Minted(session),
            agent,
            metadata: Default::default(),
            spend_limit_microusd: None,
            sandbox: None,
            wire: serde_json::Value::Null,
            input: Vec::new(),
            commands,
            idempotency: None,
            parent: None,
        };
        self.state.engine().create_session(new).await.map_err(of_input)?;
        Ok((echo, feed))
    }

    async fn go_on(
        &self,
        id: ResponseId,
        rows: &SessionRows,
        after: After,
        brought: &[Brought],
    ) -> Result<Echo, ApiError> {
        let current = rows.config.agent.as_ref();
        let mut agent = definition(self.state, self.caller, self.params, Some(current)).await?;
        let spec = rows.config.sandbox.as_ref().map(|sandbox| &sandbox.spec);
        if let Some(spec) = spec {
            with_machine_tools(&mut agent, spec);
        }
        check_choice(self.params, &agent)?;
        let mut commands = Vec::new();
        if agent != *current {
            let tools =
                self.state.engine().local_tools(&agent, self.caller, &rows.row.id, spec).await?;
            commands.push(Command::Update {
                agent: Some((agent.clone().into(), tools)),
                metadata: None,
                spend_limit: None,
                wire: None,
            });
        }
        let (asked, echo) = self.commands(id, &agent, Some(&rows.row), after, brought)?;
        commands.extend(asked);
        let submission = Submission { caller: self.caller.clone(), commands, idempotency: None };
        let taken = self.state.engine().submit(&rows.row.id, submission).await;
        taken.map_err(of_input)?;
        Ok(echo)
    }

    /// The commands of the request, in the order in which they are decided, and what it is to repeat.
    fn commands(
        &self,
        response: ResponseId,
        agent: &AgentDefinition,
        row: Option<&SessionRow>,
        after: After,
        brought: &[Brought],
    ) -> Result<(Vec<Command>, Echo), ApiError> {
        let mut echo = Echo::of(self.params, self.params.model.as_deref().unwrap_or(&agent.model));
        echo.body_sha256 = self.idempotency.as_ref().map(|key| key.body_sha256.clone());
        let wire = serde_json::to_value(&echo).expect("plain members serialise");
        let required = row.map_or(&[][..], |row| &row.required);
        let mut sorted = Sorted { required, items: Vec::new(), commands: Vec::new() };
        for (index, brought) in brought.iter().enumerate() {
            sorted.take(brought, &At::Root.field("input").index(index), row.is_some())?;
        }
        let Sorted { items, commands, .. } = sorted;
        let respond = Respond { response, after, items, wire };
        let mut all = vec![Command::Respond(Box::new(respond))];
        all.extend(commands);
        Ok((all, echo))
    }
}

/// The refusal of what a request brings, at the member that brings it.
fn of_input(error: impl Into<ApiError>) -> ApiError {
    let error = error.into();
    let is_of_input = matches!(
        error.code,
        ErrorCode::InvalidParameter | ErrorCode::MissingParameter | ErrorCode::CallAlreadyAnswered
    );
    if is_of_input && error.param.is_none() { error.with_param("input") } else { error }
}

/// Whether the session has gone on without this request.
fn is_elsewhere(error: &ApiError) -> bool {
    matches!(error.code, ErrorCode::NotLatest | ErrorCode::SessionBusy)
}

/// What a request brings, by where it goes.
struct Sorted<'a> {
    required: &'a [RequiredAction],
    items: Vec<ItemBody>,
    commands: Vec<Command>,
}

impl Sorted<'_> {
    fn take(&mut self, brought: &Brought, at: &At<'_>, has_session: bool) -> Result<(), ApiError> {
        match brought {
            Brought::Item(body) => self.items.push(body.clone()),
            Brought::Called { call, output } => {
                self.items.extend([call.clone(), output.clone()]);
            }
            Brought::Output { call_id, output } => {
                let is_awaited = self.required.iter().any(|action| {
                    matches!(action, RequiredAction::ToolResult { call_id: id, .. } if id == call_id)
                });
                if is_awaited {
                    let (call_id, output) = (call_id.clone(), output.clone());
                    self.commands.push(Command::ToolResult { turn: None, call_id, output });
                    return Ok(());
                }
                let is_called = self.items.iter().any(
                    |item| matches!(item, ItemBody::ToolCall { call_id: id, .. } if id == call_id),
                );
                if !is_called && !has_session {
                    let message = format!(
                        "No tool call found for function call output with call_id {call_id}."
                    );
                    return Err(ApiError::new(ErrorCode::InvalidParameter, message)
                        .with_param(at.to_string()));
                }
                self.items.push(ItemBody::ToolOutput {
                    call_id: call_id.clone(),
                    content: output.content.clone(),
                    is_error: output.is_error,
                });
            }
            Brought::Approval { request, approve, content } => {
                let is_unknown = self.required.iter().any(|action| {
                    matches!(action, RequiredAction::Approval { approval, unknown_outcome: true, .. } if approval == request)
                });
                let answer = match (is_unknown, approve) {
                    (false, true) => ApprovalAnswer::Reply(ReplyAction::Accept, content.clone()),
                    (false, false) => ApprovalAnswer::Reply(ReplyAction::Decline, None),
                    (true, true) => ApprovalAnswer::Retry,
                    (true, false) => ApprovalAnswer::NotDone,
                };
                self.commands.push(Command::Approval { approval: request.clone(), answer });
            }
            // The session holds it.
            Brought::Reference if has_session => {}
            Brought::Listed => {}
            Brought::Reference => {
                let message = "refers to an item of another session; name its response or conversation, or send the item";
                return Err(at.field("id").refuse(ErrorCode::Unsupported, message));
            }
            Brought::Foreign(item) => return Err(foreign(item, at)),
        }
        Ok(())
    }
}
