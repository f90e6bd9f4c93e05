//! The walk of a scan: folder by folder, each looked at through its own descriptor.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use mainstay_guest::{FileKind, FileStat, Problem, ScanEntry};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, open, openat, readlinkat, statat};
use rustix::time::{ClockId, clock_gettime};

use super::too_many;
use super::tree::{Node, Seen};
use crate::agent::channel::Channel;

/// Deeper folders are left out.
const MAX_DEPTH: usize = 200;

/// A workspace with more is refused.
const MAX_ENTRY_COUNT: u64 = 300_000;

/// How far apart two changes must be to have two times, with room to spare.
const CLOCK_STEP_NS: i128 = 50_000_000;

/// What is gathered before it is sent.
const PIECE_BYTES: usize = 32 * 1024;

/// At the top of the workspace: what can be had again.
const LEFT_OUT: &str = ".cache";

pub(super) enum Stop {
    Over,
    Problem(Problem),
}

pub(super) struct Walk<'a> {
    channel: &'a Channel,
    out: Vec<u8>,
    path: String,
    doubtful_from_ns: i128,
    entry_count: u64,
    skipped_count: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(channel: &'a Channel) -> Self {
        let now = clock_gettime(ClockId::Realtime);
        let now_ns = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
        Self {
            channel,
            out: Vec::new(),
            path: String::new(),
            doubtful_from_ns: now_ns - CLOCK_STEP_NS,
            entry_count: 0,
            skipped_count: 0,
        }
    }

    pub(super) fn run(&mut self, folder: &str, before: &[Node]) -> Result<Vec<Node>, Stop> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = open(folder, flags, Mode::empty())
            .map_err(|error| Stop::Problem(Problem::Broken(format!("scan {folder}: {error}"))))?;
        let tree = self.folder(opened, before, 0)?;
        self.channel.write(&self.out).map_err(|_| Stop::Over)?;
        Ok(tree)
    }

    /// Entries, and what was left out.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.entry_count, self.skipped_count)
    }

    fn folder(
        &mut self,
        folder: OwnedFd,
        before: &[Node],
        depth: usize,
    ) -> Result<Vec<Node>, Stop> {
        let Ok(mut entries) = Dir::read_from(&folder) else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        while let Some(Ok(entry)) = entries.read() {
            match entry.file_name().to_str() {
                Ok("." | "..") => {}
                Ok(LEFT_OUT) if depth == 0 => {}
                Ok(name) => names.push(Box::<str>::from(name)),
                Err(_) => self.skipped_count += 1,
            }
        }
        drop(entries);
        names.sort_unstable();
        let mut before = before.iter().peekable();
        let mut nodes = Vec::with_capacity(names.len());
        for name in names {
            while let Some(gone) = before.next_if(|node| node.name < name) {
                self.removed(&gone.name)?;
            }
            let old = before.next_if(|node| node.name == name);
            match self.entry(&folder, name, old, depth)? {
                Some(node) => nodes.push(node),
                None => {
                    if let Some(old) = old {
                        self.removed(&old.name)?;
                    }
                }
            }
        }
        for gone in before {
            self.removed(&gone.name)?;
        }
        Ok(nodes)
    }

    /// None when it is not kept, or gone by now.
    fn entry(
        &mut self,
        folder: &OwnedFd,
        name: Box<str>,
        old: Option<&Node>,
        depth: usize,
    ) -> Result<Option<Node>, Stop> {
        let Ok(stat) = statat(folder, &*name, AtFlags::SYMLINK_NOFOLLOW) else { return Ok(None) };
        let (seen, told) = Seen::new(&stat, self.doubtful_from_ns);
        if seen.kind == FileKind::Other {
            self.skipped_count += 1;
            return Ok(None);
        }
        self.entry_count += 1;
        if self.entry_count > MAX_ENTRY_COUNT {
            return Err(Stop::Problem(too_many(MAX_ENTRY_COUNT)));
        }
        let length = self.path.len();
        if length > 0 {
            self.path.push('/');
        }
        self.path.push_str(&name);
        let same_kind = old.filter(|old| old.seen.kind == seen.kind);
        if old.is_some() && same_kind.is_none() {
            let path = self.path.clone();
            self.show(&ScanEntry::Removed { path })?;
        }
        if same_kind.is_none_or(|old| seen.differs(&old.seen)) {
            self.changed(folder, &name, told)?;
        }
        let mut children = Vec::new();
        if seen.kind == FileKind::Folder {
            if depth >= MAX_DEPTH {
                self.skipped_count += 1;
            } else {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                // One that may not be entered has nothing that could be read.
                if let Ok(below) = openat(folder, &*name, flags, Mode::empty()) {
                    let known = same_kind.map(|old| old.children.as_slice()).unwrap_or_default();
                    children = self.folder(below, known, depth + 1)?;
                }
            }
        }
        self.path.truncate(length);
        Ok(Some(Node { name, seen, children }))
    }

    fn changed(&mut self, folder: &OwnedFd, name: &str, stat: FileStat) -> Result<(), Stop> {
        let target = match stat.kind {
            FileKind::Link => {
                let target = readlinkat(folder, name, Vec::new()).unwrap_or_default();
                Some(text(&target))
            }
            _ => None,
        };
        self.show(&ScanEntry::Changed { path: self.path.clone(), stat, target })
    }

    fn removed(&mut self, name: &str) -> Result<(), Stop> {
        let path = match self.path.as_str() {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        self.show(&ScanEntry::Removed { path })
    }

    fn show(&mut self, entry: &ScanEntry) -> Result<(), Stop> {
        serde_json::to_writer(&mut self.out, entry).expect("names and numbers, into memory");
        self.out.push(b'\n');
        if self.out.len() >= PIECE_BYTES {
            self.channel.write(&self.out).map_err(|_| Stop::Over)?;
            self.out.clear();
        }
        Ok(())
    }
}

fn text(bytes: &CStr) -> String {
    bytes.to_string_lossy().into_owned()
}
