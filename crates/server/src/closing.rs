//! How this side closes a WebSocket: with a code and the reason.
//!
//! Invariant: a client that sent what cannot be read is told so before the connection ends. Deliberately
//! absent: what a message means, which each socket says for itself.

use axum::extract::ws::{CloseFrame, Message, close_code};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;

/// What a close frame has room for beside its code.
const MAX_REASON_BYTES: usize = 123;

/// Why a WebSocket is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closing {
    /// As RFC 6455 has them.
    pub(crate) code: u16,
    /// For people.
    pub(crate) reason: String,
}

impl Closing {
    /// For a message that could not be read; none when the client is gone.
    pub(crate) fn of(error: axum::Error) -> Option<Self> {
        let error = error.into_inner().downcast::<Error>().ok()?;
        let code = match *error {
            Error::Capacity(_) => close_code::SIZE,
            Error::Utf8(_) => close_code::INVALID,
            Error::Protocol(ref what) if *what != ProtocolError::ResetWithoutClosingHandshake => {
                close_code::PROTOCOL
            }
            _ => return None,
        };
        Some(Self { code, reason: error.to_string() })
    }

    /// The last frame of this side.
    pub(crate) fn message(self) -> Message {
        let mut reason = self.reason;
        reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
        Message::Close(Some(CloseFrame { code: self.code, reason: reason.into() }))
    }
}
