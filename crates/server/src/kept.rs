//! Answers that are kept for requests that are repeated: under an `Idempotency-Key` a request whose
//! effect has no id of its own gets the answer that it got before.
//!
//! Invariant: an answer is kept, sealed, before a client has all of it, and for a day; the same key with
//! another body is refused, and one whose request is under way is not begun a second time. What failed
//! is not kept. Deliberately absent: requests that are repeated over a crash in the middle, which begin
//! anew: nothing is known of their answers.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use mainstay_protocol::{ApiError, ErrorCode, sha256_hex};
use mainstay_runtime::{Idempotency, KeptAnswer};

use crate::auth::Caller;
use crate::error::{Answer, Failure};
use crate::extract::{idempotency_key, read_whole};
use crate::state::AppState;

/// The longest answer that is kept, in bytes.
const MAX_KEPT_BYTES: usize = 4_194_304;
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The paths whose answers are kept, and what is under way.
#[derive(Clone)]
pub(crate) struct Kept {
    state: AppState,
    paths: Arc<BTreeSet<&'static str>>,
    under_way: Arc<Mutex<BTreeSet<(String, String)>>>,
}

impl Kept {
    pub(crate) fn new(state: AppState, paths: BTreeSet<&'static str>) -> Self {
        Self { state, paths: Arc::new(paths), under_way: Arc::default() }
    }

    fn begin(&self, scope: &str, key: &str) -> Result<UnderWay, ApiError> {
        let name = (scope.to_owned(), key.to_owned());
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if !under_way.insert(name.clone()) {
            let message = "a request with this Idempotency-Key is under way; ask again later";
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        Ok(UnderWay { all: Arc::clone(&self.under_way), name })
    }
}

/// A request that is under way, until this is dropped.
struct UnderWay {
    all: Arc<Mutex<BTreeSet<(String, String)>>>,
    name: (String, String),
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// Answers a repeated request with what it got before.
pub(crate) async fn keep(State(kept): State<Kept>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let is_kept = route.is_some_and(|route| kept.paths.contains(route.as_str()));
    let has_key = request.headers().contains_key("idempotency-key");
    if !is_kept || !has_key || request.method() != Method::POST {
        return next.run(request).await;
    }
    kept_or_run(&kept, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn kept_or_run(kept: &Kept, request: Request, next: Next) -> Answer<Response> {
    let state = &kept.state;
    let (parts, body) = request.into_parts();
    let caller = parts.extensions.get::<Caller>().cloned();
    let (Some(key), Some(Caller(caller))) = (idempotency_key(&parts.headers)?, caller) else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let body = read_whole(state, &parts.headers, body, state.limits().max_body_bytes).await?;
    let scope = format!("answer:{} {} {}", caller.tenant, caller.id, parts.uri.path());
    let _under_way = kept.begin(&scope, &key)?;
    let idempotency = Idempotency { key, body_sha256: sha256_hex(&body) };
    if let Some(answer) = state.engine().kept_answer(&scope, &idempotency).await? {
        return Ok(again(answer));
    }
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !answer.status().is_success() {
        return Ok(answer);
    }
    let is_stream = content_type(&answer).starts_with("text/event-stream");
    if is_stream {
        return Ok(kept_stream(state.clone(), scope, idempotency, answer, _under_way));
    }
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|error| {
        Failure::from(ApiError::new(ErrorCode::Internal, format!("the answer broke off: {error}")))
    })?;
    let answer = Response::from_parts(parts, Body::from(body.clone()));
    if body.len() <= MAX_KEPT_BYTES {
        let whole = whole(&answer, &body);
        state.engine().keep_answer(&scope, &idempotency, whole).await?;
    }
    Ok(answer)
}

fn content_type(answer: &Response) -> String {
    let value = answer.headers().get(header::CONTENT_TYPE);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn whole(answer: &Response, body: &Bytes) -> KeptAnswer {
    let body = String::from_utf8_lossy(body).into_owned();
    KeptAnswer { status: answer.status().as_u16(), content_type: content_type(answer), body }
}

/// A stream is kept once its end has come; one that its client left is not.
fn kept_stream(
    state: AppState,
    scope: String,
    idempotency: Idempotency,
    answer: Response,
    under_way: UnderWay,
) -> Response {
    let (parts, body) = answer.into_parts();
    let (status, kind) = (parts.status.as_u16(), parts.headers.get(header::CONTENT_TYPE).cloned());
    let head = Response::from_parts(parts, ());
    let content_type = kind.and_then(|kind| kind.to_str().map(str::to_owned).ok());
    let content_type = content_type.unwrap_or_default();
    let parts = (body.into_data_stream(), BytesMut::new(), false, under_way);
    let chunks =
        futures::stream::unfold(parts, move |(mut chunks, mut seen, failed, under_way)| {
            let (state, scope, idempotency) = (state.clone(), scope.clone(), idempotency.clone());
            let content_type = content_type.clone();
            async move {
                match chunks.next().await {
                    Some(Ok(chunk)) => {
                        if seen.len() <= MAX_KEPT_BYTES {
                            seen.extend_from_slice(&chunk);
                        }
                        Some((Ok(chunk), (chunks, seen, failed, under_way)))
                    }
                    Some(Err(error)) => Some((Err(error), (chunks, seen, true, under_way))),
                    // What failed in the middle does not end as it should, and may be asked for again.
                    None if failed || !is_whole(&seen) => None,
                    None => {
                        let body = String::from_utf8_lossy(&seen).into_owned();
                        let answer = KeptAnswer { status, content_type, body };
                        let kept = state.engine().keep_answer(&scope, &idempotency, answer).await;
                        if let Err(error) = kept {
                            tracing::warn!(error = %error.message, "keep the answer to a request");
                        }
                        None
                    }
                }
            }
        });
    head.map(|()| Body::from_stream(chunks))
}

fn is_whole(seen: &[u8]) -> bool {
    seen.len() <= MAX_KEPT_BYTES && seen.trim_ascii_end().ends_with(b"[DONE]")
}

fn again(answer: KeptAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&answer.content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
