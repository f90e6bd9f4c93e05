//! Files of a machine.

use std::time::Duration;

use bytes::Bytes;
use mainstay_core::port::{FileInfo, FileKind, SandboxError};
use mainstay_guest::{Answer, FileEntry, FileStat, MAX_LIST_COUNT, MAX_READ_BYTES, Request};

use super::connect::Machine;
use super::failure::nonsense;
use super::request::{Bounds, ask};

/// How long a file may take to go in or out.
const FILE_TIMEOUT_MS: u64 = 120_000;

/// The longest path that a machine's kernel takes, as JSON at worst.
const MAX_ENTRY_BYTES: usize = 6 * 4096 + 256;

/// A list as text.
const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;

impl Machine {
    /// Part of a file: its bytes from `offset`, at most `limit_bytes`, and what it is.
    ///
    /// # Errors
    /// There is no such file, or the agent does not answer.
    pub async fn read_file(
        &self,
        path: &str,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<(Bytes, FileInfo), SandboxError> {
        let limit_bytes = limit_bytes.min(MAX_READ_BYTES);
        let request = Request::ReadFile { path: path.to_owned(), offset, limit_bytes };
        match ask(&self.connection, &request, None, bounds("read a file", limit_bytes)).await? {
            (Answer::File(stat), data) => Ok((data, info(path.to_owned(), stat))),
            _ => Err(nonsense("another answer than a file")),
        }
    }

    /// Writes a file whole, with the folders above it: whoever reads it sees the old one or the new one.
    /// Without a mode it keeps its own, or gets 0644.
    ///
    /// # Errors
    /// It cannot be written, or the agent does not answer.
    pub async fn write_file(
        &self,
        path: &str,
        content: Bytes,
        mode: Option<u32>,
    ) -> Result<FileInfo, SandboxError> {
        self.put_file(path, content, mode, None).await
    }

    /// The same, with the time of its last change.
    ///
    /// # Errors
    /// It cannot be written, or the agent does not answer.
    pub async fn restore_file(
        &self,
        path: &str,
        content: Bytes,
        mode: u32,
        modified_ns: u64,
    ) -> Result<FileInfo, SandboxError> {
        self.put_file(path, content, Some(mode), Some(modified_ns)).await
    }

    async fn put_file(
        &self,
        path: &str,
        content: Bytes,
        mode: Option<u32>,
        modified_ns: Option<u64>,
    ) -> Result<FileInfo, SandboxError> {
        let request = Request::WriteFile { path: path.to_owned(), mode, modified_ns };
        match ask(&self.connection, &request, Some(content), bounds("write a file", 0)).await? {
            (Answer::File(stat), _) => Ok(info(path.to_owned(), stat)),
            _ => Err(nonsense("another answer than a file")),
        }
    }

    /// The files below a folder behind `after`, a folder before what is in it; links are not followed.
    ///
    /// # Errors
    /// There is no such folder, or the agent does not answer.
    pub async fn list_files(
        &self,
        folder: &str,
        is_recursive: bool,
        after: Option<&str>,
        limit_count: usize,
    ) -> Result<Vec<FileInfo>, SandboxError> {
        let limit_count = limit_count.min(MAX_LIST_COUNT);
        let request = Request::ListFiles {
            folder: folder.to_owned(),
            is_recursive,
            after: after.map(str::to_owned),
            limit_count,
        };
        let max_bytes = (limit_count * MAX_ENTRY_BYTES).min(MAX_LIST_BYTES);
        let (answer, data) =
            ask(&self.connection, &request, None, bounds("list files", max_bytes)).await?;
        if answer != Answer::List {
            return Err(nonsense("another answer than a list"));
        }
        let lines = data.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let mut files = Vec::new();
        for line in lines {
            let entry: FileEntry =
                serde_json::from_slice(line).map_err(|_| nonsense("a list that is none"))?;
            if files.len() >= limit_count {
                return Err(nonsense("a list that is longer than asked for"));
            }
            files.push(info(entry.path, entry.stat));
        }
        Ok(files)
    }

    /// Removes a file, or a folder with all that is in it.
    ///
    /// # Errors
    /// It cannot be removed, or the agent does not answer.
    pub async fn remove(&self, path: &str) -> Result<(), SandboxError> {
        self.file_request("remove a file", &Request::Remove { path: path.to_owned() }).await
    }

    /// Makes a folder, and those above it, or sets the mode of one that is there.
    ///
    /// # Errors
    /// It cannot be made, or the agent does not answer.
    pub async fn make_folder(&self, path: &str, mode: u32) -> Result<(), SandboxError> {
        let request = Request::MakeFolder { path: path.to_owned(), mode };
        self.file_request("make a folder", &request).await
    }

    /// Makes a symbolic link, in the place of a file or link that is there.
    ///
    /// # Errors
    /// It cannot be made, or the agent does not answer.
    pub async fn make_link(&self, path: &str, target: &str) -> Result<(), SandboxError> {
        let request = Request::MakeLink { path: path.to_owned(), target: target.to_owned() };
        self.file_request("make a link", &request).await
    }

    async fn file_request(&self, attempted: &str, request: &Request) -> Result<(), SandboxError> {
        match ask(&self.connection, request, None, bounds(attempted, 0)).await? {
            (Answer::Done, _) => Ok(()),
            _ => Err(nonsense("another answer than done")),
        }
    }
}

fn bounds(attempted: &str, max_bytes: usize) -> Bounds<'_> {
    Bounds { attempted, wait: Duration::from_millis(FILE_TIMEOUT_MS), max_bytes, sink: None }
}

fn info(path: String, stat: FileStat) -> FileInfo {
    FileInfo {
        path,
        kind: kind(stat.kind),
        size_bytes: stat.size_bytes,
        modified_ms: stat.modified_ns / 1_000_000,
        mode: stat.mode & 0o7777,
    }
}

pub(super) fn kind(kind: mainstay_guest::FileKind) -> FileKind {
    match kind {
        mainstay_guest::FileKind::File => FileKind::File,
        mainstay_guest::FileKind::Folder => FileKind::Folder,
        mainstay_guest::FileKind::Link => FileKind::Link,
        mainstay_guest::FileKind::Other => FileKind::Other,
    }
}
