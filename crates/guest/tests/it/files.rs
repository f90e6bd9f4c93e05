//! Files.

use bytes::Bytes;
use mainstay_core::port::{FileKind, SandboxError};

use crate::support::{Guest, shell};

#[tokio::test]
async fn files_go_in_and_come_out_whole_and_in_parts() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let content = Bytes::from_iter((0..1_000_000_u32).flat_map(u32::to_le_bytes));
    let info =
        machine.write_file("/workspace/a/b/c.bin", content.clone(), None).await.expect("write");
    assert_eq!((info.size_bytes, info.mode, info.kind), (4_000_000, 0o644, FileKind::File));
    let (read, info) = machine.read_file("/workspace/a/b/c.bin", 0, 5_000_000).await.expect("read");
    assert_eq!((read == content, info.size_bytes), (true, 4_000_000));
    let (part, _) = machine.read_file("/workspace/a/b/c.bin", 3_999_990, 100).await.expect("read");
    assert_eq!(part, content.slice(3_999_990..));
    machine
        .write_file("/workspace/run.sh", Bytes::from("#!/bin/sh\n"), Some(0o755))
        .await
        .expect("write");
    let info = machine.write_file("/workspace/run.sh", Bytes::new(), None).await.expect("write");
    assert_eq!((info.size_bytes, info.mode), (0, 0o755));
    let info = machine
        .restore_file("/workspace/old", Bytes::from("x"), 0o600, 1_000_000_005)
        .await
        .expect("write");
    assert_eq!((info.modified_ms, info.mode), (1000, 0o600));
    let left = std::fs::read_dir(guest.workspace()).expect("look").count();
    assert_eq!(left, 3, "nothing is left beside the files");
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    machine
        .exec(
            shell("1", "mkfifo pipe; mkdir folder; ln -s /proc/1/environ link; ln -s loop loop"),
            None,
        )
        .await
        .expect("run");
    let check = async |path: &str, read: &str, write: &str| {
        let error = machine.read_file(path, 0, 10).await.expect_err("refuse");
        assert_eq!(error, SandboxError::Invalid(read.to_owned()));
        let error = machine.write_file(path, Bytes::from("x"), None).await.expect_err("refuse");
        assert_eq!(error, SandboxError::Invalid(write.to_owned()));
    };
    let pipe = "`/workspace/pipe` is a pipe, socket or device, and no file";
    check("/workspace/pipe", pipe, pipe).await;
    check(
        "/workspace/folder",
        "`/workspace/folder` is a folder",
        "`/workspace/folder` is a folder",
    )
    .await;
    let relative = "`workspace/x` is not an absolute path without `..`";
    check("workspace/x", relative, relative).await;
    let up = "`/workspace/../x` is not an absolute path without `..`";
    check("/workspace/../x", up, up).await;
    check(
        "/etc/nonesuch",
        "open `/etc/nonesuch` in the machine: no such file or directory",
        "write `/etc/nonesuch` in the machine: read-only file system",
    )
    .await;
    let check = async |path: &str, read: &str| {
        let error = machine.read_file(path, 0, 10).await.expect_err("refuse");
        assert_eq!(error, SandboxError::Invalid(read.to_owned()));
    };
    let kernel = "`/workspace/link` is no file but the kernel's; a command can read it";
    check("/workspace/link", kernel).await;
    check(
        "/workspace/loop",
        "open `/workspace/loop` in the machine: too many levels of symbolic links",
    )
    .await;
}

#[tokio::test]
async fn lists_are_ordered_and_go_on_behind_a_cursor() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let script = "mkdir -p b/d a.d; touch b/d/1 b/d/2 a b.x c; ln -s b l; mkfifo p";
    machine.exec(shell("1", script), None).await.expect("run");
    let all = ["a", "a.d", "b", "b/d", "b/d/1", "b/d/2", "b.x", "c", "l", "p"];
    for page in [1, 3, 100] {
        let mut seen = Vec::new();
        loop {
            let after = seen.last().map(|path| format!("/workspace/{path}"));
            let files =
                machine.list_files("/workspace", true, after.as_deref(), page).await.expect("list");
            if files.is_empty() {
                break;
            }
            seen.extend(files.iter().map(|file| file.path["/workspace/".len()..].to_owned()));
        }
        assert_eq!(seen, all, "in pages of {page}");
    }
    let flat = machine.list_files("/workspace/", false, None, 100).await.expect("list");
    let kinds: Vec<_> =
        flat.iter().map(|file| (&file.path["/workspace/".len()..], file.kind)).collect();
    let (file, folder) = (FileKind::File, FileKind::Folder);
    assert_eq!(
        kinds,
        [
            ("a", file),
            ("a.d", folder),
            ("b", folder),
            ("b.x", file),
            ("c", file),
            ("l", FileKind::Link),
            ("p", FileKind::Other)
        ]
    );
    let error = machine.list_files("/nonesuch", true, None, 10).await.expect_err("refuse");
    assert_eq!(
        error,
        SandboxError::Invalid(
            "list `/nonesuch` in the machine: no such file or directory".to_owned()
        )
    );
}

#[tokio::test]
async fn folders_and_links_are_made_and_anything_is_removed() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    machine.make_folder("/workspace/x/y", 0o700).await.expect("make");
    machine.make_link("/workspace/x/l", "/etc").await.expect("make");
    machine.make_link("/workspace/x/l", "y").await.expect("make in its place");
    assert_eq!(
        std::fs::read_link(guest.workspace().join("x/l")).expect("look").to_str(),
        Some("y")
    );
    machine.write_file("/workspace/x/y/f", Bytes::from("x"), None).await.expect("write");
    machine.remove("/workspace/x/l").await.expect("remove");
    assert!(guest.workspace().join("x/y/f").exists(), "the link alone is removed");
    machine.remove("/workspace/x").await.expect("remove");
    machine.remove("/workspace/x").await.expect("it is not there");
    assert_eq!(std::fs::read_dir(guest.workspace()).expect("look").count(), 0);
    let health = machine.health().await.expect("look");
    assert_eq!((health.running_count, health.missing), (0, Vec::new()));
}
