//! Counts what a machine sends and receives, and notices when nothing moves.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use mainstay_core::port::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::limits::{IDLE_TIMEOUT_MS, TOTAL_TIMEOUT_MS};
use super::refusal::Refusal;

/// Bytes of one connection, as the machine sees them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counts {
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Returns once the connection has to end.
    pub(super) async fn watch(&self, clock: &dyn Clock) -> Refusal {
        let end_ms = clock.now_ms().saturating_add(TOTAL_TIMEOUT_MS);
        loop {
            let before = (self.sent(), self.received());
            let next_ms = clock.now_ms().saturating_add(IDLE_TIMEOUT_MS);
            clock.sleep_until(next_ms.min(end_ms)).await;
            if clock.now_ms() >= end_ms {
                return Refusal::TooLong { after_ms: TOTAL_TIMEOUT_MS };
            }
            if before == (self.sent(), self.received()) {
                return Refusal::Idle { after_ms: IDLE_TIMEOUT_MS };
            }
        }
    }
}

/// The machine's end of a connection.
pub(super) struct Counted<T> {
    io: T,
    counts: Arc<Counts>,
}

impl<T> Counted<T> {
    pub(super) fn new(io: T, counts: Arc<Counts>) -> Self {
        Self { io, counts }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.io).poll_read(cx, buffer);
        let count = buffer.filled().len() - before;
        this.counts.sent.fetch_add(count as u64, Ordering::Relaxed);
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = written {
            this.counts.received.fetch_add(count as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
