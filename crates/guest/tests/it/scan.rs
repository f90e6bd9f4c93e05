//! Scans of the workspace.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use mainstay_adapters::sandbox::{Generation, Machine, Scan};
use mainstay_core::port::FileKind;

use crate::support::Guest;

/// `+` what changed, `-` what is gone, in the order of the scan.
async fn scan(machine: &Machine, since: Option<Generation>) -> (Scan, Vec<String>) {
    let scan = machine.scan(since).await.expect("scan");
    let removed = scan.removed.iter().map(|path| format!("-{path}"));
    let changed = scan.changed.iter().map(|entry| format!("+{}", entry.path));
    let shown = removed.chain(changed).collect();
    (scan, shown)
}

/// Files that were changed this instant are told again: until they are not.
async fn settled(machine: &Machine) -> Generation {
    let mut since = None;
    loop {
        let (scan, shown) = scan(machine, since).await;
        since = Some(scan.generation);
        if shown.is_empty() {
            return scan.generation;
        }
    }
}

#[tokio::test]
async fn a_scan_tells_what_changed_since_the_last() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let root = guest.workspace();
    for folder in ["a/b", "c", ".cache/x", "d/.cache"] {
        fs::create_dir_all(root.join(folder)).expect("make");
    }
    for file in ["a/b/1", "a/b/2", "a/3", "c/4", ".cache/x/5", "d/.cache/6"] {
        fs::write(root.join(file), file).expect("write");
    }
    symlink("../c/4", root.join("a/link")).expect("link");
    let _socket = UnixListener::bind(root.join("c/socket")).expect("bind");
    let (first, shown) = scan(&machine, None).await;
    let all = [
        "+a",
        "+a/3",
        "+a/b",
        "+a/b/1",
        "+a/b/2",
        "+a/link",
        "+c",
        "+c/4",
        "+d",
        "+d/.cache",
        "+d/.cache/6",
    ];
    assert_eq!(shown, all);
    assert_eq!((first.is_full, first.entry_count, first.skipped_count), (true, 11, 1));
    let link = first.changed.iter().find(|entry| entry.path == "a/link").expect("the link");
    assert_eq!((link.kind, link.target.as_deref()), (FileKind::Link, Some("../c/4")));

    let check = async |since: Generation, expected: &[&str]| {
        let (scan, shown) = scan(&machine, Some(since)).await;
        assert_eq!(shown, expected);
        assert!(!scan.is_full);
    };
    check(settled(&machine).await, &[]).await;
    let since = settled(&machine).await;
    fs::write(root.join("a/b/1"), "more").expect("write");
    fs::write(root.join("a/b/0"), "new").expect("write");
    fs::remove_file(root.join("a/3")).expect("remove");
    check(since, &["-a/3", "+a/b/0", "+a/b/1"]).await;
    let since = settled(&machine).await;
    fs::set_permissions(root.join("c/4"), fs::Permissions::from_mode(0o600)).expect("change");
    fs::set_permissions(root.join("d"), fs::Permissions::from_mode(0o700)).expect("change");
    check(since, &["+c/4", "+d"]).await;
    let since = settled(&machine).await;
    fs::remove_dir_all(root.join("a/b")).expect("remove");
    fs::write(root.join("a/b"), "a file now").expect("write");
    fs::remove_file(root.join("c/4")).expect("remove");
    fs::create_dir_all(root.join("c/4/deep")).expect("make");
    check(since, &["-a/b", "-c/4", "+a/b", "+c/4", "+c/4/deep"]).await;
    let since = settled(&machine).await;
    fs::remove_dir_all(root.join("d")).expect("remove");
    check(since, &["-d"]).await;
}

#[tokio::test]
async fn a_scan_that_the_agent_does_not_know_is_answered_with_everything() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    fs::write(guest.workspace().join("x"), "x").expect("write");
    let first = settled(&machine).await;
    let (second, shown) = scan(&machine, Some(Generation(first.0 + 1))).await;
    assert_eq!((second.is_full, shown), (true, vec!["+x".to_owned()]));
    let (third, shown) = scan(&machine, Some(first)).await;
    assert_eq!((third.is_full, shown), (true, vec!["+x".to_owned()]));
}

#[tokio::test]
async fn a_change_in_the_same_instant_is_not_missed() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let file = guest.workspace().join("x");
    fs::write(&file, "0").expect("write");
    let mut since = scan(&machine, None).await.0.generation;
    for n in 1..50 {
        fs::write(&file, (n % 10).to_string()).expect("write");
        let (scan, shown) = scan(&machine, Some(since)).await;
        assert_eq!(shown, ["+x"], "at {n}");
        since = scan.generation;
    }
}
