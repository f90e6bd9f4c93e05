//! What a client still sends when its request is answered already.
//!
//! Invariant: a connection that is closed while its client writes is reset, and the answer may be lost
//! with it. What nobody read of a body is therefore read before the answer goes out, within bounds;
//! behind them the client may find a reset. Deliberately absent: bodies that came too slowly, which have
//! had their time, and clients that wait to be asked for the body.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::limits::{MAX_UNREAD_BYTES, UNREAD_TIMEOUT_MS};
use crate::state::AppState;

/// Answers behind the end of the request's body.
pub(crate) async fn read_to_end(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    // Who expects to be asked for the body has not sent it.
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let left = Left::default();
    let keeper = left.clone();
    let response = next
        .run(request.map(|body| {
            let body = Some(body.into_data_stream());
            Body::from_stream(Kept { body, left: keeper })
        }))
        .await;
    let rest = left.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(rest) = rest
        && response.status() != StatusCode::REQUEST_TIMEOUT
    {
        read(&state, rest).await;
    }
    response
}

/// What is left of a body when whoever read it has done.
#[derive(Clone, Default)]
struct Left(Arc<Mutex<Option<BodyDataStream>>>);

/// A body that is left behind if it was not read to its end.
struct Kept {
    /// None behind the end.
    body: Option<BodyDataStream>,
    left: Left,
}

impl Stream for Kept {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let read = body.poll_next_unpin(cx);
        if let Poll::Ready(None | Some(Err(_))) = read {
            self.body = None;
        }
        read
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        *self.left.0.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
    }
}

async fn read(state: &AppState, mut rest: BodyDataStream) {
    let clock = state.engine().clock();
    let late = clock.sleep_until(clock.now_ms().saturating_add(UNREAD_TIMEOUT_MS));
    let read = async {
        let mut left_bytes = MAX_UNREAD_BYTES;
        while let Some(Ok(chunk)) = rest.next().await {
            match left_bytes.checked_sub(chunk.len()) {
                Some(bytes) => left_bytes = bytes,
                None => return,
            }
        }
    };
    tokio::select! {
        biased;
        () = read => {}
        () = late => {}
    }
}
