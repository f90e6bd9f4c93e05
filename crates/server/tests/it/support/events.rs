//! Reading a stream of events as a client does.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::HeaderMap;
use axum::response::Response;
use futures::StreamExt;
use serde_json::Value;

/// No event of a test takes longer.
const EVENT_TIMEOUT: Duration = Duration::from_secs(20);

/// An open stream.
pub(crate) struct Events {
    pub(crate) headers: HeaderMap,
    body: BodyDataStream,
    buffer: String,
    /// The `id:` of the last event, as it came.
    pub(crate) last_id: Option<u64>,
    /// Comments received.
    pub(crate) comment_count: usize,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            headers: parts.headers,
            body: body.into_data_stream(),
            buffer: String::new(),
            last_id: None,
            comment_count: 0,
        }
    }

    /// The next event; none at the stream's end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let frame: String = self.buffer.drain(..end + 2).collect();
                return Some(self.frame(&frame));
            }
            let chunk = tokio::time::timeout(EVENT_TIMEOUT, self.body.next());
            let chunk =
                chunk.await.expect("an event comes in time")?.expect("a stream does not break");
            self.buffer.push_str(std::str::from_utf8(&chunk).expect("events are text"));
        }
    }

    fn frame(&mut self, frame: &str) -> Value {
        let mut data = None;
        let mut id = None;
        let mut kind = None;
        for line in frame.lines() {
            if line.starts_with(':') {
                self.comment_count += 1;
            } else if let Some(text) = line.strip_prefix("data: ") {
                data = Some(text);
            } else if let Some(text) = line.strip_prefix("id: ") {
                id = Some(text.parse().expect("an id is a number"));
            } else if let Some(text) = line.strip_prefix("event: ") {
                kind = Some(text);
            }
        }
        let event: Value =
            serde_json::from_str(data.expect("a frame has data")).expect("data is JSON");
        assert_eq!(kind, event["type"].as_str(), "the frame's name is the event's type");
        if id.is_some() {
            assert_eq!(id, event["sequence_number"].as_u64(), "an id is the event's number");
            self.last_id = id;
        }
        event
    }

    /// Waits for a comment, with no event before it.
    pub(crate) async fn comment(&mut self) -> String {
        while !self.buffer.contains('\n') {
            let chunk = tokio::time::timeout(EVENT_TIMEOUT, self.body.next());
            let chunk = chunk.await.expect("a comment comes in time").expect("the stream is open");
            let chunk = chunk.expect("a stream does not break");
            self.buffer.push_str(std::str::from_utf8(&chunk).expect("events are text"));
        }
        std::mem::take(&mut self.buffer)
    }

    /// The events up to the first that fits, with it.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            let done = fits(&event);
            events.push(event);
            if done {
                return events;
            }
        }
        panic!("the stream ended before the event came: {}", kinds(&events).join(" "));
    }

    /// The events up to the first of this type, with it.
    pub(crate) async fn until_kind(&mut self, kind: &str) -> Vec<Value> {
        self.until(|event| event["type"] == kind).await
    }

    /// The events up to the end of the stream.
    pub(crate) async fn rest(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// The types of events, without what all have in common.
pub(crate) fn kinds(events: &[Value]) -> Vec<String> {
    let kind = |event: &Value| {
        let kind = event["type"].as_str().unwrap_or_default();
        kind.strip_prefix("agent.session.").unwrap_or(kind).to_owned()
    };
    events.iter().map(kind).collect()
}
