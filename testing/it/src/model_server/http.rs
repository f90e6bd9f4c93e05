//! The server: connections, routes, bodies.
//!
//! Invariant: one thread does everything, so that no request pays for waking another. Deliberately
//! absent: a router and extractors.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::reply::{Piece, Reply};
use super::script::{Fault, FaultKind, Script, Step};
use super::state::State;
use super::tool::{self, ToolAnswer};
use super::{chat, fill, find, openapi, responses};

/// A body whose stream may end before it is complete.
type Body = UnsyncBoxBody<Bytes, Cut>;

/// The connection is to end in the middle of a body.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut by the script")
    }
}

impl std::error::Error for Cut {}

/// A server in this process; it stops when dropped.
pub struct ScriptedServer {
    /// Where it is, without a slash at the end.
    pub url: String,
    /// What it counted.
    pub state: Arc<State>,
    _task: JoinSet<std::io::Result<Infallible>>,
}

impl ScriptedServer {
    /// Starts a server on a free port of this machine.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State::default());
        let mut task = JoinSet::new();
        task.spawn(serve(listener, state.clone()));
        Ok(Self { url, state, _task: task })
    }
}

/// Serves until the listener fails or the future is dropped.
pub async fn serve(listener: TcpListener, state: Arc<State>) -> std::io::Result<Infallible> {
    let base: Arc<str> = format!("http://{}", listener.local_addr()?).into();
    let mut connections = JoinSet::new();
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            Some(_) = connections.join_next() => continue,
        };
        socket.set_nodelay(true)?;
        let (state, base) = (state.clone(), base.clone());
        let service = service_fn(move |request| handle(state.clone(), base.clone(), request));
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(socket), service);
        connections.spawn(connection);
    }
}

async fn handle(
    state: Arc<State>,
    base: Arc<str>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let key = idempotency_key(&head.headers);
    if head.method == Method::POST && path.ends_with("/chat/completions") {
        return answer(state, key, body, chat::events).await;
    }
    if head.method == Method::POST && path.ends_with("/responses") {
        return answer(state, key, body, responses::events).await;
    }
    let query = head.uri.query().unwrap_or_default();
    let json = |value: serde_json::Result<String>| {
        Ok(json_response(StatusCode::OK, value.expect("counts are JSON")))
    };
    match (&head.method, path) {
        (&Method::GET, "/stats") => json(serde_json::to_string(&state.model_stats())),
        (&Method::GET, "/tool/stats") => json(serde_json::to_string(&state.tool_stats())),
        (&Method::POST, "/reset") => {
            state.reset();
            json(Ok("{}".to_owned()))
        }
        (&Method::GET, "/openapi.json") => json(Ok(openapi::document(&base))),
        (&Method::GET, "/v1/models") => json(Ok(MODELS.to_owned())),
        (&Method::GET, "/tool/status") => {
            let asked = url::form_urlencoded::parse(query.as_bytes());
            let asked = asked.into_iter().find(|(name, _)| name == "key").map(|(_, key)| key);
            send_tool_answer(tool::status(&state, asked.as_deref().or(key))).await
        }
        (_, path) if path.starts_with("/tool/") => {
            let name = &path["/tool/".len()..];
            // Read to its end, so that the connection can be used again.
            let answer = tool::call(&state, name, key, query);
            body.collect().await.map_err(|_| Cut)?;
            send_tool_answer(answer).await
        }
        _ => Ok(error_response(StatusCode::NOT_FOUND, "not_found", None)),
    }
}

const MODELS: &str = r#"{"object":"list","data":[{"id":"scripted","object":"model","created":0,"owned_by":"mainstay"}]}"#;

fn idempotency_key(headers: &HeaderMap) -> Option<&str> {
    headers.get("idempotency-key")?.to_str().ok()
}

/// Answers a model call as its script says.
async fn answer(
    state: Arc<State>,
    key: Option<&str>,
    body: Incoming,
    events: fn(&Reply<'_>) -> Vec<String>,
) -> Result<Response<Body>, Cut> {
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let place = find::place(&body);
    let outputs = place.map_or(0, |place| place.outputs);
    let script = match place.map(|place| state.script(place.literal)).transpose() {
        Ok(script) => script.unwrap_or_else(|| Arc::new(Script::default())),
        Err(error) => {
            let message = format!("broken script: {error}");
            return Ok(error_response(StatusCode::BAD_REQUEST, &message, None));
        }
    };
    let step = script.step_after(outputs);
    let filled = step.and_then(|step| fill::filled(step, &body, outputs));
    let step = filled.as_ref().or(step);
    let calls = state.model_started(key);
    if let Some(fault) = step.and_then(|step| step.fault.as_ref())
        && fault.times.is_none_or(|times| calls <= times)
    {
        return fail(fault).await;
    }
    let reply = Reply::new(step, identity(key, &body), body.len());
    let pieces = events(&reply);
    wait(step.map_or(0, |step| step.delay_ms)).await;
    Ok(event_response(pieces, step, state, key))
}

/// What call ids are made of: the key, so that they stay the same over attempts and differ between
/// calls.
fn identity(key: Option<&str>, body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    match key {
        Some(key) => key.hash(&mut hasher),
        None => body.hash(&mut hasher),
    }
    hasher.finish()
}

fn event_response(
    mut pieces: Vec<String>,
    step: Option<&Step>,
    state: Arc<State>,
    key: Option<&str>,
) -> Response<Body> {
    let wait_ms = step.map_or(0, |step| step.piece_delay_ms);
    let body = if wait_ms == 0 && pieces.len() == 1 {
        state.model_finished(key);
        full(pieces.remove(0))
    } else {
        let pieces = pieces.into_iter().map(move |bytes| Piece {
            bytes: bytes.into_bytes(),
            wait: Duration::from_millis(wait_ms),
        });
        let key: Option<Box<str>> = key.map(Into::into);
        let sent = stream::iter(pieces).then(send_piece);
        let finished = stream::once(async move {
            state.model_finished(key.as_deref());
            Ok(Frame::data(Bytes::new()))
        });
        BodyExt::boxed_unsync(StreamBody::new(sent.chain(finished)))
    };
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

async fn send_piece(piece: Piece) -> Result<Frame<Bytes>, Cut> {
    wait_for(piece.wait).await;
    Ok(Frame::data(piece.bytes.into()))
}

async fn fail(fault: &Fault) -> Result<Response<Body>, Cut> {
    match fault.kind {
        FaultKind::Status => {
            let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
            let code = fault.code.as_deref().unwrap_or("scripted_failure");
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Ok(error_response(status, code, fault.retry_after_ms))
        }
        FaultKind::Garbage => {
            let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\n\ndata: ?\n\n";
            let mut response = Response::new(full(body.to_owned()));
            let content_type = HeaderValue::from_static("text/event-stream");
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            Ok(response)
        }
        FaultKind::Cut => {
            let begun =
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"half\"}}]}\n\nda";
            let frames = [Ok(Frame::data(Bytes::from_static(begun.as_bytes()))), Err(Cut)];
            let mut response =
                Response::new(BodyExt::boxed_unsync(StreamBody::new(stream::iter(frames))));
            let content_type = HeaderValue::from_static("text/event-stream");
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            Ok(response)
        }
        FaultKind::Hang => std::future::pending().await,
    }
}

async fn send_tool_answer(answer: ToolAnswer) -> Result<Response<Body>, Cut> {
    match answer {
        ToolAnswer::Json(status, body, wait) => {
            wait_for(wait).await;
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            Ok(json_response(status, body))
        }
        ToolAnswer::Lost(wait) => {
            wait_for(wait).await;
            Err(Cut)
        }
    }
}

fn error_response(status: StatusCode, code: &str, retry_after_ms: Option<u64>) -> Response<Body> {
    let error = serde_json::json!({ "error": { "code": code, "message": code, "type": code } });
    let mut response = json_response(status, error.to_string());
    if let Some(wait_ms) = retry_after_ms {
        response.headers_mut().insert("retry-after-ms", wait_ms.into());
    }
    response
}

fn json_response(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn full(body: String) -> Body {
    Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync()
}

async fn wait(wait_ms: u64) {
    wait_for(Duration::from_millis(wait_ms)).await;
}

#[expect(clippy::disallowed_methods, reason = "this server's delays are real by purpose")]
async fn wait_for(wait: Duration) {
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
}
