//! The manifests: what the binary reads of the image folder.
//!
//! Invariant: written last, when all that they name is in place. Their shape is also read by
//! `crates/adapters/src/sandbox/image`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::agent::Agent;
use super::folder::{ImageFolder, digest_of, size_of};
use super::kernel::Kernel;
use super::root::Root;

const VERSION: u32 = 1;
const MACHINE: &str = "machine.json";
const DEFAULT: &str = "names/default.json";

/// What all machines share.
pub(super) fn write_machine(images: &ImageFolder, kernel: &Kernel, agent: &Agent) -> Result<()> {
    let kernel = json!({
        "file": file(images, &kernel.folder, "vmlinux")?,
        "version": kernel.version,
        "made_from": kernel.made_from,
    });
    let agent = json!({
        "file": file(images, &agent.folder, "agent")?,
        "initrd": file(images, &agent.folder, "init.cpio")?,
    });
    let manifest = json!({ "version": VERSION, "kernel": kernel, "agent": agent });
    write_if_changed(images, MACHINE, &manifest)
}

/// One image.
pub(super) fn write_image(images: &ImageFolder, name: &str, root: &Root) -> Result<()> {
    let list = root.folder.join("packages.txt");
    let packages =
        fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?;
    let manifest = json!({
        "version": VERSION,
        "name": name,
        "digest": root.digest,
        "made_from": root.made_from,
        "root": relative(images, &root.folder)?,
        "size_bytes": size_of(&root.folder.join("root.squashfs"))?,
        "package_count": packages.lines().count(),
        "source": "built by cargo xtask image",
    });
    write_if_changed(images, &format!("names/{name}.json"), &manifest)
}

/// The digest of the default root, if it was made from this.
pub(super) fn digest_of_default(images: &ImageFolder, made_from: &str) -> Option<String> {
    let manifest = read(images, DEFAULT)?;
    (manifest["made_from"] == made_from).then_some(())?;
    manifest["digest"].as_str().map(str::to_owned)
}

fn read(images: &ImageFolder, name: &str) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(images.path().join(name)).ok()?).ok()
}

fn write_if_changed(images: &ImageFolder, name: &str, manifest: &Value) -> Result<()> {
    if read(images, name).as_ref() == Some(manifest) {
        return Ok(());
    }
    images.write(name, &format!("{manifest:#}\n"))
}

fn file(images: &ImageFolder, folder: &Path, name: &str) -> Result<Value> {
    let path = folder.join(name);
    Ok(json!({
        "path": relative(images, &path)?,
        "sha256": digest_of(&path)?,
        "size_bytes": size_of(&path)?,
    }))
}

fn relative(images: &ImageFolder, path: &Path) -> Result<String> {
    let inside = path.strip_prefix(images.path()).context("a part outside of the image folder")?;
    Ok(inside.to_str().context("a part whose name is not text")?.to_owned())
}
