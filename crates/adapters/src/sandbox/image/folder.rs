//! The image folder as it is read.
//!
//! Invariant: nothing is looked for in it but what its manifests name, and those name nothing outside.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{Attempt, ImageError};
use super::limits::MAX_NAME_BYTES;
use super::manifest::{ImageManifest, KernelManifest, MachineManifest, VERSION};
use crate::sandbox::{Image, KernelKind};

/// The image that is meant where none is named.
pub const DEFAULT_IMAGE: &str = "default";

pub(super) const DISK: &str = "root.squashfs";
pub(super) const TREE: &str = "tree";
pub(super) const ROOTS: &str = "roots";
const NAMES: &str = "names";
const MACHINE: &str = "machine.json";
const BUILD_HINT: &str = "run `cargo xtask image` in a checkout of Mainstay to build it";

/// Where images are.
#[derive(Debug, Clone)]
pub struct ImageFolder {
    path: PathBuf,
}

/// An image, as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageInfo {
    /// Its name.
    pub name: String,
    /// SHA-256 of its root.
    pub digest: String,
    /// Size of its root, compressed.
    pub size_bytes: u64,
    /// Where it comes from.
    pub source: String,
}

/// The kernel of microVMs, as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelInfo {
    /// Whose it is.
    pub kind: KernelKind,
    /// Of the package that it is from or was built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it is not our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_because: Option<String>,
}

impl ImageFolder {
    /// The images in this folder, which need not be there.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An image by its name, with what its machines are started with.
    pub fn image(&self, name: &str) -> Result<Image, ImageError> {
        let manifest = self.manifest(name)?;
        let machine = self.machine()?;
        let root = self.part(&manifest.root)?;
        let image = Image {
            name: manifest.name,
            digest: manifest.digest,
            tree: root.join(TREE),
            disk: root.join(DISK),
            agent: self.part(&machine.agent.file.path)?,
            kernel: self.part(&machine.kernel.file.path)?,
            kernel_kind: machine.kernel.kind,
        };
        let parts = [&image.tree, &image.disk, &image.agent, &image.kernel];
        if let Some(part) = parts.into_iter().find(|part| !part.exists()) {
            let part = part.display();
            let problem = format!("the image {name} is damaged, {part} is missing: {BUILD_HINT}");
            return Err(ImageError::Missing(problem));
        }
        Ok(image)
    }

    /// The kernel that all images share.
    pub fn kernel(&self) -> Result<KernelInfo, ImageError> {
        let KernelManifest { kind, version, instead_because, .. } = self.machine()?.kernel;
        Ok(KernelInfo { kind, version, instead_because })
    }

    fn machine(&self) -> Result<MachineManifest, ImageError> {
        let machine: MachineManifest = self.read(&self.path.join(MACHINE))?.ok_or_else(|| {
            let folder = self.path.display();
            ImageError::Missing(format!("there is no guest kernel in {folder}: {BUILD_HINT}"))
        })?;
        check_version(machine.version)?;
        Ok(machine)
    }

    /// All images, by name.
    pub fn list(&self) -> Result<Vec<ImageInfo>, ImageError> {
        let folder = self.path.join(NAMES);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.attempt(|| format!("listing {}", folder.display()))?,
        };
        let mut images = Vec::new();
        for entry in entries {
            let path = entry.attempt(|| format!("listing {}", folder.display()))?.path();
            if path.extension().is_some_and(|ending| ending == "json")
                && let Some(manifest) = self.read::<ImageManifest>(&path)?
            {
                let ImageManifest { name, digest, size_bytes, source, .. } = manifest;
                images.push(ImageInfo { name, digest, size_bytes, source });
            }
        }
        images.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(images)
    }

    pub(super) fn manifest(&self, name: &str) -> Result<ImageManifest, ImageError> {
        check_name(name)?;
        let manifest: ImageManifest = self.read(&self.manifest_file(name))?.ok_or_else(|| {
            let hint = match name {
                DEFAULT_IMAGE => BUILD_HINT,
                _ => "`mainstay image list` shows those there are",
            };
            let folder = self.path.display();
            ImageError::Missing(format!("there is no image {name} in {folder}: {hint}"))
        })?;
        check_version(manifest.version)?;
        Ok(manifest)
    }

    pub(super) fn manifest_file(&self, name: &str) -> PathBuf {
        self.path.join(NAMES).join(format!("{name}.json"))
    }

    /// A path that a manifest names.
    fn part(&self, relative: &str) -> Result<PathBuf, ImageError> {
        let path = Path::new(relative);
        if path.components().all(|component| matches!(component, Component::Normal(_))) {
            return Ok(self.path.join(path));
        }
        Err(ImageError::invalid(format!("a manifest names {relative:?}, outside of its folder")))
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, ImageError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.attempt(|| format!("reading {}", path.display()))?,
        };
        let value = serde_json::from_str(&text);
        value
            .map(Some)
            .map_err(|error| ImageError::invalid(format!("reading {}: {error}", path.display())))
    }
}

/// A name is also a file's name, and part of what a model reads.
pub(super) fn check_name(name: &str) -> Result<(), ImageError> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let is_good = name.chars().all(is_plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= MAX_NAME_BYTES;
    if is_good {
        return Ok(());
    }
    Err(ImageError::invalid(format!(
        "an image's name has at most {MAX_NAME_BYTES} of a-z, 0-9, '.', '_' and '-' and begins with a \
         letter or a digit; this one is {name:?}"
    )))
}

fn check_version(version: u32) -> Result<(), ImageError> {
    if version == VERSION {
        return Ok(());
    }
    Err(ImageError::invalid(format!(
        "the image folder is of version {version}, and this binary reads version {VERSION}"
    )))
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
