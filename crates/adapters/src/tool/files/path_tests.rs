use super::InnerPath;

#[track_caller]
fn check(text: &str, expected: Option<&str>) {
    let found = InnerPath::parse(text).ok().map(|path| path.display());
    assert_eq!(found.as_deref(), expected, "{text:?}");
}

#[test]
fn paths_stay_inside() {
    check("a.txt", Some("a.txt"));
    check("./a//b/./c.txt", Some("a/b/c.txt"));
    check("a/", Some("a"));
    check("", Some("."));
    check(".", Some("."));
    check("..a/b..", Some("..a/b.."));
    check("/", None);
    check("/etc/passwd", None);
    check("..", None);
    check("a/../b", None);
    check("a/../../b", None);
    check("a\0b", None);
    check(".mainstay-x", None);
    check("a/.mainstay-x/b", None);
    check(&"a/".repeat(32), Some("a/".repeat(32).trim_end_matches('/')));
    check(&"a/".repeat(33), None);
    check(&"a".repeat(1_025), None);
}
