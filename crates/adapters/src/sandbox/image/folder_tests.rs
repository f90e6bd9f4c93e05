use std::fs;
use std::path::Path;

use super::{DEFAULT_IMAGE, ImageFolder, check_name};

const MACHINE: &str = r#"{"version":1,"kernel":{"file":{"path":"kernels/k/vmlinux"}},
    "agent":{"file":{"path":"agents/a/agent"}}}"#;

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("folders can be made");
    fs::write(path, text).expect("files can be written");
}

fn manifest(name: &str, root: &str) -> String {
    format!(
        r#"{{"version":1,"name":"{name}","digest":"d","root":"{root}","size_bytes":3,"source":"s",
        "made_from":"m","package_count":7}}"#
    )
}

fn whole() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    write(folder.path(), "machine.json", MACHINE);
    write(folder.path(), "names/default.json", &manifest("default", "roots/d"));
    for file in ["kernels/k/vmlinux", "agents/a/agent", "roots/d/root.squashfs", "roots/d/tree/x"] {
        write(folder.path(), file, "");
    }
    folder
}

#[test]
fn an_image_is_found_with_all_its_parts() {
    let folder = whole();
    let images = ImageFolder::new(folder.path().to_owned());
    let image = images.image(DEFAULT_IMAGE).expect("it is whole");
    assert_eq!(image.digest, "d");
    assert_eq!(image.tree, folder.path().join("roots/d/tree"));
    assert_eq!(images.list().expect("it can be listed").len(), 1);
}

#[track_caller]
fn check(folder: &Path, name: &str, expected: &str) {
    let error = ImageFolder::new(folder.to_owned()).image(name).expect_err("it is refused");
    let error = error.to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_is_missing_or_damaged_is_said_with_the_remedy() {
    let empty = tempfile::tempdir().expect("a folder can be made");
    check(empty.path(), DEFAULT_IMAGE, "run `cargo xtask image`");
    check(empty.path(), "other", "`mainstay image list`");
    check(empty.path(), "../other", "an image's name");

    let folder = whole();
    fs::remove_file(folder.path().join("kernels/k/vmlinux")).expect("it can be removed");
    check(folder.path(), DEFAULT_IMAGE, "vmlinux is missing");
    fs::remove_file(folder.path().join("machine.json")).expect("it can be removed");
    check(folder.path(), DEFAULT_IMAGE, "no guest kernel");

    let folder = whole();
    write(folder.path(), "names/default.json", &manifest("default", "../../etc"));
    check(folder.path(), DEFAULT_IMAGE, "outside of its folder");
    write(folder.path(), "names/default.json", "{");
    check(folder.path(), DEFAULT_IMAGE, "names/default.json");
    let newer = manifest("default", "roots/d").replace("\"version\":1", "\"version\":2");
    write(folder.path(), "names/default.json", &newer);
    check(folder.path(), DEFAULT_IMAGE, "of version 2");
}

#[test]
fn names_are_plain() {
    for good in ["default", "a", "data-science_3.11"] {
        check_name(good).expect("it is plain");
    }
    for bad in ["", ".", "..", ".hidden", "a/b", "A", "a b", "-a", &"a".repeat(65)] {
        check_name(bad).expect_err(bad);
    }
}
