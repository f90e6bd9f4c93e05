//! `search_files`: the lines that contain a text.

use std::io::{BufRead, BufReader, Read};

use cap_std::fs::{Dir, File};
use mainstay_core::port::ToolOutput;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::call::{FileError, root};
use super::list::{MAX_FOLDERS, read_folder};
use super::path::InnerPath;
use super::read::is_binary;
use super::workspace::open_regular;
use crate::tool::output::{MAX_OUTPUT_BYTES, bounded, cut_text};

/// The longest text to look for, in bytes.
const MAX_PATTERN_BYTES: usize = 1_024;
/// The largest compiled regular expression, in bytes.
const MAX_COMPILED_BYTES: usize = 1_048_576;
/// The most lines that one call finds.
const MAX_FOUND_LINES: usize = 200;
/// The most of one line that is looked at and shown, in bytes.
const MAX_LINE_BYTES: usize = 65_536;
const MAX_SHOWN_LINE_BYTES: usize = 300;
/// The most files that one call looks into.
const MAX_SEARCHED_FILES: usize = 10_000;
/// The most bytes that one call reads.
const MAX_SEARCHED_BYTES: u64 = 268_435_456;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    text: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    regex: bool,
}

pub(super) fn search(dir: &Dir, arguments: &Arguments) -> Result<ToolOutput, FileError> {
    let path = InnerPath::parse(&arguments.path).map_err(FileError::Model)?;
    let mut search = Search::new(dir, pattern(arguments)?);
    let failed = |error| FileError::io(&format!("search {:?}", path.display()), &error);
    if dir.metadata(path.as_path()).map_err(failed)?.is_dir() {
        search.folder(path.clone()).map_err(failed)?;
    } else {
        search.file(&path).map_err(failed)?;
    }
    Ok(bounded(search.into_text(&arguments.text)))
}

fn pattern(arguments: &Arguments) -> Result<Regex, FileError> {
    if arguments.text.len() > MAX_PATTERN_BYTES {
        return Err(FileError::Model(format!("the text is longer than {MAX_PATTERN_BYTES} bytes")));
    }
    let source = match arguments.regex {
        true => arguments.text.clone(),
        false => regex::escape(&arguments.text),
    };
    let mut builder = RegexBuilder::new(&source);
    let built = builder.case_insensitive(true).size_limit(MAX_COMPILED_BYTES).build();
    built
        .map_err(|error| FileError::Model(format!("the regular expression is not usable: {error}")))
}

/// A search on its way.
struct Search<'a> {
    dir: &'a Dir,
    pattern: Regex,
    found: Vec<String>,
    found_bytes: usize,
    files: usize,
    room_bytes: u64,
    is_cut: bool,
}

impl<'a> Search<'a> {
    fn new(dir: &'a Dir, pattern: Regex) -> Self {
        Self {
            dir,
            pattern,
            found: Vec::new(),
            found_bytes: 0,
            files: 0,
            room_bytes: MAX_SEARCHED_BYTES,
            is_cut: false,
        }
    }

    /// Looks into every file below a folder, in the order of their paths.
    fn folder(&mut self, folder: InnerPath) -> std::io::Result<()> {
        let mut waiting = vec![(folder, true)];
        let mut folders = 0;
        while let Some((path, is_folder)) = waiting.pop() {
            if self.is_cut {
                return Ok(());
            }
            if !is_folder {
                // A file that cannot be read hides no other.
                let _ = self.file(&path);
                continue;
            }
            folders += 1;
            self.is_cut |= folders > MAX_FOLDERS;
            let entries = read_folder(self.dir, &path)?;
            waiting.extend(entries.into_iter().rev().map(|entry| (entry.path, entry.is_folder)));
        }
        Ok(())
    }

    fn file(&mut self, path: &InnerPath) -> std::io::Result<()> {
        self.files += 1;
        self.is_cut |= self.files > MAX_SEARCHED_FILES;
        let mut reader = BufReader::new(open_regular(self.dir, path.as_path())?);
        if is_binary(reader.fill_buf()?) {
            return Ok(());
        }
        let mut line = Vec::new();
        let mut number = 0;
        while !self.is_cut && self.next_line(&mut reader, &mut line)? {
            number += 1;
            if self.pattern.is_match(without_line_end(&line)) {
                self.note(path, number, &line);
            }
        }
        Ok(())
    }

    /// Reads the start of the next line and passes over the rest of it.
    fn next_line(
        &mut self,
        reader: &mut BufReader<File>,
        line: &mut Vec<u8>,
    ) -> std::io::Result<bool> {
        line.clear();
        let room = self.room_bytes.min(MAX_LINE_BYTES as u64);
        let mut read = reader.by_ref().take(room).read_until(b'\n', line)? as u64;
        if !line.ends_with(b"\n") && read == room {
            read += reader.by_ref().take(self.room_bytes - read).skip_until(b'\n')? as u64;
        }
        self.room_bytes -= read;
        self.is_cut |= self.room_bytes == 0;
        Ok(read > 0)
    }

    fn note(&mut self, path: &InnerPath, number: usize, line: &[u8]) {
        let mut shown = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        cut_text(&mut shown, MAX_SHOWN_LINE_BYTES);
        let entry = format!("{}:{number}: {shown}", path.display());
        self.found_bytes += entry.len() + 1;
        self.is_cut |=
            self.found.len() >= MAX_FOUND_LINES || self.found_bytes > MAX_OUTPUT_BYTES / 2;
        if !self.is_cut {
            self.found.push(entry);
        }
    }

    fn into_text(mut self, wanted: &str) -> String {
        if self.found.is_empty() {
            self.found.push(format!("no line contains {wanted:?}"));
        }
        if self.is_cut {
            self.found.push("[cut: there is more; look for something narrower]".to_owned());
        }
        self.found.join("\n")
    }
}

/// `$` stands for the end of the line's text.
fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
