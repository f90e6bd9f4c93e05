use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Tree;

fn tree() -> (tempfile::TempDir, Tree) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    fs::create_dir(folder.path().join("root")).expect("a folder can be made");
    let tree = Tree::create(&folder.path().join("root")).expect("it is empty");
    (folder, tree)
}

fn put(tree: &mut Tree, path: &str) -> Result<(), super::ImageError> {
    tree.file(Path::new(path), 0o644, 1, &mut &b"x"[..])
}

#[test]
fn links_are_followed_inside_of_the_tree() {
    let (folder, mut tree) = tree();
    tree.link(Path::new("absolute"), Path::new("/usr/lib")).expect("links name anything");
    tree.link(Path::new("up"), Path::new("../../../../../usr/up")).expect("links name anything");
    put(&mut tree, "absolute/a").expect("it is inside");
    put(&mut tree, "up/b").expect("it is inside");
    let root = folder.path().join("root");
    assert!(root.join("usr/lib/a").is_file(), "the root is the tree's");
    assert!(root.join("usr/up/b").is_file(), "nothing is above the root");
    assert_eq!(fs::read_dir(folder.path()).expect("it can be listed").count(), 1);
}

#[test]
fn a_link_in_the_place_of_a_file_is_replaced_and_not_written_through() {
    let (folder, mut tree) = tree();
    let outside = folder.path().join("outside");
    fs::write(&outside, "old").expect("files can be written");
    tree.link(Path::new("passwd"), &outside).expect("links name anything");
    put(&mut tree, "passwd").expect("it is replaced");
    assert_eq!(fs::read_to_string(&outside).expect("it is there"), "old");
    assert_eq!(fs::read_to_string(folder.path().join("root/passwd")).expect("it is there"), "x");
}

#[test]
fn what_leads_out_or_nowhere_is_refused() {
    let (folder, mut tree) = tree();
    put(&mut tree, "../out").expect_err("it leads out");
    put(&mut tree, "a/../../out").expect_err("it leads out");
    put(&mut tree, &"long/".repeat(1000)).expect_err("it is too long");
    tree.link(Path::new("loop"), Path::new("loop")).expect("links name anything");
    put(&mut tree, "loop/a").expect_err("it leads nowhere");
    put(&mut tree, "file").expect("it is fine");
    put(&mut tree, "file/below").expect_err("a file is no folder");
    tree.link(Path::new("shadow"), Path::new("/etc/shadow")).expect("links name anything");
    tree.hard_link(Path::new("hard"), Path::new("shadow")).expect_err("a link is no file");
    tree.hard_link(Path::new("hard"), Path::new("/etc/shadow")).expect_err("it is not there");
    tree.remove(Path::new("/")).expect_err("a root stays");
    assert_eq!(fs::read_dir(folder.path()).expect("it can be listed").count(), 1);
}

#[track_caller]
fn check_mode(asked: u32, is_folder: bool, expected: u32) {
    let (folder, mut tree) = tree();
    let path = Path::new("it");
    match is_folder {
        true => tree.folder(path, asked),
        false => tree.file(path, asked, 1, &mut &b"x"[..]),
    }
    .expect("it can be made");
    let found = fs::metadata(folder.path().join("root/it")).expect("it is there");
    assert_eq!(found.permissions().mode() & 0o7777, expected, "asked for {asked:o}");
}

#[test]
fn nobody_becomes_somebody_else_and_everybody_may_read() {
    check_mode(0o4755, false, 0o755);
    check_mode(0o2755, false, 0o755);
    check_mode(0o600, false, 0o644);
    check_mode(0o700, false, 0o755);
    check_mode(0o666, false, 0o644);
    check_mode(0o700, true, 0o755);
    check_mode(0o1777, true, 0o1777);
    check_mode(0o777, true, 0o1777);
}

#[test]
fn every_machine_finds_what_it_needs() {
    let (folder, mut tree) = tree();
    tree.complete().expect("it can be completed");
    let root = folder.path().join("root");
    assert!(root.join("workspace").is_dir() && root.join("proc").is_dir());
    let users = fs::read_to_string(root.join("etc/passwd")).expect("it is there");
    assert_eq!(users, "agent:x:1000:1000::/workspace:/bin/sh\n");
    tree.complete().expect("it is complete");
    assert_eq!(fs::read_to_string(root.join("etc/passwd")).expect("it is there"), users);
}

#[test]
fn a_file_that_is_shorter_than_it_says_is_refused() {
    let (_folder, mut tree) = tree();
    tree.file(Path::new("short"), 0o644, 2, &mut &b"x"[..]).expect_err("it is cut short");
}
