//! The guest agent: one static program, and the initial file system that holds it as `/init`.
//!
//! Invariant: it is small and needs nothing of any root image.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::cpio;
use super::folder::{ImageFolder, digest_of, key_of, size_of};
use super::kernel::Kernel;
use crate::process;
use crate::workspace::Workspace;

const TARGET: &str = "x86_64-unknown-linux-gnu";
const PROFILE: &str = "guest";
const PACKAGE: &str = "mainstay-guest";
/// Static, and at a fixed place: there is no loader in the initial file system.
const FLAGS: &str = "-C target-feature=+crt-static -C relocation-model=static";
const KIND: &str = "agents";
const MAX_AGENT_BYTES: u64 = 2 << 20;

/// An agent in the image folder.
pub(super) struct Agent {
    pub(super) folder: PathBuf,
}

/// With the drivers that this kernel does not have built in.
pub(super) fn ensure(
    workspace: &Workspace,
    images: &ImageFolder,
    kernel: &Kernel,
) -> Result<Agent> {
    let mut build = workspace.cargo();
    build.args([
        "build",
        "--quiet",
        "--package",
        PACKAGE,
        "--profile",
        PROFILE,
        "--target",
        TARGET,
    ]);
    build.env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &workspace.target_dir);
    process::capture(&mut build).context("building the guest agent")?;
    let program = workspace.target_dir.join(TARGET).join(PROFILE).join(PACKAGE);
    let size = size_of(&program)?;
    ensure!(size <= MAX_AGENT_BYTES, "guest agent: {size} bytes are more than {MAX_AGENT_BYTES}");
    ensure_static(&program)?;

    let digest = digest_of(&program)?;
    let modules = kernel.modules()?;
    let key = match modules.is_empty() {
        true => digest.clone(),
        false => key_of(&[&digest, &kernel.folder.display().to_string()]),
    };
    if let Some(folder) = images.find(KIND, &key) {
        return Ok(Agent { folder });
    }
    let out = images.building("agent")?;
    fs::copy(&program, out.join("agent")).context("copying the guest agent")?;
    let bytes = fs::read(&program).context("reading the guest agent")?;
    fs::write(out.join("init.cpio"), cpio::archive(&bytes, &modules))
        .context("writing the initial file system")?;
    println!("agent: {} KiB, {digest}", size >> 10);
    Ok(Agent { folder: images.put(&out, KIND, &key)? })
}

fn ensure_static(program: &std::path::Path) -> Result<()> {
    let headers = process::capture(Command::new("readelf").arg("--program-headers").arg(program))?;
    ensure!(!headers.contains("INTERP"), "guest agent: it wants a loader, which no machine has");
    Ok(())
}
