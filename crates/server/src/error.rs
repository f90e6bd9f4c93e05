//! Errors as answers.
//!
//! Invariant: every answer that is an error has the shape, the status and the retry advice that the
//! official clients act on, whatever refused the request: a handler, a limit or the router.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mainstay_protocol::{ApiError, ErrorCode};
use mainstay_store::StoreError;

use crate::limits::RETRY_AFTER_SECONDS;
use crate::openai::wire::{ErrorAnswer, ErrorObject};
use crate::state::store_error;

/// Says whether the official clients try a request again by themselves.
pub(crate) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// A refused request.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    code: ErrorCode,
    answer: ErrorAnswer,
}

/// What a handler answers.
pub(crate) type Answer<T> = Result<T, Failure>;

impl Failure {
    /// A refusal that trying again will not change, though the code alone might.
    pub(crate) fn is_final(error: ApiError) -> Self {
        let mut failure = Self::from(error);
        failure.answer.should_retry = false;
        failure
    }
}

impl Failure {
    /// The status and the error, for answers that are no HTTP answers.
    pub(crate) fn told(&self) -> (u16, &ErrorObject) {
        (self.answer.status, &self.answer.body.error)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self { code: error.code, answer: pending_call(&error).unwrap_or_else(|| (&error).into()) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        store_error(&error).into()
    }
}

/// The one refusal that the official clients know by its words: they try it again for a moment.
fn pending_call(error: &ApiError) -> Option<ErrorAnswer> {
    if error.code != ErrorCode::CallNotWaiting {
        return None;
    }
    let call_id = error.message.strip_prefix("Unknown pending tool call: ")?;
    Some(ErrorAnswer::unknown_pending_call(call_id))
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::warn!(code = %self.code, message = %self.answer.body.error.message, "a request failed");
        }
        let mut response = (status, Json(self.answer.body)).into_response();
        let headers = response.headers_mut();
        let retry = if self.answer.should_retry { "true" } else { "false" };
        headers.insert(SHOULD_RETRY, HeaderValue::from_static(retry));
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Something that does not exist, or is not the caller's: both look the same.
pub(crate) fn not_found(what: &str, id: &str) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("{what} {id:?} does not exist"))
}
