//! Reads server-sent events from bytes that arrive in any pieces.
//!
//! Invariant: the events do not depend on where the bytes were cut. Deliberately absent: the names,
//! ids and retry times of events, since every provider repeats what matters in the data.

use super::limits::MAX_EVENT_BYTES;

/// An event is larger than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventTooLarge;

/// A stream of bytes on its way to events.
#[derive(Default)]
pub(super) struct SseParser {
    buffer: Vec<u8>,
    /// Where the line being read begins.
    line: usize,
    /// How far the line was searched for its end.
    searched: usize,
    data: Vec<u8>,
    has_data: bool,
    /// The last event was given out; its data is kept until the next is asked for.
    given: bool,
    /// The last line ended with CR; an LF right after it belongs to it.
    after_cr: bool,
    past_start: bool,
}

impl SseParser {
    /// Takes in more bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.line);
        self.searched -= self.line;
        self.line = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The data of the next event that is complete.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, EventTooLarge> {
        self.forget_given();
        while let Some((start, end)) = self.next_line() {
            if start == end && self.has_data {
                self.given = true;
                return Ok(Some(&self.data));
            }
            self.take_line(start, end)?;
        }
        if self.buffer.len() - self.line > MAX_EVENT_BYTES {
            return Err(EventTooLarge);
        }
        Ok(None)
    }

    /// The data of an event that the end of the stream left without its empty line. A line that was
    /// cut short is dropped, except for the mark of the end itself.
    pub(super) fn finish(&mut self) -> Option<&[u8]> {
        self.forget_given();
        let tail = &self.buffer[self.line..];
        if matches!(tail, b"data: [DONE]" | b"data:[DONE]") {
            let (start, end) = (self.line, self.buffer.len());
            self.line = end;
            self.take_line(start, end).ok()?;
        }
        let complete = self.has_data;
        self.given = complete;
        complete.then_some(&self.data)
    }

    fn forget_given(&mut self) {
        if self.given {
            self.data.clear();
            self.has_data = false;
            self.given = false;
        }
    }

    /// The bounds of the next whole line, without its end.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        if self.after_cr && self.buffer.get(self.line) == Some(&b'\n') {
            self.line += 1;
            self.searched = self.searched.max(self.line);
            self.after_cr = false;
        }
        let found = self.buffer[self.searched..].iter().position(|b| matches!(b, b'\n' | b'\r'));
        let Some(offset) = found else {
            self.searched = self.buffer.len();
            return None;
        };
        let (start, end) = (self.line, self.searched + offset);
        self.after_cr = self.buffer[end] == b'\r';
        self.line = end + 1;
        self.searched = self.line;
        Some((start, end))
    }

    fn take_line(&mut self, start: usize, end: usize) -> Result<(), EventTooLarge> {
        let mut line = &self.buffer[start..end];
        if !self.past_start {
            self.past_start = true;
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        let Some(value) = line.strip_prefix(b"data") else { return Ok(()) };
        let value = match value {
            [] => value,
            [b':', b' ', value @ ..] | [b':', value @ ..] => value,
            _ => return Ok(()),
        };
        if self.data.len() + value.len() > MAX_EVENT_BYTES {
            return Err(EventTooLarge);
        }
        if self.has_data {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        self.has_data = true;
        Ok(())
    }
}
