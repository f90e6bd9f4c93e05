//! Events as server-sent events.
//!
//! Invariant: one event, one frame, one line of data. Deliberately absent: a final `[DONE]`; the
//! end of the body is the end of the stream.

use super::event::Event;

/// The content type of a stream.
pub const SSE_CONTENT_TYPE: &str = "text/event-stream";

/// What keeps a quiet connection open: a comment, and no empty line after it. The official clients
/// never forget an `id`, so that an empty line after a comment is to them an event without data,
/// which ends their stream with an error.
pub const SSE_KEEP_ALIVE: &[u8] = b": keep-alive\n";

/// Whether a stream can be resumed after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// It can: the event is kept.
    After,
    /// It cannot: the event is not kept, as a piece of text being written.
    Never,
}

/// An event as a frame of a stream.
///
/// # Errors
/// An event that is not JSON, which only a map with keys that are no strings could cause.
pub fn sse_frame(event: &Event, resume: Resume) -> Result<Vec<u8>, serde_json::Error> {
    let mut frame = format!("event: {}\n", event.body.kind()).into_bytes();
    if resume == Resume::After {
        frame.extend_from_slice(format!("id: {}\n", event.sequence_number).as_bytes());
    }
    frame.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut frame, event)?;
    frame.extend_from_slice(b"\n\n");
    Ok(frame)
}
