//! Workspaces that go in and out of a machine through the agent.

use std::collections::HashMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_adapters::sandbox::workspace::{
    FolderTree, KnownTree, MachineTree, Scan, Shelf, restore, save,
};
use mainstay_core::port::{BlobError, Blobs, FileKind};
use mainstay_protocol::{SessionId, sha256_hex};
use tempfile::TempDir;

use crate::support::Guest;

#[derive(Default)]
struct Memory(Mutex<HashMap<String, Bytes>>);

#[async_trait]
impl Blobs for Memory {
    async fn put(&self, _: &SessionId, bytes: Bytes) -> Result<String, BlobError> {
        let name = sha256_hex(&bytes);
        self.0.lock().expect("not poisoned").insert(name.clone(), bytes);
        Ok(name)
    }

    async fn get(&self, _: &SessionId, hash: &str) -> Result<Option<Bytes>, BlobError> {
        Ok(self.0.lock().expect("not poisoned").get(hash).cloned())
    }
}

async fn scan(folder: &Path) -> Scan {
    FolderTree::open(folder).expect("it opens").scan().await.expect("it is scanned")
}

fn seen(scan: &Scan) -> Vec<String> {
    let lines = scan.changed.iter().map(|found| {
        let is_file = found.kind == FileKind::File;
        let (size, time) = if is_file { (found.size_bytes, found.modified_ns) } else { (0, 0) };
        let target = found.target.as_deref().unwrap_or_default().escape_ascii();
        format!("{} {:?} {:o} {size} {time} {target}", found.path, found.kind, found.mode & 0o777)
    });
    let mut lines: Vec<_> = lines.collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_workspace_goes_in_and_comes_out_as_it_was() {
    let original = TempDir::new().expect("a folder");
    let at = |name: &str| original.path().join(name);
    std::fs::create_dir_all(at("deep/er")).expect("folders");
    std::fs::create_dir(at("empty")).expect("a folder");
    std::fs::write(at("deep/er/run.sh"), "#!/bin/sh\n").expect("a file");
    std::fs::set_permissions(at("deep/er/run.sh"), std::fs::Permissions::from_mode(0o755))
        .expect("a mode");
    std::fs::write(at("nothing"), "").expect("a file");
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(|n| n.wrapping_mul(n).to_be_bytes()).collect();
    std::fs::write(at("large.bin"), &large).expect("a file");
    for number in 0..200 {
        std::fs::write(at(&format!("deep/{number}")), format!("file {number}")).expect("a file");
    }
    symlink("/etc/passwd", at("outside")).expect("a link");
    let (blobs, session) = (Memory::default(), SessionId::parse("ses_1").expect("an id"));
    let shelf = Shelf::new(&blobs, &session);
    let tree = FolderTree::open(original.path()).expect("it opens");
    let found = scan(original.path()).await;
    let first = save(&mut KnownTree::default(), &found, &tree, shelf).await.expect("it is saved");

    let guest = Guest::start();
    let machine = guest.connect().await;
    let into = MachineTree::new(&machine);
    restore(&first, shelf, &into).await.expect("it is restored");
    let inside = scan(&guest.workspace()).await;
    assert_eq!(seen(&inside), seen(&found));
    // Read through the agent, it is the same again: nothing is written but the layer that says so.
    let mut known = KnownTree::default();
    let again = save(&mut known, &inside, &into, shelf).await.expect("it is saved");
    assert_eq!(again.workspace, first.workspace);
    // What has gone since it was seen is left out.
    std::fs::remove_file(guest.workspace().join("deep/7")).expect("it was there");
    let mut wrong = inside.clone();
    wrong.is_full = false;
    let without = save(&mut known, &wrong, &into, shelf).await.expect("it is saved");
    assert_eq!(without.file_count, first.file_count - 1);
}
