//! The guest's kernel, from Debian's source package and our own small configuration; where it cannot be
//! built, Debian's own.
//!
//! Invariant: what the fragment says is what was built: an option that the kernel's configuration drops
//! silently fails the build, and is no reason to take another kernel. Which kernel it is, and why, stands
//! in the manifest. Deliberately absent: modules of ours, and a kernel that boots on real hardware.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use super::folder::{ImageFolder, key_of};
use super::{cloud, reproducible, steps};
use crate::process;

pub(super) const PACKAGE: &str = "linux-source-6.1";
const SOURCE: &str = "/usr/src/linux-source-6.1.tar.xz";
const FRAGMENT: &str = include_str!("kernel.fragment");
/// Raised when the steps below change what comes out.
const RECIPE: &str = "kernel 1";
pub(super) const KIND: &str = "kernels";

/// Programs that the build starts.
const PROGRAMS: [&str; 7] = ["make", "cc", "ld", "strip", "flex", "bison", "bc"];
const HEADER: &str = "/usr/include/libelf.h";

/// Which kernel is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Choice {
    /// Our own, and Debian's where that cannot be built
    Auto,
    /// Our own: small, and built here
    Minimal,
    /// Debian's for clouds, as it comes
    Cloud,
}

/// Whose kernel it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Minimal,
    Cloud,
}

impl Kind {
    /// In the manifest.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Cloud => "cloud",
        }
    }
}

/// A kernel in the image folder.
pub(super) struct Kernel {
    pub(super) folder: PathBuf,
    pub(super) kind: Kind,
    /// Of the package that it is from or was built from.
    pub(super) version: String,
    pub(super) made_from: String,
    /// Why it is not our own.
    pub(super) instead_because: Option<String>,
}

impl Kernel {
    /// The file that QEMU starts.
    pub(super) fn file(&self) -> &'static str {
        match self.kind {
            Kind::Minimal => "vmlinux",
            Kind::Cloud => cloud::FILE,
        }
    }

    /// The drivers that it does not have built in, named in the order in which they are loaded.
    pub(super) fn modules(&self) -> Result<Vec<(String, Vec<u8>)>> {
        match self.kind {
            Kind::Minimal => Ok(Vec::new()),
            Kind::Cloud => cloud::modules(&self.folder),
        }
    }
}

pub(super) fn ensure(images: &ImageFolder, choice: Choice) -> Result<Kernel> {
    let reason = match choice {
        Choice::Cloud => "it was asked for".to_owned(),
        Choice::Auto | Choice::Minimal => match own(images)? {
            Ok(kernel) => return Ok(kernel),
            Err(reason) if choice == Choice::Minimal => bail!("building the kernel: {reason}"),
            Err(reason) => reason,
        },
    };
    println!(
        "kernel: NOT our own but Debian's, which starts more slowly and has more in it: {reason}"
    );
    cloud::ensure(images, &reason)
}

/// Our own, or why it cannot be built here.
fn own(images: &ImageFolder) -> Result<Result<Kernel, String>> {
    let Some(version) = source_version() else {
        return Ok(Err(format!("its source, the package {PACKAGE}, is not there")));
    };
    let made_from = key_of(&[RECIPE, &version, FRAGMENT]);
    let folder = match images.find(KIND, &made_from) {
        Some(folder) => folder,
        None => match missing() {
            Some(missing) => return Ok(Err(format!("it cannot be built without {missing}"))),
            None => build(images, &made_from)?,
        },
    };
    let kind = Kind::Minimal;
    Ok(Ok(Kernel { folder, kind, version, made_from, instead_because: None }))
}

fn source_version() -> Option<String> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Version}", PACKAGE]);
    process::capture(&mut query).ok().filter(|version| !version.is_empty())
}

/// What the build needs and is not there.
fn missing() -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let programs = PROGRAMS.into_iter().filter(|program| process::find(program, &path).is_none());
    let files = [SOURCE, HEADER].into_iter().filter(|file| !Path::new(file).is_file());
    let missing: Vec<_> = programs.chain(files).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

fn build(images: &ImageFolder, key: &str) -> Result<PathBuf> {
    images.put(&made(&images.building("kernel")?)?, KIND, key)
}

/// Builds our own once more, beside the one that is there, and compares them.
pub(super) fn check(images: &ImageFolder, kernel: &Kernel) -> Result<()> {
    ensure!(kernel.kind == Kind::Minimal, "kernel: it is Debian's, which is not built here");
    let out = made(&images.building("kernel-again")?)?;
    if let Some(difference) = reproducible::difference(&kernel.folder, &out, "config")? {
        bail!("kernel: {difference}");
    }
    println!("kernel: built again it has the same bytes");
    Ok(())
}

/// A folder with the kernel and its configuration.
fn made(building: &Path) -> Result<PathBuf> {
    println!("kernel: building it takes about seven minutes of one processor");
    let log = building.join("log");
    let mut unpack = Command::new("tar");
    unpack.args(["--extract", "--strip-components=1", "--file", SOURCE, "--directory"]);
    let source = building.join("source");
    fs::create_dir(&source).with_context(|| format!("creating {}", source.display()))?;
    steps::run("kernel: unpacking", unpack.arg(&source), &log)?;
    configure(&source, &log)?;
    let jobs = format!("-j{}", thread::available_parallelism().map_or(1, usize::from));
    let mut make = make(&source);
    steps::run("kernel: compiling", make.args([&jobs, "vmlinux"]), &log)?;

    let out = building.join("out");
    fs::create_dir(&out).with_context(|| format!("creating {}", out.display()))?;
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(out.join("vmlinux")).arg(source.join("vmlinux"));
    steps::run("kernel: stripping", &mut strip, &log)?;
    fs::copy(source.join(".config"), out.join("config")).context("keeping the configuration")?;
    Ok(out)
}

fn configure(source: &Path, log: &Path) -> Result<()> {
    let fragment = source.join("mainstay.fragment");
    fs::write(&fragment, FRAGMENT).with_context(|| format!("writing {}", fragment.display()))?;
    steps::run("kernel: configuring", make(source).arg("tinyconfig"), log)?;
    let mut merge = Command::new("scripts/kconfig/merge_config.sh");
    merge.args(["-m", ".config"]).arg(&fragment).current_dir(source);
    steps::run("kernel: configuring", &mut merge, log)?;
    steps::run("kernel: configuring", make(source).arg("olddefconfig"), log)?;
    let path = source.join(".config");
    let config =
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let lost = lost(FRAGMENT, &config);
    ensure!(lost.is_empty(), "configuring the kernel: it did not take {}", lost.join(", "));
    Ok(())
}

/// The build writes the same bytes whoever runs it, and when.
fn make(source: &Path) -> Command {
    let mut make = Command::new("nice");
    make.arg("make").current_dir(source);
    make.env("KBUILD_BUILD_TIMESTAMP", "1970-01-01 00:00:00 UTC");
    make.env("KBUILD_BUILD_USER", "mainstay").env("KBUILD_BUILD_HOST", "mainstay");
    for inherited in ["CFLAGS", "LDFLAGS", "MAKEFLAGS", "ARCH", "CROSS_COMPILE"] {
        make.env_remove(inherited);
    }
    make
}

/// The lines of the fragment that the configuration does not have.
fn lost<'a>(fragment: &'a str, config: &str) -> Vec<&'a str> {
    fragment.lines().filter(|line| !holds(config, line)).collect()
}

fn holds(config: &str, line: &str) -> bool {
    let off = line.strip_prefix("# ").and_then(|rest| rest.strip_suffix(" is not set"));
    match off {
        // An option whose surroundings are off is not even mentioned.
        Some(option) => !config.lines().any(|found| found.starts_with(&format!("{option}="))),
        None if line.starts_with("CONFIG_") => config.lines().any(|found| found == line),
        None => true,
    }
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;
