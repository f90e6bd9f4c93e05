use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::difference;

/// A part with a tree.
fn part(folder: &Path) {
    fs::create_dir_all(folder.join("tree/bin")).unwrap();
    for (name, text) in [("packages.txt", "a 1\n"), ("disk", "bytes"), ("tree/bin/a", "program")] {
        fs::write(folder.join(name), text).unwrap();
        set_time(&folder.join(name));
    }
    symlink("a", folder.join("tree/bin/b")).unwrap();
    set_time(&folder.join("tree/bin"));
    set_time(&folder.join("tree"));
}

fn set_time(path: &Path) {
    fs::File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
}

/// What is told of a part of which one thing is different.
#[track_caller]
fn check(change: impl FnOnce(&Path), told: &str) {
    let folder = std::env::temp_dir().join(format!("mainstay-parts-{}", std::process::id()));
    let (one, other) = (folder.join("one"), folder.join("other"));
    part(&one);
    part(&other);
    change(&other);
    let difference = difference(&one, &other, "packages.txt").unwrap().unwrap_or_default();
    fs::remove_dir_all(&folder).unwrap();
    assert!(difference.contains(told), "{difference}");
    assert_eq!(difference.is_empty(), told.is_empty(), "{difference}");
}

#[test]
fn whatever_differs_is_told_by_name() {
    check(|_| {}, "");
    check(|part| fs::write(part.join("disk"), "others").unwrap(), "disk (other bytes)");
    check(|part| fs::write(part.join("new"), "").unwrap(), "new (there once)");
    check(|part| fs::write(part.join("packages.txt"), "a 2\n").unwrap(), "not made of the same");
    let rights = |part: &Path| {
        fs::set_permissions(part.join("tree/bin/a"), fs::Permissions::from_mode(0o755)).unwrap();
    };
    check(rights, "tree/bin/a (other rights)");
    let time = |part: &Path| {
        let file = fs::File::open(part.join("tree/bin/a")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    };
    check(time, "tree/bin/a (another time)");
    let link = |part: &Path| {
        fs::remove_file(part.join("tree/bin/b")).unwrap();
        symlink("c", part.join("tree/bin/b")).unwrap();
        set_time(&part.join("tree/bin"));
    };
    check(link, "tree/bin/b (another target)");
}
