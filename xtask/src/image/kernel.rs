//! The guest's kernel, from Debian's source package and our own small configuration.
//!
//! Invariant: what the fragment says is what was built: an option that the kernel's configuration drops
//! silently fails the build. Deliberately absent: modules, and a kernel that boots on real hardware.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, ensure};

use super::folder::{ImageFolder, key_of};
use super::steps;
use crate::process;

pub(super) const PACKAGE: &str = "linux-source-6.1";
const SOURCE: &str = "/usr/src/linux-source-6.1.tar.xz";
const FRAGMENT: &str = include_str!("kernel.fragment");
/// Raised when the steps below change what comes out.
const RECIPE: &str = "kernel 1";
const KIND: &str = "kernels";

/// A kernel in the image folder.
pub(super) struct Kernel {
    pub(super) folder: PathBuf,
    /// The source package's version.
    pub(super) version: String,
    pub(super) made_from: String,
}

pub(super) fn ensure(images: &ImageFolder) -> Result<Kernel> {
    let version = source_version()?;
    let made_from = key_of(&[RECIPE, &version, FRAGMENT]);
    let folder = match images.find(KIND, &made_from) {
        Some(folder) => folder,
        None => build(images, &made_from)?,
    };
    Ok(Kernel { folder, version, made_from })
}

fn source_version() -> Result<String> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Version}", PACKAGE]);
    process::capture(&mut query).context("finding the version of the kernel's source")
}

fn build(images: &ImageFolder, key: &str) -> Result<PathBuf> {
    println!("kernel: building it takes about seven minutes of one processor");
    let building = images.building("kernel")?;
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
    images.put(&out, KIND, key)
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
