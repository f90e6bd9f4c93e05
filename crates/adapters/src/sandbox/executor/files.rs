//! Files on the executor's machine.
//!
//! Invariant: what the executor says of its files is bounded before it is kept.

use bytes::{Bytes, BytesMut};
use futures::stream::{self, StreamExt, TryStreamExt};
use mainstay_core::port::{FileInfo, FileKind, SandboxError};
use serde_json::{Value, json};

use super::commands::{CONNECT_WAIT_MS, away};
use super::link::{CallError, Link};
use super::paths::{Paths, path_of, url};
use super::place::Place;
use super::rpc::{Block, Directory, Metadata, NOT_FOUND, Walk, base64};

/// How much of a file is asked for at once.
const BLOCK_BYTES: usize = 524_288;
/// The largest file that is written: it is one message.
const MAX_WRITE_BYTES: usize = 16 * 1024 * 1024;
/// The most entries of one folder, or below one.
const MAX_ENTRIES: usize = 10_000;
/// How deep folders are looked into.
const MAX_DEPTH: usize = 64;
/// How many entries are asked about at once.
const METADATA_LIMIT_COUNT: usize = 64;
/// The permissions that a file is shown with; the executor does not tell.
const FILE_MODE: u32 = 0o644;
/// Those of a folder.
const FOLDER_MODE: u32 = 0o755;

/// The files of one session's executor.
pub(super) struct Files<'a> {
    pub(super) place: &'a Place,
    pub(super) paths: Paths<'a>,
}

impl Files<'_> {
    pub(super) async fn read(
        &self,
        path: &str,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<(Bytes, FileInfo), SandboxError> {
        let link = self.link().await?;
        let at = self.paths.url(path)?;
        let info = info(&link, &at, path).await?;
        if info.kind == FileKind::Folder {
            return Err(SandboxError::Invalid(format!("{path:?} is a folder")));
        }
        let handle = self.place.handle();
        let open = json!({ "handleId": handle, "path": at });
        link.call("fs/open", open).await.map_err(|error| failed("read", path, error))?;
        let read = blocks(&link, &handle, offset, limit_bytes).await;
        link.urge("fs/close", json!({ "handleId": handle }));
        let bytes = read.map_err(|error| failed("read", path, error))?;
        Ok((bytes, info))
    }

    pub(super) async fn write(&self, path: &str, content: &Bytes) -> Result<(), SandboxError> {
        if content.len() > MAX_WRITE_BYTES {
            return Err(SandboxError::LimitReached(format!(
                "a file of up to {MAX_WRITE_BYTES} bytes can be written to a self-hosted environment"
            )));
        }
        let link = self.link().await?;
        let there = self.paths.on_machine(path)?;
        let above = there.rsplit_once('/').map_or("", |(above, _)| above);
        if !above.is_empty() {
            let folder = json!({ "path": url(above), "recursive": true });
            let made = link.call("fs/createDirectory", folder).await;
            made.map_err(|error| failed("make the folder of", path, error))?;
        }
        let write = json!({ "path": url(&there), "dataBase64": base64(content) });
        let written = link.call("fs/writeFile", write).await;
        written.map(drop).map_err(|error| failed("write", path, error))
    }

    pub(super) async fn list(
        &self,
        folder: &str,
        is_recursive: bool,
        after: Option<&str>,
        limit_count: usize,
    ) -> Result<Vec<FileInfo>, SandboxError> {
        let link = self.link().await?;
        let there = self.paths.on_machine(folder)?;
        let mut found = match is_recursive {
            true => walk(&link, &there).await,
            false => entries(&link, &there).await,
        }
        .map_err(|error| failed("list", folder, error))?;
        if found.len() > MAX_ENTRIES {
            return Err(SandboxError::LimitReached(format!(
                "{folder:?} has more than {MAX_ENTRIES} entries; list a folder below it"
            )));
        }
        found.sort_unstable();
        let shown = found.into_iter().map(|path| (self.paths.shown(&path), path));
        let page = shown.filter(|(shown, _)| after.is_none_or(|after| shown.as_str() > after));
        let page: Vec<(String, String)> = page.take(limit_count).collect();
        let link = &link;
        let infos = page.into_iter().map(|(shown, path)| async move {
            match info(link, &url(&path), &shown).await {
                Ok(info) => Ok(Some(info)),
                // It went away meanwhile, or may not be looked at.
                Err(SandboxError::Invalid(_)) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let infos = stream::iter(infos).buffered(METADATA_LIMIT_COUNT);
        infos.try_filter_map(|info| async move { Ok(info) }).try_collect().await
    }

    async fn link(&self) -> Result<std::sync::Arc<Link>, SandboxError> {
        self.place.link(CONNECT_WAIT_MS).await.ok_or_else(away)
    }
}

async fn info(link: &Link, at: &str, shown: &str) -> Result<FileInfo, SandboxError> {
    let metadata: Metadata = link
        .ask("fs/getMetadata", json!({ "path": at }))
        .await
        .map_err(|error| failed("look at", shown, error))?;
    let kind = match metadata {
        Metadata { is_symlink: true, .. } => FileKind::Link,
        Metadata { is_directory: true, .. } => FileKind::Folder,
        Metadata { is_file: true, .. } => FileKind::File,
        _ => FileKind::Other,
    };
    Ok(FileInfo {
        path: shown.to_owned(),
        kind,
        size_bytes: metadata.size,
        modified_ms: u64::try_from(metadata.modified_at_ms).unwrap_or_default(),
        mode: if kind == FileKind::Folder { FOLDER_MODE } else { FILE_MODE },
    })
}

async fn blocks(
    link: &Link,
    handle: &str,
    offset: u64,
    limit_bytes: usize,
) -> Result<Bytes, CallError> {
    let mut bytes = BytesMut::new();
    while bytes.len() < limit_bytes {
        let len = BLOCK_BYTES.min(limit_bytes - bytes.len());
        let at = offset.saturating_add(bytes.len() as u64);
        let params = json!({ "handleId": handle, "offset": at, "len": len });
        let block: Block = link.ask("fs/readBlock", params).await?;
        let chunk = &block.chunk.0;
        bytes.extend_from_slice(&chunk[..chunk.len().min(len)]);
        if block.eof || chunk.is_empty() {
            break;
        }
    }
    Ok(bytes.freeze())
}

/// The entries of a folder, as paths of the machine.
async fn entries(link: &Link, folder: &str) -> Result<Vec<String>, CallError> {
    let directory: Directory = link.ask("fs/readDirectory", json!({ "path": url(folder) })).await?;
    let folder = folder.trim_end_matches('/');
    let names = directory.entries.into_iter().map(|entry| entry.file_name);
    let names = names.filter(|name| !name.is_empty() && !name.contains('/'));
    Ok(names.take(MAX_ENTRIES + 1).map(|name| format!("{folder}/{name}")).collect())
}

/// What is below a folder, as paths of the machine.
async fn walk(link: &Link, folder: &str) -> Result<Vec<String>, CallError> {
    let options = json!({
        "maxDepth": MAX_DEPTH,
        "maxDirectories": MAX_ENTRIES,
        "maxEntries": MAX_ENTRIES,
        "followDirectorySymlinks": Value::Bool(false),
    });
    let walk: Walk =
        link.ask("fs/walk", json!({ "path": url(folder), "options": options })).await?;
    let paths = walk.entries.iter().filter_map(|entry| path_of(&entry.path));
    let mut paths: Vec<String> = paths.take(MAX_ENTRIES).collect();
    if walk.truncated {
        // More than can be shown: the caller counts.
        paths.resize(MAX_ENTRIES + 1, String::new());
    }
    Ok(paths)
}

fn failed(attempt: &str, path: &str, error: CallError) -> SandboxError {
    match error {
        CallError::Refused(error) if error.code == NOT_FOUND => {
            SandboxError::Invalid(format!("cannot {attempt} {path:?}: it does not exist"))
        }
        CallError::Refused(error) => {
            SandboxError::Invalid(format!("cannot {attempt} {path:?}: {}", error.message))
        }
        error => error.into(),
    }
}
