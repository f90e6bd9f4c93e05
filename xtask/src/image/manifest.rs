//! The manifests: what the binary reads of the image folder.
//!
//! Invariant: written last, when all that they name is in place. Their shape is also read by
//! `crates/adapters/src/sandbox/image`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::agent::Agent;
use super::folder::{ImageFolder, digest_of, size_of};
use super::kernel::{KIND, Kernel, Kind};
use super::root::Root;

const VERSION: u32 = 1;
const MACHINE: &str = "machine.json";
/// The same for the kernel that is taken where ours cannot be built.
const FALLBACK: &str = "fallback.json";
const DEFAULT: &str = "names/default.json";

/// What all machines share.
pub(super) fn write_machine(images: &ImageFolder, kernel: &Kernel, agent: &Agent) -> Result<()> {
    if kernel.kind == Kind::Cloud {
        write_fallback(images, kernel, agent)?;
    }
    write_if_changed(images, MACHINE, &machine(images, kernel, agent)?)
}

/// What machines share that are made with Debian's kernel.
pub(super) fn write_fallback(images: &ImageFolder, kernel: &Kernel, agent: &Agent) -> Result<()> {
    write_if_changed(images, FALLBACK, &machine(images, kernel, agent)?)
}

/// The folder and the version of Debian's kernel, if one is there that was made like this.
pub(super) fn fallback(images: &ImageFolder, made_from: &str) -> Option<(PathBuf, String)> {
    let kernel = read(images, FALLBACK)?["kernel"].take();
    (kernel["made_from"] == made_from).then_some(())?;
    let key =
        Path::new(kernel["file"]["path"].as_str()?).parent()?.file_name()?.to_str()?.to_owned();
    Some((images.find(KIND, &key)?, kernel["version"].as_str()?.to_owned()))
}

fn machine(images: &ImageFolder, kernel: &Kernel, agent: &Agent) -> Result<Value> {
    let mut about_kernel = json!({
        "file": file(images, &kernel.folder, kernel.file())?,
        "kind": kernel.kind.name(),
        "version": kernel.version,
        "made_from": kernel.made_from,
    });
    if let Some(reason) = &kernel.instead_because {
        about_kernel["instead_because"] = json!(reason);
    }
    let agent = json!({
        "file": file(images, &agent.folder, "agent")?,
        "initrd": file(images, &agent.folder, "init.cpio")?,
    });
    Ok(json!({ "version": VERSION, "kernel": about_kernel, "agent": agent }))
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
