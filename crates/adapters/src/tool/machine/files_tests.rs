use mainstay_core::port::FileKind;

use super::*;

#[test]
fn a_relative_path_begins_in_the_workspace() {
    let check = |text: &str, expected: Result<&str, ()>| {
        assert_eq!(machine_path(text).as_deref().map_err(drop), expected, "{text:?}");
    };
    check("", Ok("/workspace"));
    check(".", Ok("/workspace"));
    check("./a/b", Ok("/workspace/a/b"));
    check("a", Ok("/workspace/a"));
    check("/tmp/x", Ok("/tmp/x"));
    check("a\0b", Err(()));
    check(&"a".repeat(5_000), Err(()));
}

#[test]
fn a_listed_path_can_be_given_to_the_next_call() {
    let file = |path: &str, kind| FileInfo {
        path: path.to_owned(),
        kind,
        size_bytes: 1,
        modified_ms: 0,
        mode: 0o644,
    };
    let check = |file: &FileInfo, asked: &str, expected: &str| {
        assert_eq!(line(file, asked), expected);
    };
    check(&file("/workspace/a/b.txt", FileKind::File), "a", "a/b.txt");
    check(&file("/workspace/a", FileKind::Folder), ".", "a/");
    check(&file("/workspace/a", FileKind::Folder), "/workspace", "/workspace/a/");
    check(&file("/etc/passwd", FileKind::File), "/etc", "/etc/passwd");
}
