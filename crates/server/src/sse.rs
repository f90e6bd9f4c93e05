//! Streams of server-sent events as answers, whatever the door.
//!
//! Invariant: frames go out one by one as they come; nothing between here and the client is asked to
//! hold them back. Deliberately absent: the frames themselves.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::openai::wire::SSE_CONTENT_TYPE;

const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Frames as they come.
pub(crate) trait Frames: Send + 'static {
    /// The next frames; none at the stream's end.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

/// The answer that is such a stream.
pub(crate) fn answer(frames: impl Frames) -> Response {
    let chunks = futures::stream::unfold(frames, |mut frames| async move {
        let chunk = frames.next().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), frames))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(SSE_CONTENT_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (NO_BUFFERING, HeaderValue::from_static("no")),
    ];
    (StatusCode::OK, headers, Body::from_stream(chunks)).into_response()
}
