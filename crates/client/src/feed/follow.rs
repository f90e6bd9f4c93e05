//! Follows a session's events over lost connections.
//!
//! Invariant: every kept event is handed out once, in order. Pieces of text that were on their way
//! when a connection was lost come again from the server, whole; what was handed out before is cut
//! off. Deliberately absent: waiting between attempts; the caller has the clock.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::event::{Event, EventBody};
use super::sse::{Frame, Parser};
use crate::error::ClientError;
use crate::http::Client;

/// A follower of one session.
pub struct Follower {
    client: Client,
    path: String,
    /// The place of the last kept event handed out; none before the first when following from now.
    at: Option<u64>,
    connection: Option<Connection>,
    /// Text handed out of messages that have not ended.
    partial: BTreeMap<String, Partial>,
    reconnects: u64,
}

struct Connection {
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    parser: Parser,
}

#[derive(Default)]
struct Partial {
    text: String,
    /// Whether the server says the text from its beginning next.
    is_repeated: bool,
}

impl Follower {
    pub(crate) async fn connect(
        client: Client,
        path: String,
        starting_after: Option<u64>,
    ) -> Result<Self, ClientError> {
        let mut follower = Self {
            client,
            path,
            at: starting_after,
            connection: None,
            partial: BTreeMap::new(),
            reconnects: 0,
        };
        follower.connection = Some(follower.open().await?);
        Ok(follower)
    }

    /// The place of the last kept event handed out.
    #[must_use]
    pub fn at(&self) -> Option<u64> {
        self.at
    }

    /// How often a lost connection was made again.
    #[must_use]
    pub fn reconnects(&self) -> u64 {
        self.reconnects
    }

    /// Goes on at another place where the same server answers.
    pub fn move_to(&mut self, client: Client) {
        self.client = client;
        self.connection = None;
    }

    /// The next event. When the server cannot be reached the error says so, and calling again tries
    /// again from where the feed was.
    pub async fn next(&mut self) -> Result<Event, ClientError> {
        loop {
            let Some(connection) = &mut self.connection else {
                self.reconnect().await?;
                continue;
            };
            if let Some(frame) = connection.parser.next() {
                if let Some(event) = self.take(&frame)? {
                    return Ok(event);
                }
                continue;
            }
            match connection.bytes.next().await {
                Some(Ok(bytes)) => connection.parser.push(&bytes).map_err(|_| {
                    let what = "an event of the feed is longer than the limit".to_owned();
                    ClientError::Broken { what, source: None }
                })?,
                // A body that ends is a server that stops: both are a lost connection.
                Some(Err(_)) | None => self.connection = None,
            }
        }
    }

    async fn reconnect(&mut self) -> Result<(), ClientError> {
        if self.at.is_none() {
            let what =
                "the connection was lost before its first event; what came meanwhile is not known";
            return Err(ClientError::Broken { what: what.to_owned(), source: None });
        }
        self.connection = Some(self.open().await?);
        self.reconnects += 1;
        for partial in self.partial.values_mut() {
            partial.is_repeated = true;
        }
        Ok(())
    }

    async fn open(&self) -> Result<Connection, ClientError> {
        let query = self.at.map(|at| ("starting_after".to_owned(), at.to_string()));
        let response = self.client.stream(&self.path, query.as_slice()).await?;
        Ok(Connection { bytes: response.bytes_stream().boxed(), parser: Parser::default() })
    }

    /// The event of a frame, unless it was handed out before.
    fn take(&mut self, frame: &Frame) -> Result<Option<Event>, ClientError> {
        let event = Event::read(&frame.data, frame.id.is_some());
        let mut event = event.map_err(|error| ClientError::Broken {
            what: "an event of the feed is not one".to_owned(),
            source: Some(error.into()),
        })?;
        if event.is_kept {
            if self.at.is_some_and(|at| event.sequence_number <= at) {
                return Ok(None);
            }
            self.at = Some(event.sequence_number);
        }
        match &event.body {
            EventBody::TextDelta { item_id, delta } | EventBody::OutputDelta { item_id, delta } => {
                let new = self.partial.entry(item_id.clone()).or_default().add(delta);
                if new.is_empty() {
                    return Ok(None);
                }
                event.keep_text(&new);
            }
            EventBody::ItemDone(done) => {
                self.partial.remove(done.item.id().unwrap_or_default());
            }
            _ => {}
        }
        Ok(Some(event))
    }
}

impl Partial {
    /// What of this text is new.
    fn add(&mut self, text: &str) -> String {
        let is_repeated = std::mem::take(&mut self.is_repeated);
        let new = match text.strip_prefix(&self.text) {
            Some(rest) if is_repeated => rest,
            _ => text,
        };
        self.text.push_str(new);
        new.to_owned()
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
