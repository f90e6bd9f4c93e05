use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::{Tree, apply};

enum Made<'a> {
    File(&'a str, &'a str),
    Folder(&'a str),
    Of(EntryType, &'a str, &'a str),
}

use Made::{File, Folder, Of};

/// Names are written as they are: `tar` itself refuses those that lead out.
fn header(name: &str, kind: EntryType, size: usize, target: &str) -> Header {
    let mut header = Header::new_gnu();
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name.as_bytes());
    old.linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(0o755);
    header.set_cksum();
    header
}

fn layer(entries: &[Made<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for entry in entries {
        let (header, content) = match entry {
            File(name, text) => (header(name, EntryType::Regular, text.len(), ""), *text),
            Folder(name) => (header(name, EntryType::Directory, 0, ""), ""),
            Of(kind, name, target) => (header(name, *kind, 0, target), ""),
        };
        builder.append(&header, content.as_bytes()).expect("memory takes it");
    }
    builder.into_inner().expect("memory takes it")
}

/// What is there after these layers, or why there is nothing.
fn after(layers: &[Vec<u8>]) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let root = folder.path().join("root");
    fs::create_dir(&root).expect("a folder can be made");
    let mut tree = Tree::create(&root).expect("it is empty");
    let outcome = layers.iter().try_for_each(|layer| apply(&mut tree, layer.as_slice()));
    let left = fs::read_dir(folder.path()).expect("it can be listed").count();
    assert_eq!(left, 1, "nothing is written outside");
    outcome.map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    list(&root, &root, &mut found);
    found.sort();
    Ok(found)
}

fn list(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("it can be listed") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() && !path.is_symlink() {
            list(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).expect("it is inside").display().to_string());
        }
    }
}

#[track_caller]
fn check(layers: &[&[Made<'_>]], expected: &[&str]) {
    let layers: Vec<_> = layers.iter().map(|entries| layer(entries)).collect();
    assert_eq!(after(&layers).expect("they can be applied"), expected);
}

#[track_caller]
fn check_refused(entries: &[Made<'_>], expected: &str) {
    let error = after(&[layer(entries)]).expect_err("it is refused");
    assert!(error.contains(expected), "{error}");
}

#[test]
fn later_layers_replace_and_hide() {
    let base = [Folder("etc/"), File("etc/a", "1"), File("etc/b", "1"), File("usr/c", "1")];
    check(&[&base, &[File("etc/.wh.a", ""), File("usr/c", "2")]], &["etc/b", "usr/c"]);
    check(&[&base, &[File("etc/.wh..wh..opq", ""), File("etc/d", "")]], &["etc/d", "usr/c"]);
    check(&[&base, &[File("etc/d", ""), File("etc/.wh..wh..opq", "")]], &["etc/d", "usr/c"]);
    check(&[&base, &[File("./etc", "a file now")]], &["etc", "usr/c"]);
    check(&[&base, &[File("/etc/e", "")]], &["etc/a", "etc/b", "etc/e", "usr/c"]);
    check(
        &[&base, &[Of(EntryType::Link, "etc/f", "etc/a")]],
        &["etc/a", "etc/b", "etc/f", "usr/c"],
    );
}

#[test]
fn hostile_entries_are_refused() {
    check_refused(&[File("../out", "x")], "`..`");
    check_refused(&[File("a/../../out", "x")], "`..`");
    check_refused(&[Of(EntryType::Char, "null", "")], "is a device");
    check_refused(&[Of(EntryType::Block, "etc/disk", "")], "is a device");
    check_refused(&[Of(EntryType::Link, "hard", "../../etc/shadow")], "`..`");
    check_refused(&[Of(EntryType::Link, "hard", "/etc/shadow")], "no file");
    check_refused(&[Of(EntryType::Link, "hard", "")], "");
    check_refused(&[File(".wh.", "")], "own root");
}

#[test]
fn devices_of_machines_are_their_own() {
    check(&[&[Of(EntryType::Char, "dev/null", ""), File("a", "")]], &["a"]);
}

#[test]
fn links_lead_nowhere_outside() {
    let entries = [
        Of(EntryType::Symlink, "out", "/"),
        File("out/tmp/inside", "x"),
        Of(EntryType::Symlink, "up", "../../.."),
        File("up/also", "x"),
    ];
    check(&[&entries], &["also", "out", "tmp/inside", "up"]);
}

#[test]
fn layers_come_compressed() {
    let plain = layer(&[File("a", "x")]);
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).expect("memory takes it");
    let gzip = gzip.finish().expect("memory takes it");
    let zstd = ruzstd::encoding::compress_to_vec(
        plain.as_slice(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    for layer in [gzip, zstd] {
        assert_eq!(after(&[layer]).expect("it can be applied"), ["a"]);
    }
}

#[test]
fn nonsense_is_no_layer() {
    let nonsense: Vec<u8> =
        (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    after(&[nonsense]).expect_err("it is no archive");
    let whole = layer(&[File("a", &"x".repeat(2000))]);
    after(&[whole[..1500].to_vec()]).expect_err("it is cut short");
}
