//! A session's events, as they come.

use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use memchr::memmem;
use serde_json::Value;
use tokio::time::timeout;

use super::http::{ANSWER_TIMEOUT, Connection, Target};

/// The longest event; a longer one is an error, not a buffer without end.
const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;

/// One event, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Where a stream can begin again; none for what is not kept.
    pub id: Option<u64>,
    /// Its type.
    pub kind: Bytes,
    /// The event.
    pub data: Bytes,
}

impl Frame {
    /// Whether it is of this type.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind == kind.as_bytes()
    }

    /// The event as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.data).context("read an event as JSON")
    }
}

/// An open stream.
pub struct Feed {
    body: Incoming,
    buffer: BytesMut,
    /// How much of the buffer holds no end of an event.
    searched: usize,
    _connection: Connection,
}

impl Feed {
    /// Follows a session: behind an event, or from now on.
    pub async fn open(
        target: &Arc<Target>,
        session: &str,
        behind: Option<u64>,
    ) -> anyhow::Result<Self> {
        let path = format!("/v1/agents/sessions/{session}/events");
        let mut connection = Connection::open(target).await?;
        let behind = behind.map(|id| id.to_string());
        let headers = behind.iter().map(|id| ("last-event-id", id.as_str()));
        let headers: Vec<_> = headers.collect();
        let response = connection.send(Method::GET, &path, &headers, Bytes::new()).await?;
        ensure!(response.status().is_success(), "follow {session}: HTTP {}", response.status());
        Ok(Self {
            body: response.into_body(),
            buffer: BytesMut::new(),
            searched: 0,
            _connection: connection,
        })
    }

    /// The stream of a response that is one.
    #[must_use]
    pub fn of(body: Incoming, connection: Connection) -> Self {
        Self { body, buffer: BytesMut::new(), searched: 0, _connection: connection }
    }

    /// The next event; none when the server ended the stream.
    pub async fn next(&mut self) -> anyhow::Result<Option<Frame>> {
        match timeout(ANSWER_TIMEOUT, self.read_next()).await {
            Ok(frame) => frame,
            Err(_) => bail!("no event came in {} s", ANSWER_TIMEOUT.as_secs()),
        }
    }

    /// Reads on until an event of one of these types has come.
    pub async fn until(&mut self, kinds: &[&str]) -> anyhow::Result<Frame> {
        while let Some(frame) = self.next().await? {
            if kinds.iter().any(|kind| frame.is(kind)) {
                return Ok(frame);
            }
        }
        bail!("the stream ended before one of {kinds:?} came")
    }

    /// Reads on until the session rests.
    pub async fn until_idle(&mut self) -> anyhow::Result<Frame> {
        let frame = self.until(&["agent.session.idle", "agent.session.failed"]).await?;
        ensure!(frame.is("agent.session.idle"), "the session failed: {:?}", frame.data);
        Ok(frame)
    }

    async fn read_next(&mut self) -> anyhow::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.take_frame()? {
                return Ok(Some(frame));
            }
            ensure!(
                self.buffer.len() <= MAX_FRAME_BYTES,
                "an event of more than {MAX_FRAME_BYTES} bytes"
            );
            match self.body.frame().await {
                Some(Ok(piece)) => {
                    if let Ok(data) = piece.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(error).context("the stream broke"),
                None => return Ok(None),
            }
        }
    }

    fn take_frame(&mut self) -> anyhow::Result<Option<Frame>> {
        let from = self.searched.saturating_sub(1);
        let Some(end) = memmem::find(&self.buffer[from..], b"\n\n") else {
            self.searched = self.buffer.len();
            return Ok(None);
        };
        let text = self.buffer.split_to(from + end + 2).freeze();
        self.searched = 0;
        parse(&text).map(Some)
    }
}

fn parse(text: &Bytes) -> anyhow::Result<Frame> {
    let mut frame = Frame { id: None, kind: Bytes::new(), data: Bytes::new() };
    for line in text.split(|byte| *byte == b'\n') {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let value = line[colon + 1..].trim_ascii_start();
        match &line[..colon] {
            b"event" => frame.kind = text.slice_ref(value),
            b"data" => frame.data = text.slice_ref(value),
            b"id" => {
                let id = std::str::from_utf8(value).ok().and_then(|id| id.parse().ok());
                frame.id = Some(id.context("an event's id is no number")?);
            }
            // A comment.
            b"" => {}
            other => bail!("a line of a stream begins with {:?}", String::from_utf8_lossy(other)),
        }
    }
    Ok(frame)
}
