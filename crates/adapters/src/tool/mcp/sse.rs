//! Bounds the events of a stream before they are parsed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use futures::stream::BoxStream;

/// An event went on beyond the bound, or the connection broke.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamFault {
    #[error("an event is longer than {limit_bytes} bytes")]
    TooLong { limit_bytes: usize },
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
}

/// A byte stream that ends with an error when there is no empty line for too long.
pub(super) struct BoundedEvents {
    inner: BoxStream<'static, Result<Bytes, reqwest::Error>>,
    limit_bytes: usize,
    /// Bytes since the last empty line.
    event_bytes: usize,
    /// Bytes since the last line end.
    line_bytes: usize,
    is_over: bool,
}

impl BoundedEvents {
    pub(super) fn new(
        inner: BoxStream<'static, Result<Bytes, reqwest::Error>>,
        limit_bytes: usize,
    ) -> Self {
        Self { inner, limit_bytes, event_bytes: 0, line_bytes: 0, is_over: false }
    }

    /// Counts a chunk; whether it is within the bound.
    fn count(&mut self, chunk: &[u8]) -> bool {
        for &byte in chunk {
            self.event_bytes += 1;
            match byte {
                b'\n' | b'\r' if self.line_bytes == 0 => self.event_bytes = 0,
                b'\n' | b'\r' => self.line_bytes = 0,
                _ => self.line_bytes += 1,
            }
            if self.event_bytes > self.limit_bytes {
                return false;
            }
        }
        true
    }
}

impl Stream for BoundedEvents {
    type Item = Result<Bytes, StreamFault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let item = match ready!(self.inner.as_mut().poll_next(context)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => Err(StreamFault::Broken(error)),
            Some(Ok(chunk)) if self.count(&chunk) => Ok(chunk),
            Some(Ok(_)) => Err(StreamFault::TooLong { limit_bytes: self.limit_bytes }),
        };
        self.is_over = item.is_err();
        Poll::Ready(Some(item))
    }
}

#[cfg(test)]
#[path = "sse_tests.rs"]
mod tests;
