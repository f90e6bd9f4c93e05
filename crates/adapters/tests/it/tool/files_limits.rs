//! File tools: what is no plain text file, and what is too large.

use std::fs;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use mainstay_core::tool::ToolSource;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;

use super::support::{Bench, Wanted};

const FILES: ToolSource = ToolSource::Files { read_only: false };

fn bench() -> Bench {
    let bench = Bench::new(Wanted::default());
    fs::create_dir_all(bench.workspace()).expect("a folder");
    bench
}

#[track_caller]
fn check(found: &str, expected: &str) {
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_is_no_file_is_refused_without_waiting() {
    let bench = bench();
    let workspace = bench.workspace();
    mknodat(CWD, workspace.join("pipe"), FileType::Fifo, Mode::RWXU, 0).expect("a pipe");
    let _socket = UnixListener::bind(workspace.join("socket")).expect("a socket");
    fs::create_dir(workspace.join("folder")).expect("a folder");
    std::os::unix::fs::symlink("/dev/zero", workspace.join("device")).expect("a link");
    let reading = async {
        for path in ["pipe", "socket", "folder", "device"] {
            let found = bench.call(&FILES, "read_file", json!({"path": path})).await;
            assert!(found.starts_with(&format!("error: read {path:?}: ")), "{found}");
        }
        check(
            &bench.call(&FILES, "search_files", json!({"text": "x"})).await,
            "no line contains \"x\"",
        );
    };
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("nobody waits for a writer");
    let found = bench.call(&FILES, "write_file", json!({"path": "folder", "content": "x"})).await;
    check(&found, "error: write \"folder\": it is a folder");
    let found = bench.call(&FILES, "write_file", json!({"path": "pipe/x", "content": "x"})).await;
    assert!(found.starts_with("error: write \"pipe/x\": "), "{found}");
}

#[tokio::test]
async fn binary_files_are_named_as_such() {
    let bench = bench();
    fs::write(bench.workspace().join("image.png"), b"\x89PNG\0\0needle").expect("a file");
    check(
        &bench.call(&FILES, "read_file", json!({"path": "image.png"})).await,
        "error: read \"image.png\": it is a binary file of 12 bytes",
    );
    check(
        &bench.call(&FILES, "search_files", json!({"text": "needle"})).await,
        "no line contains \"needle\"",
    );
    fs::write(bench.workspace().join("latin.txt"), b"caf\xe9\n").expect("a file");
    check(&bench.call(&FILES, "read_file", json!({"path": "latin.txt"})).await, "caf\u{fffd}\n");
}

#[tokio::test]
async fn a_huge_file_is_read_in_parts() {
    let bench = bench();
    let line = format!("{}\n", "x".repeat(99));
    fs::write(bench.workspace().join("long.txt"), line.repeat(10_000)).expect("a file");
    let mut offset = 1;
    let mut lines = 0;
    loop {
        let found =
            bench.call(&FILES, "read_file", json!({"path": "long.txt", "offset": offset})).await;
        assert!(found.len() <= 65_536, "{}", found.len());
        lines += found.lines().filter(|found| *found == line.trim_end()).count();
        let Some((_, next)) = found.rsplit_once("go on with offset ") else { break };
        offset = next.trim_end_matches(']').parse().expect("a number");
    }
    assert_eq!(lines, 10_000);
}

#[tokio::test]
async fn a_line_without_end_is_cut() {
    let bench = bench();
    fs::write(bench.workspace().join("one.txt"), format!("{}\nlast\n", "y".repeat(300_000)))
        .expect("a file");
    let found = bench.call(&FILES, "read_file", json!({"path": "one.txt"})).await;
    assert!(found.len() <= 65_536, "{}", found.len());
    assert!(found.ends_with("y\n[the rest of this line is cut]\n[lines 1 to 1 of a file of 300006 bytes; go on with offset 2]"), "{}", &found[found.len() - 200..]);
    check(
        &bench.call(&FILES, "read_file", json!({"path": "one.txt", "offset": 2})).await,
        "last\n",
    );
    check(&bench.call(&FILES, "search_files", json!({"text": "last"})).await, "one.txt:2: last");
}

#[tokio::test]
async fn lists_and_findings_are_cut() {
    let bench = bench();
    for number in 0..1_100 {
        fs::write(bench.workspace().join(format!("{number:04}.txt")), "needle\n").expect("a file");
    }
    let found = bench.call(&FILES, "list_files", json!({})).await;
    assert_eq!(found.lines().count(), 1_001);
    assert!(
        found.ends_with("0999.txt\n[cut: more than 1000 entries]"),
        "{}",
        &found[found.len() - 100..]
    );
    let found = bench.call(&FILES, "search_files", json!({"text": "needle"})).await;
    assert_eq!(found.lines().count(), 201);
    assert!(
        found.ends_with("0199.txt:1: needle\n[cut: there is more; look for something narrower]"),
        "{}",
        &found[found.len() - 100..]
    );
}

#[tokio::test]
async fn too_much_is_refused() {
    let bench = bench();
    let found = bench
        .call(&FILES, "write_file", json!({"path": "a", "content": "x".repeat(1_048_577)}))
        .await;
    check(&found, "error: the content has 1048577 bytes, more than 1048576");
    let found =
        bench.call(&FILES, "search_files", json!({"text": "a{1000}{1000}", "regex": true})).await;
    assert!(found.starts_with("error: the regular expression is not usable"), "{found}");
    let found = bench.call(&FILES, "search_files", json!({"text": "(", "regex": true})).await;
    assert!(found.starts_with("error: the regular expression is not usable"), "{found}");
    check(
        &bench.call(&FILES, "read_file", json!({"path": "none.txt"})).await,
        "error: read \"none.txt\": No such file or directory (os error 2)",
    );
}
