//! A terminal in a session's machine.
//!
//! Invariant: bytes go through as they are; whoever drops this ends what runs on it.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use reqwest::Method;
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::error::ClientError;
use crate::http::Client;
use crate::sandboxes::path;

/// What is opened.
#[derive(Debug, Clone)]
pub struct NewTerminal {
    /// Width.
    pub columns: u16,
    /// Height.
    pub rows: u16,
    /// The terminal's kind, as in `TERM`.
    pub term: Option<String>,
    /// What bash runs; a shell to type into when none.
    pub command: Option<String>,
}

/// What comes from a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalShown {
    /// It shows this.
    Output(Bytes),
    /// What ran on it ended.
    Ended {
        /// With this code.
        exit_code: Option<i32>,
        /// By this signal.
        signal: Option<i32>,
    },
}

/// A terminal.
pub struct Terminal {
    client: Client,
    socket: WebSocketStream<reqwest::Upgraded>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Ended {
        #[serde(default)]
        exit_code: Option<i32>,
        #[serde(default)]
        signal: Option<i32>,
    },
    Error {
        message: String,
    },
}

impl Client {
    /// Opens a terminal in the machine, which is made if it is not there.
    pub async fn terminal(&self, id: &str, new: &NewTerminal) -> Result<Terminal, ClientError> {
        let mut query = vec![("columns", new.columns.to_string()), ("rows", new.rows.to_string())];
        query.extend(new.term.clone().map(|term| ("term", term)));
        query.extend(new.command.clone().map(|command| ("command", command)));
        let request = self
            .request(Method::GET, &format!("{}/terminal", path(id)?))
            .query(&query)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, generate_key());
        let response = self.upgraded(request).await?;
        let upgraded = response.upgrade().await.map_err(|error| self.lost(error))?;
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
        Ok(Terminal { client: self.clone(), socket })
    }
}

fn broken(what: String) -> ClientError {
    ClientError::Broken { what, source: None }
}

impl Terminal {
    /// What comes next. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Result<TerminalShown, ClientError> {
        loop {
            let message = self.socket.next().await.and_then(Result::ok);
            match message {
                Some(Message::Binary(bytes)) => return Ok(TerminalShown::Output(bytes)),
                Some(Message::Text(text)) => match serde_json::from_str(text.as_str()) {
                    Ok(Said::Ended { exit_code, signal }) => {
                        return Ok(TerminalShown::Ended { exit_code, signal });
                    }
                    Ok(Said::Error { message }) => return Err(broken(message)),
                    Err(error) => return Err(broken(format!("a message is not known: {error}"))),
                },
                Some(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Some(Message::Close(_)) | None => {
                    let url = self.client.url();
                    return Err(broken(format!("the connection to {url} was lost")));
                }
            }
        }
    }

    /// Types.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), ClientError> {
        self.send(Message::Binary(bytes)).await
    }

    /// Tells it its size.
    pub async fn resize(&mut self, columns: u16, rows: u16) -> Result<(), ClientError> {
        let text = json!({"type": "resize", "columns": columns, "rows": rows}).to_string();
        self.send(Message::Text(text.into())).await
    }

    /// Leaves: what runs on it ends.
    pub async fn close(mut self) {
        // A server that is gone needs no farewell.
        let _ = self.socket.close(None).await;
    }

    async fn send(&mut self, message: Message) -> Result<(), ClientError> {
        let sent = self.socket.send(message).await;
        sent.map_err(|error| ClientError::Broken {
            what: "the connection of the terminal was lost".to_owned(),
            source: Some(error.into()),
        })
    }
}
