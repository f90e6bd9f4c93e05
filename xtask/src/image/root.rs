//! The read-only root that every machine shares, from Debian packages.
//!
//! Invariant: what comes out depends on the packages alone: no time, no name of this machine, nothing
//! with raised privileges; its files can be read by everybody and belong to root.
//! Deliberately absent: newer packages than those of the day of the build, unless `--fresh` asks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::folder::{ImageFolder, digest_of, key_of, size_of};
use super::{manifest, reproducible, steps};
use crate::process;
use crate::setup;
use crate::workspace::Workspace;

const SUITE: &str = "bookworm";
const PACKAGES: &str = include_str!("root.packages");
const REQUIREMENTS: &str = include_str!("root.requirements");
const FINISH: &str = include_str!("root.finish.sh");
/// Debian's own npm brings hundreds of packages.
const NPM: &str = "npm@10.9.9";
const NPM_INTEGRITY: &str = "sha512-1g+6jLQvaIuB4zwvHL7yrXuXcWZwDsCtBX8bbWDqbvJSSr9nPiDDWTHNgwXR27iIcTTW7v3A57hDW9RYv2W4Yg==";
const PYTHON_LIBRARIES: &str = "usr/local/lib/python3.11/dist-packages";
/// Wheels of the image's Python and C library, whatever runs here.
const WHEELS: [&str; 12] = [
    "--python-version=3.11",
    "--implementation=cp",
    "--abi=cp311",
    "--abi=none",
    "--abi=abi3",
    "--platform=manylinux_2_28_x86_64",
    "--platform=manylinux_2_27_x86_64",
    "--platform=manylinux_2_24_x86_64",
    "--platform=manylinux_2_17_x86_64",
    "--platform=manylinux2014_x86_64",
    "--only-binary=:all:",
    "--no-compile",
];
/// What nobody reads in a machine.
const EXCLUDED: [&str; 7] = [
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    // Compiled once, at the end.
    "/usr/bin/py3compile",
    "/usr/bin/py3clean",
];
/// Every file that the build made is of this second, 2024-01-01.
const SOURCE_DATE_EPOCH: &str = "1704067200";
/// Raised when the steps below change what comes out.
const RECIPE: &str = "root 1";
const KIND: &str = "roots";
/// Which version of which package it has.
const LIST: &str = "packages.txt";
const MAX_DISK_BYTES: u64 = 300 << 20;

/// A root in the image folder.
pub(super) struct Root {
    pub(super) folder: PathBuf,
    /// SHA-256 of its disk.
    pub(super) digest: String,
    pub(super) made_from: String,
}

pub(super) fn ensure(workspace: &Workspace, images: &ImageFolder) -> Result<Root> {
    let excluded = EXCLUDED.join("\n");
    let made_from = key_of(&[RECIPE, SUITE, PACKAGES, REQUIREMENTS, FINISH, NPM, &excluded]);
    if let Some(digest) = manifest::digest_of_default(images, &made_from)
        && let Some(folder) = images.find(KIND, &digest)
    {
        return Ok(Root { folder, digest, made_from });
    }
    build(workspace, images, made_from)
}

fn build(workspace: &Workspace, images: &ImageFolder, made_from: String) -> Result<Root> {
    let building = images.building("root")?;
    let (out, digest) = made(workspace, &building)?;
    let folder = images.put(&out, KIND, &digest)?;
    println!("root: {digest}");
    Ok(Root { folder, digest, made_from })
}

/// Builds it once more, beside the one that is there, and compares them.
pub(super) fn check(workspace: &Workspace, images: &ImageFolder, root: &Root) -> Result<()> {
    let building = images.building("root-again")?;
    let (out, digest) = made(workspace, &building)?;
    let difference = reproducible::difference(&root.folder, &out, LIST)?;
    ensure!(difference.is_none() && digest == root.digest, "root: {}", {
        difference.unwrap_or_else(|| format!("its disk is {digest}, and was {}", root.digest))
    });
    println!("root: built again it has the same bytes, {digest}");
    Ok(())
}

/// A folder with the root in both of its forms, and the digest of its disk.
fn made(workspace: &Workspace, building: &Path) -> Result<(PathBuf, String)> {
    println!("root: building it takes a few minutes and downloads about 250 MB");
    let out = building.join("out");
    fs::create_dir(&out).with_context(|| format!("creating {}", out.display()))?;
    let python = python_libraries(workspace, building)?;
    let npm = npm(workspace, building)?;
    let archive = building.join("root.tar");
    debian(building, &python, &npm, &archive)?;

    let tree = out.join("tree");
    fs::create_dir(&tree).with_context(|| format!("creating {}", tree.display()))?;
    let mut unpack = Command::new("tar");
    unpack.args(["--extract", "--no-same-owner", "--preserve-permissions", "--exclude=./dev/*"]);
    unpack.arg("--file").arg(&archive).arg("--directory").arg(&tree);
    let log = building.join("log");
    steps::run("root: unpacking", &mut unpack, &log)?;
    let disk = out.join("root.squashfs");
    steps::run("root: compressing", &mut squash(&tree, &disk), &log)?;
    let size = size_of(&disk)?;
    ensure!(size <= MAX_DISK_BYTES, "root: {size} bytes are more than {MAX_DISK_BYTES}");
    let list = tree.join("usr/share/mainstay/packages.txt");
    fs::copy(&list, out.join(LIST)).context("keeping the list of packages")?;
    println!("root: {} MiB", size >> 20);
    let digest = digest_of(&disk)?;
    Ok((out, digest))
}

/// The data libraries, unpacked as the image has them.
fn python_libraries(workspace: &Workspace, building: &Path) -> Result<PathBuf> {
    let list = building.join("requirements.txt");
    fs::write(&list, REQUIREMENTS).with_context(|| format!("writing {}", list.display()))?;
    let folder = building.join("python");
    let mut pip = Command::new(setup::python_interpreter(workspace)?);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-deps"]);
    pip.args(["--require-hashes", "--progress-bar=off"]).args(WHEELS);
    pip.arg("--target").arg(&folder).arg("--requirement").arg(&list);
    steps::run("root: Python libraries", &mut pip, &building.join("log"))?;
    // Programs that name the Python of this machine.
    let programs = folder.join("bin");
    if programs.exists() {
        fs::remove_dir_all(&programs).context("removing programs of Python libraries")?;
    }
    for entry in fs::read_dir(&folder).context("listing Python libraries")? {
        let record = entry.context("listing Python libraries")?.path().join("RECORD");
        if record.is_file() {
            let text = fs::read_to_string(&record)
                .with_context(|| format!("reading {}", record.display()))?;
            fs::write(&record, without_programs(&text))
                .with_context(|| format!("writing {}", record.display()))?;
        }
    }
    Ok(folder)
}

/// The list of a library's files without its programs: their hashes hold the path of this machine's
/// Python.
fn without_programs(record: &str) -> String {
    let is_program = |line: &&str| line.starts_with("../../bin/") || line.starts_with("bin/");
    record.split_inclusive('\n').filter(|line| !is_program(line)).collect()
}

/// npm, unpacked as the image has it.
fn npm(workspace: &Workspace, building: &Path) -> Result<PathBuf> {
    let python = setup::python_interpreter(workspace)?;
    let mut pack = Command::new(python.with_file_name("npm"));
    pack.args(["pack", NPM, "--json", "--loglevel=error", "--pack-destination"]).arg(building);
    pack.env("PATH", workspace.path_with_python(&python)).current_dir(building);
    let answer: serde_json::Value =
        serde_json::from_str(&process::capture(&mut pack)?).context("reading npm's answer")?;
    let got = answer[0]["integrity"].as_str().unwrap_or_default();
    ensure!(got == NPM_INTEGRITY, "downloading {NPM}: its integrity is {got}");
    let archive = answer[0]["filename"].as_str().context("reading npm's answer: no file name")?;
    let folder = building.join("npm");
    fs::create_dir(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let mut unpack = Command::new("tar");
    unpack.args(["--extract", "--no-same-owner", "--strip-components=1"]);
    unpack.args(["--exclude=package/docs", "--exclude=package/man", "--file"]);
    unpack.arg(building.join(archive)).arg("--directory").arg(&folder);
    steps::run("root: npm", &mut unpack, &building.join("log"))?;
    Ok(folder)
}

fn debian(building: &Path, python: &Path, npm: &Path, archive: &Path) -> Result<()> {
    let finish = building.join("finish.sh");
    fs::write(&finish, FINISH).with_context(|| format!("writing {}", finish.display()))?;
    let packages: Vec<&str> = PACKAGES.lines().filter(|line| !line.starts_with('#')).collect();
    let mut bootstrap = Command::new("nice");
    bootstrap.args(["mmdebstrap", "--mode=auto", "--variant=minbase", "--format=tar"]);
    bootstrap.args([
        "--aptopt=APT::Install-Recommends \"false\"",
        "--aptopt=Acquire::Languages \"none\"",
    ]);
    bootstrap.args(EXCLUDED.map(|path| format!("--dpkgopt=path-exclude={path}")));
    bootstrap.arg(format!("--include={}", packages.join(",")));
    let copies = [(python, PYTHON_LIBRARIES), (npm, "usr/lib/node_modules/npm")];
    for (from, to) in copies {
        let (from, to) = (from.display(), format!("\"$1\"/{to}"));
        bootstrap.arg(format!("--customize-hook=mkdir -p {to} && cp -R '{from}'/. {to}"));
    }
    bootstrap.arg(format!("--customize-hook=sh '{}' \"$1\"", finish.display()));
    bootstrap.arg(SUITE).arg(archive).env("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH);
    // Hooks make files that everybody can read, whoever builds.
    bootstrap.env("TZ", "UTC").env("LC_ALL", "C.UTF-8").env_remove("PYTHONDONTWRITEBYTECODE");
    steps::run("root: Debian packages", &mut bootstrap, &building.join("log"))
}

fn squash(tree: &Path, disk: &Path) -> Command {
    let mut squash = Command::new("nice");
    squash.arg("mksquashfs").arg(tree).arg(disk);
    squash.args(["-noappend", "-no-progress", "-quiet", "-all-root", "-no-xattrs", "-no-exports"]);
    squash.args(["-comp", "zstd", "-Xcompression-level", "15", "-mkfs-time", "0"]);
    squash.env_remove("SOURCE_DATE_EPOCH");
    squash
}

#[cfg(test)]
#[path = "root_tests.rs"]
mod tests;
