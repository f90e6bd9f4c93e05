//! What happens to every request before and after its handler: an id, a count, room, panics.
//!
//! Invariant: every answer carries `x-request-id`, and a handler that panics is an answer too.

use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use mainstay_protocol::{ApiError, ErrorCode};

use crate::error::Failure;
use crate::state::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The label of requests that no route takes.
const NO_ROUTE: &str = "none";

/// Numbers a request, counts its answer, and turns a panic into one.
pub(crate) async fn observe(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let id = format!("req_{:032x}", state.engine().entropy().next());
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| {
        tracing::error!(request = %id, route, "a handler panicked; this is a bug of mainstay");
        let message = format!("the server met a bug while it answered request {id}");
        Failure::from(ApiError::new(ErrorCode::Internal, message)).into_response()
    });
    let status = response.status();
    state.meters().answered(method, route, status.as_u16());
    tracing::debug!(request = %id, method, route, status = status.as_u16(), "answered");
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Answers *overloaded* when too many requests are being answered. A stream gives its place back
/// once it has begun.
pub(crate) async fn admit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match state.admit_request() {
        Ok(_place) => next.run(request).await,
        Err(error) => Failure::from(error).into_response(),
    }
}

/// Answers a path that no route has.
pub(crate) async fn no_route(request: Request) -> Failure {
    let message = format!("there is no route {} {}", request.method(), request.uri().path());
    ApiError::new(ErrorCode::NotFound, message).into()
}

/// Answers a method that a route does not have.
pub(crate) async fn no_method(request: Request) -> Failure {
    let message = format!("{} does not take {}", request.uri().path(), request.method());
    ApiError::new(ErrorCode::MethodNotAllowed, message).into()
}

/// A method as a label: clients can invent methods, so the set is closed.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
