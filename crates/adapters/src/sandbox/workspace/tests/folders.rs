//! Folders of this host.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::support::{MemoryBlobs, session};
use crate::sandbox::workspace::{FileSource as _, FolderTree, KnownTree, Shelf, restore, save};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn filled() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("deep/er/still")).expect("folders");
    fs::create_dir(at("empty")).expect("a folder");
    fs::write(at("deep/er/run.sh"), "#!/bin/sh\n").expect("a file");
    mode(&at("deep/er/run.sh"), 0o755);
    fs::hard_link(at("deep/er/run.sh"), at("second name")).expect("a hard link");
    symlink("/etc/passwd", at("outside")).expect("a link");
    symlink("nowhere", at("dangling")).expect("a link");
    symlink("..", at("deep/up")).expect("a link");
    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"odd \xff\xfe name"));
    fs::write(odd, [0xff; 40_000]).expect("a file");
    let sparse = fs::File::create(at("sparse")).expect("a file");
    sparse.set_len(8 << 20).expect("a length");
    mode(&at("deep/er"), 0o500);
    mode(&at("empty"), 0o711);
    folder
}

async fn seen(folder: &Path) -> Vec<String> {
    let scan = FolderTree::open(folder).expect("it opens").scan().await.expect("it is scanned");
    let mut lines: Vec<_> = scan
        .changed
        .iter()
        .map(|found| {
            let is_file = found.kind == mainstay_core::port::FileKind::File;
            let (size, time) = if is_file { (found.size_bytes, found.modified_ns) } else { (0, 0) };
            let target = found.target.as_deref().unwrap_or_default().escape_ascii();
            let mode = found.mode & 0o777;
            format!("{} {:?} {mode:o} {size} {time} {target}", found.path, found.kind)
        })
        .collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_folder_comes_back_as_it_was() {
    let (folder, blobs, session) = (filled(), MemoryBlobs::default(), session());
    let shelf = Shelf::new(&blobs, &session);
    let tree = FolderTree::open(folder.path()).expect("it opens");
    let mut known = KnownTree::default();
    let scan = tree.scan().await.expect("it is scanned");
    let checkpoint = save(&mut known, &scan, &tree, shelf).await.expect("it is saved");
    assert!(checkpoint.written_bytes < 400_000, "zeros are kept once: {checkpoint:?}");
    let copy = tempfile::tempdir().expect("a folder");
    let into = FolderTree::open(copy.path()).expect("it opens");
    let mut known = restore(&checkpoint, shelf, &into).await.expect("it is restored");
    assert_eq!(seen(copy.path()).await, seen(folder.path()).await);
    let sparse = fs::metadata(copy.path().join("sparse")).expect("it is there");
    assert!(sparse.blocks() < 100, "holes stay holes");
    // Known since then: another save finds nothing new, one after a change finds that.
    let scan = into.scan().await.expect("it is scanned");
    let again = save(&mut known, &scan, &into, shelf).await.expect("it is saved");
    assert_eq!(again.written_bytes, 0);
    fs::write(copy.path().join("second name"), "#!/bin/zsh").expect("a file");
    let scan = into.scan().await.expect("it is scanned");
    let changed = save(&mut known, &scan, &into, shelf).await.expect("it is saved");
    assert_ne!(changed.workspace, again.workspace);
    // Removed by name: a folder without the right to write would stay.
    mode(&folder.path().join("deep/er"), 0o700);
    mode(&copy.path().join("deep/er"), 0o700);
}

/// A file written twice at once has one time: the second content must not be missed.
#[tokio::test]
async fn a_change_within_one_tick_of_the_clock_is_seen() {
    let (folder, blobs, session) =
        (tempfile::tempdir().expect("a folder"), MemoryBlobs::default(), session());
    let shelf = Shelf::new(&blobs, &session);
    let tree = FolderTree::open(folder.path()).expect("it opens");
    let mut known = KnownTree::default();
    let file = folder.path().join("a");
    let mut last = None;
    for text in ["one", "two", "six", "ten"] {
        fs::write(&file, text).expect("a file");
        let out = fs::File::options().append(true).open(&file).expect("it opens");
        out.set_modified(std::time::UNIX_EPOCH).expect("a time");
        let scan = tree.scan().await.expect("it is scanned");
        let checkpoint = save(&mut known, &scan, &tree, shelf).await.expect("it is saved");
        assert_ne!(
            last.replace(checkpoint.workspace.clone()),
            Some(checkpoint.workspace),
            "{text}"
        );
    }
}

/// What is read is a file, whatever has taken its place since the scan.
#[tokio::test]
async fn links_and_pipes_are_not_read() {
    let folder = filled();
    let tree = FolderTree::open(folder.path()).expect("it opens");
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("a pipe");
    for name in ["outside", "dangling", "pipe", "deep", "no such file", "second name/x"] {
        let read = tree.read(&super::support::path(name), 0, 10).await;
        assert_eq!(read, Ok(None), "{name}");
    }
    for name in ["deep/up/up/etc/passwd", "deep/up/second name"] {
        let read = tree.read(&super::support::path(name), 0, 10).await;
        assert!(
            !matches!(&read, Ok(Some(bytes)) if bytes.starts_with(b"root")),
            "{name}: {read:?}"
        );
    }
    let mode_of = |name: &str| fs::metadata(folder.path().join(name)).expect("there").mode();
    assert_eq!(mode_of("deep/er") & 0o777, 0o500);
    mode(&folder.path().join("deep/er"), 0o700);
}
