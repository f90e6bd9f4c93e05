//! A connection that gives up on a client which stops reading.
//!
//! Invariant: a write that makes no progress for [`WRITE_STALL_TIMEOUT_MS`] fails, so that a slow
//! reader costs one connection's buffer for a bounded time. Its stream loses nothing: the client
//! resumes after the last event it has.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use mainstay_core::port::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::WRITE_STALL_TIMEOUT_MS;

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection whose writes may not stall.
pub(crate) struct StallGuard<S> {
    inner: S,
    clock: Arc<dyn Clock>,
    /// Runs while a write waits.
    timer: Option<Timer>,
}

impl<S> StallGuard<S> {
    pub(crate) fn new(inner: S, clock: Arc<dyn Clock>) -> Self {
        Self { inner, clock, timer: None }
    }

    /// Passes progress on, and turns too long a wait into a failure.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.timer = None;
            return write;
        }
        let clock = &self.clock;
        let timer = self.timer.get_or_insert_with(|| {
            let clock = clock.clone();
            let deadline = clock.now_ms().saturating_add(WRITE_STALL_TIMEOUT_MS);
            Box::pin(async move { clock.sleep_until(deadline).await })
        });
        timer.as_mut().poll(cx).map(|()| {
            let message = format!("the client read nothing for {WRITE_STALL_TIMEOUT_MS} ms");
            Err(io::Error::new(io::ErrorKind::TimedOut, message))
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallGuard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallGuard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watch(cx, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watch(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.inner).poll_flush(cx);
        self.watch(cx, flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
