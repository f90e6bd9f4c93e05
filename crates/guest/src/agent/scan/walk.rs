//! The walk of a scan: folder by folder, each looked at through its own descriptor.
//!
//! Invariant: what is not looked at was not touched: the disk's table says so of each file, and of a folder's
//! names. Where there is no table, everything is looked at.

use std::cell::OnceCell;
use std::ffi::CStr;
use std::os::fd::OwnedFd;

use mainstay_guest::{FileKind, FileStat, Problem, ScanEntry};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, fstat, open, openat, readlinkat, statat};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::request::too_many;
use super::table::{Look, Table};
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

/// One that is gone meanwhile is no folder any more.
const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

pub(super) enum Stop {
    Over,
    Problem(Problem),
}

/// A folder, opened when it is needed.
struct Handle<'a> {
    above: Option<(&'a Self, &'a str)>,
    own: OnceCell<Option<OwnedFd>>,
}

impl<'a> Handle<'a> {
    fn top(folder: OwnedFd) -> Self {
        Self { above: None, own: OnceCell::from(Some(folder)) }
    }

    fn below(&'a self, name: &'a str) -> Self {
        Self { above: Some((self, name)), own: OnceCell::new() }
    }

    /// None of one that may not be entered: it has nothing that could be read.
    fn get(&self) -> Option<&OwnedFd> {
        let opened = self.own.get_or_init(|| {
            let (above, name) = self.above?;
            openat(above.get()?, name, FOLDER, Mode::empty()).ok()
        });
        opened.as_ref()
    }
}

pub(super) struct Walk<'a> {
    channel: &'a Channel,
    look: Option<Look<'a>>,
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
            look: None,
            out: Vec::new(),
            path: String::new(),
            doubtful_from_ns: now_ns - CLOCK_STEP_NS,
            entry_count: 0,
            skipped_count: 0,
        }
    }

    /// What there is below a folder, told as far as it differs from before.
    pub(super) fn run(
        &mut self,
        folder: &str,
        before: Option<Node>,
        table: Option<&'a Table>,
    ) -> Result<Node, Stop> {
        let failed =
            |error: Errno| Stop::Problem(Problem::Broken(format!("scan {folder}: {error}")));
        let opened = open(folder, FOLDER, Mode::empty()).map_err(failed)?;
        let stat = fstat(&opened).map_err(failed)?;
        let (seen, _) = Seen::new(&stat, self.doubtful_from_ns);
        self.look = table.and_then(|table| table.look(stat.st_dev));
        // One table that is wrong of what is known otherwise may be wrong of all.
        let told = self.look.as_mut().and_then(|look| look.changed_ns(seen.inode));
        self.look.take_if(|_| !seen.has_changed_at(told));
        let is_same =
            before.as_ref().is_some_and(|before| self.has_same_names(&seen, &before.seen));
        let before = before.map(|before| before.children).unwrap_or_default();
        let children = self.folder(&Handle::top(opened), before, is_same, 0)?;
        self.channel.write(&self.out).map_err(|_| Stop::Over)?;
        Ok(Node { name: Box::default(), seen, children })
    }

    /// Entries, and what was left out.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.entry_count, self.skipped_count)
    }

    fn has_same_names(&self, now: &Seen, before: &Seen) -> bool {
        self.look.is_some() && now.is_untouched_since(before)
    }

    fn folder(
        &mut self,
        folder: &Handle<'_>,
        before: Vec<Node>,
        is_same: bool,
        depth: usize,
    ) -> Result<Vec<Node>, Stop> {
        let mut nodes = Vec::with_capacity(before.len());
        if is_same {
            for node in before {
                nodes.extend(self.known(folder, node, depth)?);
            }
            return Ok(nodes);
        }
        let mut before = before.into_iter().peekable();
        for (name, inode) in self.names(folder, depth) {
            while let Some(gone) = before.next_if(|node| node.name < name) {
                self.removed(&gone.name)?;
            }
            nodes.extend(match before.next_if(|node| node.name == name) {
                Some(old) if old.seen.inode == inode => self.known(folder, old, depth)?,
                Some(old) => self.looked_at(folder, name, Some(old), depth)?,
                None => self.looked_at(folder, name, None, depth)?,
            });
        }
        for gone in before {
            self.removed(&gone.name)?;
        }
        Ok(nodes)
    }

    /// The names in a folder, in their order, and what they name.
    fn names(&mut self, folder: &Handle<'_>, depth: usize) -> Vec<(Box<str>, u64)> {
        let mut names = Vec::new();
        let Some(mut entries) = folder.get().and_then(|folder| Dir::read_from(folder).ok()) else {
            return names;
        };
        while let Some(Ok(entry)) = entries.read() {
            match entry.file_name().to_str() {
                Ok("." | "..") => {}
                Ok(LEFT_OUT) if depth == 0 => {}
                Ok(name) => names.push((Box::from(name), entry.ino())),
                Err(_) => self.skipped_count += 1,
            }
        }
        names.sort_unstable();
        names
    }

    /// One that was there before, looked at only if it may have changed.
    fn known(
        &mut self,
        folder: &Handle<'_>,
        old: Node,
        depth: usize,
    ) -> Result<Option<Node>, Stop> {
        let told = self.look.as_mut().and_then(|look| look.changed_ns(old.seen.inode));
        if !old.seen.is_untouched(told) {
            return self.looked_at(folder, old.name.clone(), Some(old), depth);
        }
        self.count()?;
        let Node { name, seen, mut children } = old;
        if seen.kind == FileKind::Folder {
            let length = self.enter(&name);
            children = self.below(&folder.below(&name), children, true, depth)?;
            self.path.truncate(length);
        }
        Ok(Some(Node { name, seen, children }))
    }

    /// None when it is not kept, or gone by now.
    fn looked_at(
        &mut self,
        folder: &Handle<'_>,
        name: Box<str>,
        old: Option<Node>,
        depth: usize,
    ) -> Result<Option<Node>, Stop> {
        let stat =
            folder.get().and_then(|folder| statat(folder, &*name, AtFlags::SYMLINK_NOFOLLOW).ok());
        let looked = stat.map(|stat| Seen::new(&stat, self.doubtful_from_ns));
        if looked.is_some_and(|(seen, _)| seen.kind == FileKind::Other) {
            self.skipped_count += 1;
        }
        let Some((seen, told)) = looked.filter(|(seen, _)| seen.kind != FileKind::Other) else {
            if old.is_some() {
                self.removed(&name)?;
            }
            return Ok(None);
        };
        self.count()?;
        let length = self.enter(&name);
        let had_other_kind = old.as_ref().is_some_and(|old| old.seen.kind != seen.kind);
        let old = old.filter(|old| old.seen.kind == seen.kind);
        if had_other_kind {
            let path = self.path.clone();
            self.show(&ScanEntry::Removed { path })?;
        }
        if old.as_ref().is_none_or(|old| seen.differs(&old.seen)) {
            self.changed(folder, &name, told)?;
        }
        let mut children = Vec::new();
        if seen.kind == FileKind::Folder {
            let is_same = old.as_ref().is_some_and(|old| self.has_same_names(&seen, &old.seen));
            let before = old.map(|old| old.children).unwrap_or_default();
            children = self.below(&folder.below(&name), before, is_same, depth)?;
        }
        self.path.truncate(length);
        Ok(Some(Node { name, seen, children }))
    }

    fn below(
        &mut self,
        folder: &Handle<'_>,
        before: Vec<Node>,
        is_same: bool,
        depth: usize,
    ) -> Result<Vec<Node>, Stop> {
        if depth >= MAX_DEPTH {
            self.skipped_count += 1;
            return Ok(Vec::new());
        }
        self.folder(folder, before, is_same, depth + 1)
    }

    fn count(&mut self) -> Result<(), Stop> {
        self.entry_count += 1;
        match self.entry_count > MAX_ENTRY_COUNT {
            true => Err(Stop::Problem(too_many(MAX_ENTRY_COUNT))),
            false => Ok(()),
        }
    }

    /// Makes the path an entry's; gives the length to go back to.
    fn enter(&mut self, name: &str) -> usize {
        let length = self.path.len();
        if length > 0 {
            self.path.push('/');
        }
        self.path.push_str(name);
        length
    }

    fn changed(&mut self, folder: &Handle<'_>, name: &str, stat: FileStat) -> Result<(), Stop> {
        let target = match stat.kind {
            FileKind::Link => {
                let target = folder.get().map(|folder| readlinkat(folder, name, Vec::new()));
                Some(text(&target.and_then(Result::ok).unwrap_or_default()))
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
