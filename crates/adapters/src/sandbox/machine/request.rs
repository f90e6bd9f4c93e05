//! One request: opened, given its data, followed to its result.
//!
//! Invariant: dropping it closes it, so that what it started ends; every wait is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mainstay_core::port::{OutputSink, SandboxError};
use mainstay_guest::{Answer, Kind, MAX_HEAD_BYTES, MAX_PAYLOAD_BYTES, Request};
use tokio::time::timeout;

use super::connection::Connection;
use super::failure::{nonsense, silent, told};
use super::lane::{Arrival, Lane};
use super::tasks::send_data;

pub(super) struct Call {
    connection: Arc<Connection>,
    lane: Arc<Lane>,
    is_done: AtomicBool,
}

/// What bounds the answer.
pub(super) struct Bounds<'a> {
    /// What was attempted, for the error.
    pub(super) attempted: &'a str,
    pub(super) wait: Duration,
    /// The most data that may come.
    pub(super) max_bytes: usize,
    /// Is shown outputs while they come.
    pub(super) sink: Option<&'a OutputSink>,
}

/// Asks, and waits for the answer and its data.
pub(super) async fn ask(
    connection: &Arc<Connection>,
    request: &Request,
    data: Option<Bytes>,
    bounds: Bounds<'_>,
) -> Result<(Answer, Bytes), SandboxError> {
    let (attempted, wait) = (bounds.attempted, bounds.wait);
    let whole = async {
        let call = Call::open(connection, request).await?;
        call.follow(data, &bounds).await
    };
    tokio::select! {
        biased;
        done = timeout(wait, whole) => done.map_err(|_| silent(attempted))?,
        () = connection.closed() => Err(closed(connection)),
    }
}

pub(super) fn closed(connection: &Connection) -> SandboxError {
    let gone = || SandboxError::Broken("its agent has hung up".to_owned());
    connection.reason().unwrap_or_else(gone)
}

impl Call {
    pub(super) async fn open(
        connection: &Arc<Connection>,
        request: &Request,
    ) -> Result<Self, SandboxError> {
        let head = serde_json::to_vec(request)
            .map_err(|error| SandboxError::Invalid(format!("write a request: {error}")))?;
        if head.len() > MAX_HEAD_BYTES {
            let text = format!("a request of {} bytes is longer than {MAX_HEAD_BYTES}", head.len());
            return Err(SandboxError::Invalid(text));
        }
        let lane = connection.open().await?;
        let call =
            Self { connection: Arc::clone(connection), lane, is_done: AtomicBool::new(false) };
        let mut pieces = head.chunks(MAX_PAYLOAD_BYTES).peekable();
        while let Some(piece) = pieces.next() {
            let kind = if pieces.peek().is_some() { Kind::Head } else { Kind::Open };
            call.connection.send(kind, call.lane.id, piece).await?;
        }
        Ok(call)
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Its result came.
    pub(super) fn done(&self) {
        self.is_done.store(true, Ordering::Relaxed);
    }

    async fn follow(
        &self,
        data: Option<Bytes>,
        bounds: &Bounds<'_>,
    ) -> Result<(Answer, Bytes), SandboxError> {
        let connection = Arc::clone(&self.connection);
        let lane = Arc::clone(&self.lane);
        let sending = async {
            let Some(data) = data else { return };
            if send_data(&connection, &lane, data).await.is_ok() {
                let _ = connection.send(Kind::End, lane.id, &[]).await;
            }
        };
        let answer = self.answer(bounds);
        tokio::pin!(sending, answer);
        let mut is_sent = false;
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                () = &mut sending, if !is_sent => is_sent = true,
            }
        }
    }

    async fn answer(&self, bounds: &Bounds<'_>) -> Result<(Answer, Bytes), SandboxError> {
        let mut data = BytesMut::new();
        loop {
            match self.lane.next().await {
                Arrival::Shown(stream, piece) => {
                    if let Some(sink) = bounds.sink {
                        sink(stream, &piece);
                    }
                }
                Arrival::Data(piece, granted) => {
                    if data.len() + piece.len() > bounds.max_bytes {
                        return Err(nonsense(format_args!(
                            "more than {} bytes of answer to: {}",
                            bounds.max_bytes, bounds.attempted
                        )));
                    }
                    data.extend_from_slice(&piece);
                    self.connection.grant(self.lane.id, granted);
                }
                Arrival::Result(reply) => {
                    self.done();
                    return reply.map(|answer| (answer, data.freeze())).map_err(told);
                }
                Arrival::End => return Err(nonsense("an end without a result")),
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !*self.is_done.get_mut() {
            self.lane.abandon();
            self.connection.send_urgent(Kind::Close, self.lane.id, &[]);
        }
    }
}
