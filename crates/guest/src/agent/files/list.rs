//! The files below a folder, in the order of their paths, page by page.
//!
//! Invariant: a page costs memory for one folder on each level of its depth, and what is behind a cursor
//! is not walked again but for the folders on the way to it. The order is that of the parts of paths:
//! what is in a folder follows the folder at once.

use std::fs::{self, DirEntry};
use std::path::Path;

use mainstay_guest::{Answer, FileEntry, MAX_LIST_COUNT, Problem, Reply};
use rustix::fs::{AtFlags, CWD, statat};

use super::{checked, refused, stat_of};
use crate::agent::channel::Channel;

/// Deeper folders are listed and not entered.
const MAX_DEPTH: usize = 128;

/// A folder with more is refused rather than sorted.
const MAX_FOLDER_COUNT: usize = 200_000;

/// What is gathered before it is sent.
const PIECE_BYTES: usize = 32 * 1024;

pub(crate) fn list(
    channel: &Channel,
    folder: &str,
    is_recursive: bool,
    after: Option<&str>,
    limit_count: usize,
) -> Option<Reply> {
    let folder = match checked(folder) {
        Ok(folder) => folder,
        Err(problem) => return Some(Err(problem)),
    };
    let root = if folder == "/" { "" } else { folder.trim_end_matches('/') };
    let parts: Vec<&str> = match after.map(|after| after.strip_prefix(root)) {
        None => Vec::new(),
        Some(Some(rest)) => rest.split('/').filter(|part| !part.is_empty()).collect(),
        Some(None) => {
            let text = format!(
                "the list of `{folder}` has nothing behind `{}`",
                after.unwrap_or_default()
            );
            return Some(Err(Problem::Invalid(text)));
        }
    };
    let left = limit_count.min(MAX_LIST_COUNT);
    let mut walk = Walk { channel, is_recursive, left, out: Vec::new() };
    match walk.folder(if root.is_empty() { "/" } else { root }, &parts, 0) {
        Ok(()) | Err(Stop::Full) => {}
        Err(Stop::Over) => return None,
        Err(Stop::Problem(problem)) => return Some(Err(problem)),
    }
    channel.write(&walk.out).ok()?;
    Some(Ok(Answer::List))
}

enum Stop {
    Full,
    Over,
    Problem(Problem),
}

struct Walk<'a> {
    channel: &'a Channel,
    is_recursive: bool,
    left: usize,
    out: Vec<u8>,
}

impl Walk<'_> {
    /// `after` are the parts of the cursor below this folder: what is in it up to those was shown.
    fn folder(&mut self, folder: &str, after: &[&str], depth: usize) -> Result<(), Stop> {
        let names = match names(folder) {
            Ok(names) => names,
            // One below that cannot be entered, or is gone by now, is no reason to show nothing.
            Err(_) if depth > 0 => return Ok(()),
            Err(problem) => return Err(Stop::Problem(problem)),
        };
        for name in names {
            let path = if folder == "/" { format!("/{name}") } else { format!("{folder}/{name}") };
            let below = match after.first() {
                Some(first) if name.as_str() < *first => continue,
                Some(first) if name == *first => Some(&after[1..]),
                _ => None,
            };
            let Ok(stat) = statat(CWD, &path, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let stat = stat_of(&stat);
            let is_folder = stat.kind == mainstay_guest::FileKind::Folder;
            if below.is_none() {
                self.show(&FileEntry { path: path.clone(), stat })?;
            }
            if is_folder && self.is_recursive && depth < MAX_DEPTH {
                self.folder(&path, below.unwrap_or_default(), depth + 1)?;
            }
        }
        Ok(())
    }

    fn show(&mut self, entry: &FileEntry) -> Result<(), Stop> {
        if self.left == 0 {
            return Err(Stop::Full);
        }
        self.left -= 1;
        serde_json::to_writer(&mut self.out, entry).expect("names and numbers, into memory");
        self.out.push(b'\n');
        if self.out.len() >= PIECE_BYTES {
            self.channel.write(&self.out).map_err(|_| Stop::Over)?;
            self.out.clear();
        }
        Ok(())
    }
}

/// What a folder has, sorted; names that are not UTF-8 cannot be said and are left out.
fn names(folder: &str) -> Result<Vec<String>, Problem> {
    let entries =
        fs::read_dir(Path::new(folder)).map_err(|error| refused("list", folder, error))?;
    let name = |entry: DirEntry| entry.file_name().into_string().ok();
    let mut names: Vec<String> =
        entries.filter_map(|entry| name(entry.ok()?)).take(MAX_FOLDER_COUNT + 1).collect();
    if names.len() > MAX_FOLDER_COUNT {
        let text = format!("`{folder}` has more than {MAX_FOLDER_COUNT} entries");
        return Err(Problem::Limit(text));
    }
    names.sort_unstable();
    Ok(names)
}
