//! `read_file`: a window of a text file's lines.

use std::io::{BufRead, BufReader, Read};

use cap_std::fs::Dir;
use mainstay_core::port::ToolOutput;
use serde::Deserialize;

use super::call::FileError;
use super::path::InnerPath;
use super::workspace::open_regular;
use crate::tool::output::{MAX_OUTPUT_BYTES, bounded};

/// The most lines that one call reads.
const MAX_READ_LINES: usize = 2_000;
/// The most bytes that are passed over to reach `offset`, or the end of a line.
const MAX_SKIPPED_BYTES: u64 = 67_108_864;
/// How much of a file decides whether it is text.
const SNIFF_BYTES: usize = 8_192;
/// Room for the line that says how to go on.
const NOTICE_BYTES: usize = 256;

#[derive(Debug, Deserialize)]
pub(super) struct Arguments {
    path: String,
    #[serde(flatten)]
    window: Window,
}

/// Which lines are read.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Window {
    /// The first, from 1.
    #[serde(default)]
    pub(crate) offset: Option<usize>,
    /// How many.
    #[serde(default)]
    pub(crate) limit: Option<usize>,
}

pub(super) fn read(dir: &Dir, arguments: &Arguments) -> Result<ToolOutput, FileError> {
    let path = InnerPath::parse(&arguments.path).map_err(FileError::Model)?;
    let attempt = format!("read {:?}", path.display());
    let failed = |error| FileError::io(&attempt, &error);
    let file = open_regular(dir, path.as_path()).map_err(failed)?;
    let size_bytes = file.metadata().map_err(failed)?.len();
    let mut reader = BufReader::with_capacity(SNIFF_BYTES, file);
    if is_binary(reader.fill_buf().map_err(failed)?) {
        return Err(FileError::Model(format!(
            "{attempt}: it is a binary file of {size_bytes} bytes"
        )));
    }
    let text = window_of(&mut reader, &arguments.window, size_bytes);
    Ok(bounded(text.map_err(failed)?))
}

/// A text file's whole content, up to a limit.
pub(super) fn read_whole(
    dir: &Dir,
    path: &InnerPath,
    limit_bytes: usize,
) -> Result<String, FileError> {
    let attempt = format!("read {:?}", path.display());
    let failed = |error| FileError::io(&attempt, &error);
    let file = open_regular(dir, path.as_path()).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limit_bytes as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit_bytes {
        return Err(FileError::Model(format!("{attempt}: it has more than {limit_bytes} bytes")));
    }
    String::from_utf8(bytes)
        .map_err(|_| FileError::Model(format!("{attempt}: it is not a text in UTF-8")))
}

/// The lines of a text that are asked for, as the model reads them.
pub(crate) fn window_of<R: BufRead>(
    reader: &mut R,
    window: &Window,
    size_bytes: u64,
) -> std::io::Result<String> {
    let offset = window.offset.unwrap_or(1).max(1);
    let limit = window.limit.unwrap_or(MAX_READ_LINES).clamp(1, MAX_READ_LINES);
    skip_lines(reader, offset - 1)?;
    Ok(read_lines(reader, limit)?.into_text(offset, size_bytes))
}

/// A zero byte is in no text that a model could read.
pub(super) fn is_binary(start: &[u8]) -> bool {
    start.contains(&0)
}

fn skip_lines<R: BufRead>(reader: &mut R, lines: usize) -> std::io::Result<()> {
    let mut skipped_bytes = 0;
    for _ in 0..lines {
        let room = MAX_SKIPPED_BYTES - skipped_bytes;
        let passed = reader.by_ref().take(room).skip_until(b'\n')? as u64;
        if passed == 0 {
            break;
        }
        skipped_bytes += passed;
        if skipped_bytes >= MAX_SKIPPED_BYTES {
            let text = format!("the offset is more than {MAX_SKIPPED_BYTES} bytes away");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, text));
        }
    }
    Ok(())
}

/// The lines read.
struct Lines {
    bytes: Vec<u8>,
    lines: usize,
    /// Whether the last line is only begun.
    is_line_cut: bool,
    /// Whether more follows.
    has_more: bool,
}

fn read_lines<R: BufRead>(reader: &mut R, limit: usize) -> std::io::Result<Lines> {
    let room_bytes = MAX_OUTPUT_BYTES - NOTICE_BYTES;
    let mut window = Lines { bytes: Vec::new(), lines: 0, is_line_cut: false, has_more: false };
    while window.lines < limit {
        let before = window.bytes.len();
        let room = (room_bytes - before) as u64;
        let read = reader.by_ref().take(room).read_until(b'\n', &mut window.bytes)?;
        if read == 0 {
            break;
        }
        if window.bytes.ends_with(b"\n") || (read as u64) < room {
            window.lines += 1;
            continue;
        }
        // The window is full in the middle of a line. It is left for the next call, unless it
        // would fill that one too.
        if window.lines > 0 {
            window.bytes.truncate(before);
            window.has_more = true;
            return Ok(window);
        }
        window.is_line_cut = !reader.fill_buf()?.is_empty();
        window.lines = 1;
        reader.by_ref().take(MAX_SKIPPED_BYTES).skip_until(b'\n')?;
        break;
    }
    window.has_more = !reader.fill_buf()?.is_empty();
    Ok(window)
}

impl Lines {
    /// The text, with a last line that says how to go on.
    fn into_text(self, offset: usize, size_bytes: u64) -> String {
        if self.lines == 0 {
            return match (offset, size_bytes) {
                (_, 0) => "(the file is empty)".to_owned(),
                (offset, _) => format!("(the file ends before line {offset})"),
            };
        }
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        if self.is_line_cut {
            text.push_str("\n[the rest of this line is cut]");
        }
        if self.has_more {
            let last = offset + self.lines - 1;
            let separator = if text.ends_with('\n') { "" } else { "\n" };
            let next = last + 1;
            text.push_str(&format!(
                "{separator}[lines {offset} to {last} of a file of {size_bytes} bytes; go on with offset {next}]"
            ));
        }
        text
    }
}
