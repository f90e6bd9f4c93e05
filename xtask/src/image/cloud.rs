//! Debian's kernel for clouds, as it comes: for hosts on which ours cannot be built.
//!
//! Invariant: the drivers that a guest needs are taken along with what they need of each other, in the
//! order in which they can be loaded. Deliberately absent: all its other drivers; checking for newer
//! packages, unless `--fresh` asks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::folder::{ImageFolder, key_of};
use super::kernel::{KIND, Kernel, Kind};
use super::{manifest, steps};
use crate::process;

/// What QEMU starts of it.
pub(super) const FILE: &str = "vmlinuz";
const SUITE: &str = "bookworm";
const PACKAGE: &str = "linux-image-cloud-amd64";
const MODULES: &str = "modules";
/// What our own kernel has built in: the channel, disks, randomness, and the file systems of images.
const DRIVERS: [&str; 6] =
    ["virtio_mmio", "virtio_console", "virtio_blk", "virtio-rng", "squashfs", "overlay"];
/// Raised when the steps below change what comes out.
const RECIPE: &str = "cloud 1";
/// Where the x86 boot protocol says at which place behind `TEXT_BASE` the version stands.
const VERSION_POINTER: usize = 0x20e;
const TEXT_BASE: usize = 0x200;

/// The one that is there, or the newest.
pub(super) fn ensure(images: &ImageFolder, reason: &str) -> Result<Kernel> {
    let recipe = [&[RECIPE, SUITE, PACKAGE], &DRIVERS[..]].concat().join(" ");
    let made_from = key_of(&[&recipe]);
    let instead_because = Some(reason.to_owned());
    let kind = Kind::Cloud;
    if let Some((folder, version)) = manifest::fallback(images, &made_from) {
        return Ok(Kernel { folder, kind, version, made_from, instead_because });
    }
    println!("kernel: downloading Debian's, about 50 MB with what belongs to it");
    let building = images.building("cloud")?;
    let tree = download(&building)?;
    let out = building.join("out");
    let version = collect(&tree, &out)?;
    let folder = images.put(&out, KIND, &key_of(&[&recipe, &version]))?;
    println!("kernel: Debian's {version}");
    Ok(Kernel { folder, kind, version, made_from, instead_because })
}

/// The packages' files, as no user of them has to be root.
fn download(building: &Path) -> Result<PathBuf> {
    let (log, archive) = (building.join("log"), building.join("packages.tar"));
    let mut bootstrap = Command::new("nice");
    bootstrap.args(["mmdebstrap", "--mode=auto", "--variant=extract", "--format=tar"]);
    bootstrap.arg("--aptopt=APT::Install-Recommends \"false\"");
    bootstrap.arg(format!("--include={PACKAGE}")).arg(SUITE).arg(&archive);
    steps::run("kernel: downloading", &mut bootstrap, &log)?;
    let tree = building.join("tree");
    fs::create_dir(&tree).with_context(|| format!("creating {}", tree.display()))?;
    let mut unpack = Command::new("tar");
    unpack.args(["--extract", "--no-same-owner", "--file"]).arg(&archive);
    unpack.arg("--directory").arg(&tree).args(["./boot", "./lib/modules"]);
    steps::run("kernel: unpacking", &mut unpack, &log)?;
    Ok(tree)
}

/// Takes out what a guest needs; gives the version.
fn collect(tree: &Path, out: &Path) -> Result<String> {
    let folder = out.join(MODULES);
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let release = only(&tree.join("lib/modules"))?;
    let kernel = tree.join("boot").join(format!("{FILE}-{release}"));
    fs::copy(&kernel, out.join(FILE)).with_context(|| format!("copying {}", kernel.display()))?;
    let config = tree.join("boot").join(format!("config-{release}"));
    fs::copy(&config, out.join("config")).context("keeping the configuration")?;
    let found = process::capture(
        Command::new("find").arg(tree.join("lib/modules")).args(["-name", "*.ko", "-type", "f"]),
    )?;
    let found: Vec<&Path> = found.lines().map(Path::new).collect();
    let read = |path: &Path| fs::read(path).with_context(|| format!("reading {}", path.display()));
    for (place, path) in in_order(&DRIVERS, &found, &read)?.into_iter().enumerate() {
        let name = path.file_name().context("a module without a name")?.to_string_lossy();
        let to = folder.join(format!("{place:02}-{name}"));
        fs::copy(&path, &to).with_context(|| format!("copying {}", path.display()))?;
    }
    version(&read(&kernel)?).context("finding the version of Debian's kernel in its header")
}

/// The drivers, by the names that have their order.
pub(super) fn modules(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = folder.join(MODULES);
    let entries = fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?;
    let mut modules = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("listing {}", folder.display()))?.path();
        let name = path.file_name().context("a module without a name")?.to_string_lossy();
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        modules.push((name.into_owned(), bytes));
    }
    modules.sort();
    Ok(modules)
}

fn only(folder: &Path) -> Result<String> {
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    let names: Vec<_> =
        entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    ensure!(
        names.len() == 1,
        "looking for one kernel's modules: there are those of {}",
        names.len()
    );
    Ok(names[0].to_string_lossy().into_owned())
}

/// The files of these modules and of what they need, each behind what it needs.
fn in_order(
    names: &[&str],
    found: &[&Path],
    read: &dyn Fn(&Path) -> Result<Vec<u8>>,
) -> Result<Vec<PathBuf>> {
    let mut ordered = Vec::new();
    for name in names {
        add(name, found, read, &mut ordered)?;
    }
    Ok(ordered)
}

fn add(
    name: &str,
    found: &[&Path],
    read: &dyn Fn(&Path) -> Result<Vec<u8>>,
    ordered: &mut Vec<PathBuf>,
) -> Result<()> {
    let path = found.iter().find(|path| is_module(path, name));
    let path = path.with_context(|| format!("Debian's kernel has no module {name}"))?;
    if ordered.iter().any(|known| known == path) {
        return Ok(());
    }
    for needed in needed(&read(path)?) {
        add(&needed, found, read, ordered)?;
    }
    ordered.push(path.to_path_buf());
    Ok(())
}

/// Files and dependencies spell their names differently.
fn is_module(path: &Path, name: &str) -> bool {
    let plain = |name: &str| name.replace('-', "_");
    path.file_stem().is_some_and(|stem| plain(&stem.to_string_lossy()) == plain(name))
}

/// What a module says that it needs.
fn needed(module: &[u8]) -> Vec<String> {
    const MEMBER: &[u8] = b"\0depends=";
    let at = module.windows(MEMBER.len()).position(|window| window == MEMBER);
    let rest = at.map_or(&[][..], |at| &module[at + MEMBER.len()..]);
    let list = rest.split(|byte| *byte == 0).next().unwrap_or_default();
    let names = String::from_utf8_lossy(list);
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The package's version, which Debian's kernels say behind their own.
fn version(kernel: &[u8]) -> Option<String> {
    let pointer = kernel.get(VERSION_POINTER..VERSION_POINTER + 2)?;
    let at = TEXT_BASE + usize::from(u16::from_le_bytes(pointer.try_into().ok()?));
    let text = kernel.get(at..)?.split(|byte| *byte == 0).next()?;
    let text = String::from_utf8_lossy(text);
    let (_, version) = text.rsplit_once(" Debian ")?;
    version.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
#[path = "cloud_tests.rs"]
mod tests;
