//! `GET /v1/responses` as a WebSocket: requests of the Responses API over one connection.
//!
//! Invariant: each request is what `POST /v1/responses` makes of the same members, on the same sessions;
//! its events are those of its stream. Requests of one lane (`stream_id`) follow one another; lanes go
//! side by side. A client that does not read is not read from, and what was begun goes on without it:
//! its response can be fetched. Deliberately absent: steering, the background (the API has none either),
//! and requests that generate nothing.

use std::collections::{BTreeMap, VecDeque};

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures::stream::{self, BoxStream, SelectAll};
use futures::{SinkExt, StreamExt};
use mainstay_protocol::{ApiError, ErrorCode, Principal};
use serde_json::{Map, Value, json};

use super::create::begun;
use super::params::ResponseCreateParams;
use super::stream::Follower;
use crate::auth::Caller;
use crate::closing::Closing;
use crate::error::{Answer, Failure};
use crate::openai::wire::parse_body;
use crate::openapi::Doc;
use crate::state::AppState;

/// The most lanes of one connection that are at work.
const MAX_LANES: usize = 16;
/// The most requests that wait in one lane.
const MAX_WAITING_REQUESTS: usize = 32;
/// The longest name of a lane, in characters.
const MAX_LANE_CHARS: usize = 128;

/// Its entry in the document of the API.
pub(crate) const CONNECT: Doc =
    Doc::new("connectResponses", "Requests of the Responses API over one WebSocket")
        .answers_nothing(101)
        .refuses(&[ErrorCode::InvalidParameter]);

/// Takes the connection over.
pub(crate) async fn connect(
    State(state): State<AppState>,
    Caller(caller): Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer<Response> {
    let upgrade = upgrade.map_err(|rejection| {
        let message = format!(
            "{}; responses are fetched at /v1/responses/{{id}}",
            rejection.body_text().to_lowercase()
        );
        ApiError::new(ErrorCode::InvalidParameter, message)
    })?;
    let place = state.admit_stream()?;
    let limit_bytes = state.limits().max_body_bytes;
    let upgrade = upgrade.max_message_size(limit_bytes).max_frame_size(limit_bytes);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let _place = place;
        Talk { state, caller, waiting: BTreeMap::new(), running: SelectAll::new() }
            .hold(socket)
            .await;
    }))
}

/// The name of a lane, if it has one.
type Lane = Option<String>;

/// What a lane gives: events, or its end.
enum Given {
    Events(Lane, Vec<Value>),
    End(Lane),
}

/// One connection.
struct Talk {
    state: AppState,
    caller: Principal,
    /// Lanes at work, each with the requests that wait in it.
    waiting: BTreeMap<Lane, VecDeque<ResponseCreateParams>>,
    running: SelectAll<BoxStream<'static, Given>>,
}

impl Talk {
    async fn hold(mut self, socket: WebSocket) {
        let (mut sink, mut messages) = socket.split();
        loop {
            let sent = tokio::select! {
                biased;
                Some(given) = self.running.next(), if !self.running.is_empty() => match given {
                    Given::Events(_, events) if events.is_empty() => {
                        sink.send(Message::Ping(Vec::new().into())).await
                    }
                    Given::Events(lane, events) => send(&mut sink, &lane, events).await,
                    Given::End(lane) => {
                        self.next_of(lane);
                        Ok(())
                    }
                },
                message = messages.next() => match message {
                    Some(Ok(Message::Text(text))) => self.heard(&mut sink, text.as_bytes()).await,
                    Some(Ok(Message::Binary(bytes))) => self.heard(&mut sink, &bytes).await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                    Some(Err(error)) => {
                        if let Some(closing) = Closing::of(error) {
                            // A client that is gone needs no last word.
                            let _ = sink.send(closing.message()).await;
                        }
                        return;
                    }
                    Some(Ok(Message::Close(_))) => {
                        // Its good-bye is answered, if it waits for that.
                        let _ = sink.close().await;
                        return;
                    }
                    None => return,
                },
            };
            if sent.is_err() {
                return;
            }
        }
    }

    async fn heard<S>(&mut self, sink: &mut S, text: &[u8]) -> Result<(), axum::Error>
    where
        S: futures::Sink<Message, Error = axum::Error> + Unpin,
    {
        let (lane, asked) = match request(text) {
            Ok(Asked::Create(lane, asked)) => (lane, *asked),
            Ok(Asked::Steer(members)) => {
                return send(sink, &None, vec![not_steered(&members)]).await;
            }
            Err((lane, error)) => return send(sink, &lane, vec![refused(&error.into())]).await,
        };
        if let Some(waiting) = self.waiting.get_mut(&lane) {
            if waiting.len() < MAX_WAITING_REQUESTS {
                waiting.push_back(asked);
                return Ok(());
            }
            let message = format!("{MAX_WAITING_REQUESTS} requests wait in this lane already");
            let error = ApiError::new(ErrorCode::Overloaded, message);
            return send(sink, &lane, vec![refused(&error.into())]).await;
        }
        if self.waiting.len() >= MAX_LANES {
            let message = format!("{MAX_LANES} lanes of this connection are at work already");
            let error = ApiError::new(ErrorCode::Overloaded, message);
            return send(sink, &lane, vec![refused(&error.into())]).await;
        }
        self.waiting.insert(lane.clone(), VecDeque::new());
        self.begin(lane, asked);
        Ok(())
    }

    /// The next request of a lane, or its end.
    fn next_of(&mut self, lane: Lane) {
        match self.waiting.get_mut(&lane).and_then(VecDeque::pop_front) {
            Some(asked) => self.begin(lane, asked),
            None => drop(self.waiting.remove(&lane)),
        }
    }

    fn begin(&mut self, lane: Lane, asked: ResponseCreateParams) {
        let step = Step::Begin(Box::new((self.state.clone(), self.caller.clone(), asked)));
        let given = stream::unfold((lane, step), |(lane, step)| async move {
            let (events, next) = advance(step).await?;
            let given = match events {
                Some(events) => Given::Events(lane.clone(), events),
                None => Given::End(lane.clone()),
            };
            Some((given, (lane, next)))
        });
        self.running.push(given.boxed());
    }
}

/// Where a request stands.
enum Step {
    Begin(Box<(AppState, Principal, ResponseCreateParams)>),
    Follow(Box<Follower>),
    End,
    Over,
}

/// The next events of a request; none at its end, once.
async fn advance(step: Step) -> Option<(Option<Vec<Value>>, Step)> {
    match step {
        Step::Begin(request) => {
            let (state, caller, asked) = *request;
            match followed(&state, &caller, &asked).await {
                Ok(mut follower) => Some(match follower.events().await {
                    Some(events) => (Some(events), Step::Follow(Box::new(follower))),
                    None => (None, Step::Over),
                }),
                Err(failure) => Some((Some(vec![refused(&failure)]), Step::End)),
            }
        }
        Step::Follow(mut follower) => Some(match follower.events().await {
            Some(events) => (Some(events), Step::Follow(follower)),
            None => (None, Step::Over),
        }),
        Step::End => Some((None, Step::Over)),
        Step::Over => None,
    }
}

async fn followed(
    state: &AppState,
    caller: &Principal,
    asked: &ResponseCreateParams,
) -> Answer<Follower> {
    let begun = begun(state, caller, asked, &None).await?;
    Ok(Follower::new(state, caller, begun, None).await?)
}

/// What a client asks for.
enum Asked {
    /// A response, in a lane.
    Create(Lane, Box<ResponseCreateParams>),
    /// That a response takes something in.
    Steer(Map<String, Value>),
}

fn request(text: &[u8]) -> Result<Asked, (Lane, ApiError)> {
    let mut members: Map<String, Value> = parse_object(text).map_err(|error| (None, error))?;
    let lane = lane(&mut members).map_err(|error| (None, error))?;
    let kind = members.remove("type");
    let named = |error: ApiError| (lane.clone(), error);
    match kind.as_ref().and_then(Value::as_str) {
        Some("response.create") => {}
        Some("response.steer") => return Ok(Asked::Steer(members)),
        _ => {
            let message = "type is neither 'response.create' nor 'response.steer'";
            return Err(named(
                ApiError::new(ErrorCode::InvalidParameter, message).with_param("type"),
            ));
        }
    }
    for (member, only) in [("stream", true), ("background", false), ("generate", true)] {
        match members.remove(member) {
            None | Some(Value::Null) => {}
            Some(Value::Bool(given)) if given == only => {}
            Some(_) => {
                let message = format!("{member} can only be {only} over a WebSocket");
                let error = ApiError::new(ErrorCode::Unsupported, message).with_param(member);
                return Err(named(error));
            }
        }
    }
    let body = serde_json::to_vec(&members).expect("an object has string keys");
    let params = parse_body(&body).map_err(named)?;
    Ok(Asked::Create(lane, Box::new(params)))
}

/// The API's own refusal of steering, which gives back what was said.
fn not_steered(members: &Map<String, Value>) -> Value {
    let given = |name: &str| members.get(name).cloned();
    let (previous, input) = (given("previous_response_id"), given("input"));
    let is_whole = previous.as_ref().is_some_and(Value::is_string)
        && input.as_ref().is_some_and(|input| input.is_string() || input.is_array());
    let (code, message) = if is_whole {
        let message = "responses are not steered here; send 'response.create' with this \
            'previous_response_id' when the response is done, or steer its session at \
            /v1/agents/sessions/{session_id}/events";
        ("steering_not_supported", message)
    } else {
        ("invalid_input", "'previous_response_id' is a text, and 'input' a text or an array")
    };
    json!({
        "type": "response.steer.failed",
        "sequence_number": 0,
        "steer": {
            "previous_response_id": previous.filter(Value::is_string).unwrap_or_else(|| "".into()),
            "input": input.unwrap_or_else(|| "".into()),
        },
        "error": {"type": "invalid_request_error", "code": code, "message": message},
    })
}

fn parse_object(text: &[u8]) -> Result<Map<String, Value>, ApiError> {
    serde_json::from_slice(text).map_err(|error| {
        ApiError::new(ErrorCode::InvalidJson, format!("the message is no JSON object: {error}"))
    })
}

fn lane(members: &mut Map<String, Value>) -> Result<Lane, ApiError> {
    match members.remove("stream_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if (1..=MAX_LANE_CHARS).contains(&name.chars().count()) => {
            Ok(Some(name))
        }
        Some(_) => {
            let message = format!("stream_id is not a text of 1 to {MAX_LANE_CHARS} characters");
            Err(ApiError::new(ErrorCode::InvalidParameter, message).with_param("stream_id"))
        }
    }
}

/// An error as this connection tells it.
fn refused(failure: &Failure) -> Value {
    let (status, error) = failure.told();
    json!({"type": "error", "status": status, "error": error})
}

async fn send<S>(sink: &mut S, lane: &Lane, events: Vec<Value>) -> Result<(), axum::Error>
where
    S: futures::Sink<Message, Error = axum::Error> + Unpin,
{
    for mut event in events {
        if let Some(lane) = lane {
            event["stream_id"] = lane.as_str().into();
        }
        sink.feed(Message::Text(event.to_string().into())).await?;
    }
    sink.flush().await
}
