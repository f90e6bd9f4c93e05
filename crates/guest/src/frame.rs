//! Frames: a header of ten bytes and a payload.
//!
//! `0xA5`, channel (`u32`), payload length (`u32`), kind (`u8`), payload; numbers are little-endian.
//! A zero byte where a header should begin is padding. A header that is cut and filled up with zeros has
//! kind 0, which is ignored with its payload: so enough zeros end any frame that was begun.
//!
//! Invariant: [`Decoder`] holds at most one frame beside what was pushed last.

/// The most that a frame carries.
pub const MAX_PAYLOAD_BYTES: usize = 32 * 1024;

/// What stands before the payload.
pub const HEADER_BYTES: usize = 10;

const START: u8 = 0xA5;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Host: begins a conversation, on channel 0; everything before it is forgotten.
    Hello = 1,
    /// Guest: the answer to it.
    Welcome = 2,
    /// A part of a request that is longer than one frame; more of it follows.
    Head = 3,
    /// The (last part of the) request that opens a channel.
    Open = 4,
    /// Bytes, paid for with credit.
    Data = 5,
    /// The sender sends no more data on the channel.
    End = 6,
    /// The receiver of data has room for so many bytes more (`u32`).
    Credit = 7,
    /// Guest: a piece of standard output, shown while the command runs; pieces may be missing.
    LiveStdout = 8,
    /// Guest: the same of standard error.
    LiveStderr = 9,
    /// Guest: the answer to a request, the last frame on its channel.
    Result = 10,
    /// Of a request: the host wants no answer any more, and what it started is to end; its result still
    /// comes. Of a connection: the sender is done with it; each side sends one.
    Close = 11,
    /// Host: the size of a terminal, columns and rows (`u16` each).
    Resize = 12,
}

impl Kind {
    const fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Head,
            4 => Self::Open,
            5 => Self::Data,
            6 => Self::End,
            7 => Self::Credit,
            8 => Self::LiveStdout,
            9 => Self::LiveStderr,
            10 => Self::Result,
            11 => Self::Close,
            12 => Self::Resize,
            _ => return None,
        })
    }
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Whose it is; 0 is the connection's own.
    pub channel: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// What came is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No header begins here.
    #[error("a frame begins with the byte {0:#04x} instead of {START:#04x}")]
    Start(u8),
    /// It says that it is longer than a frame may be.
    #[error("a frame of {0} bytes is longer than {MAX_PAYLOAD_BYTES}")]
    TooLong(u32),
    /// A kind that this version does not have.
    #[error("a frame is of kind {0}, which is not known")]
    Kind(u8),
}

/// Adds a frame to `out`.
///
/// # Panics
/// If the payload is longer than [`MAX_PAYLOAD_BYTES`]: whoever sends cuts it first.
pub fn encode(kind: Kind, channel: u32, payload: &[u8], out: &mut Vec<u8>) {
    assert!(payload.len() <= MAX_PAYLOAD_BYTES, "a payload is cut before it is sent");
    let length = u32::try_from(payload.len()).expect("shorter than a frame");
    out.reserve(HEADER_BYTES + payload.len());
    out.push(START);
    out.extend_from_slice(&channel.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.push(kind as u8);
    out.extend_from_slice(payload);
}

/// Finds the frames in a stream of bytes.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    at: usize,
}

impl Decoder {
    /// Adds what came; take the frames out with [`Self::next_frame`] before the next.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Forgets what came and was not taken.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.at = 0;
    }

    /// The next whole frame.
    ///
    /// # Errors
    /// What came is no frame. There is no way to go on but [`Self::skip`] or [`Self::clear`].
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            let rest = &self.buffer[self.at..];
            let Some(padding) = rest.iter().position(|&byte| byte != 0) else {
                self.clear();
                return Ok(None);
            };
            self.at += padding;
            let rest = &rest[padding..];
            if rest[0] != START {
                return Err(FrameError::Start(rest[0]));
            }
            let Some(header) = rest.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
            let [_, c0, c1, c2, c3, l0, l1, l2, l3, kind] = *header;
            let length = u32::from_le_bytes([l0, l1, l2, l3]);
            if length as usize > MAX_PAYLOAD_BYTES {
                return Err(FrameError::TooLong(length));
            }
            let kind_of = Kind::of(kind);
            if kind != 0 && kind_of.is_none() {
                return Err(FrameError::Kind(kind));
            }
            let end = HEADER_BYTES + length as usize;
            if rest.len() < end {
                return Ok(None);
            }
            let payload = rest[HEADER_BYTES..end].to_vec();
            self.at += end;
            if let Some(kind) = kind_of {
                let channel = u32::from_le_bytes([c0, c1, c2, c3]);
                return Ok(Some(Frame { kind, channel, payload }));
            }
        }
    }

    /// After an error: goes on with the next byte that is not its cause.
    pub fn skip(&mut self) {
        if self.at < self.buffer.len() {
            self.at += 1;
        }
    }

    /// How much is kept.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.len() - self.at
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
