//! The image folder: parts by what they are made of, put into place whole.
//!
//! Invariant: a folder below `kernels`, `agents` and `roots` is complete; whatever is being built is in
//! `.building`, which the next build empties.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

const BUILDING: &str = ".building";
const KINDS: [&str; 3] = ["kernels", "agents", "roots"];
const READ_BYTES: usize = 1 << 20;

/// An image folder that nobody else builds in.
pub(super) struct ImageFolder {
    path: PathBuf,
    is_fresh: bool,
    _lock: File,
}

impl ImageFolder {
    /// Waits until a build that is under way has ended.
    pub(super) fn open(path: &Path, is_fresh: bool) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("creating {}", path.display()))?;
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path)
            .with_context(|| format!("creating {}", lock_path.display()))?;
        if lock.try_lock().is_err() {
            println!("waiting for another build in {}", path.display());
            lock.lock().with_context(|| format!("locking {}", lock_path.display()))?;
        }
        let path = path.canonicalize().with_context(|| format!("finding {}", path.display()))?;
        let images = Self { path, is_fresh, _lock: lock };
        remove(&images.path.join(BUILDING))?;
        Ok(images)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The part of this kind and key, if it need not be built.
    pub(super) fn find(&self, kind: &str, key: &str) -> Option<PathBuf> {
        let folder = self.path.join(kind).join(key);
        (!self.is_fresh && folder.is_dir()).then_some(folder)
    }

    /// An empty folder to build in.
    pub(super) fn building(&self, name: &str) -> Result<PathBuf> {
        let folder = self.path.join(BUILDING).join(name);
        remove(&folder)?;
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        Ok(folder)
    }

    /// Makes what was built the part of this kind and key.
    pub(super) fn put(&self, built: &Path, kind: &str, key: &str) -> Result<PathBuf> {
        let folder = self.path.join(kind).join(key);
        let shelf = self.path.join(kind);
        fs::create_dir_all(&shelf).with_context(|| format!("creating {}", shelf.display()))?;
        // Whoever uses the old one goes on with the files that it has open.
        let aside = self.path.join(BUILDING).join("replaced");
        remove(&aside)?;
        if folder.exists() {
            fs::rename(&folder, &aside)
                .with_context(|| format!("replacing {}", folder.display()))?;
        }
        fs::rename(built, &folder)
            .with_context(|| format!("putting {} into place", folder.display()))?;
        remove(&aside)?;
        Ok(folder)
    }

    /// Writes a small file so that readers see the old or the new one.
    pub(super) fn write(&self, relative: &str, text: &str) -> Result<()> {
        let path = self.path.join(relative);
        let above = path.parent().context("finding the folder of a manifest")?;
        fs::create_dir_all(above).with_context(|| format!("creating {}", above.display()))?;
        let aside = path.with_extension("new");
        fs::write(&aside, text).with_context(|| format!("writing {}", aside.display()))?;
        fs::rename(&aside, &path).with_context(|| format!("replacing {}", path.display()))
    }

    /// Removes all parts but these, and those of images that were imported.
    pub(super) fn prune(&self, kept: &[PathBuf]) -> Result<()> {
        let named = self.named()?;
        for kind in KINDS {
            let shelf = self.path.join(kind);
            let Ok(parts) = fs::read_dir(&shelf) else { continue };
            for part in parts {
                let part = part.with_context(|| format!("listing {}", shelf.display()))?.path();
                if kept.contains(&part) || named.contains(&part) {
                    continue;
                }
                println!("removing {}", part.display());
                remove(&part)?;
            }
        }
        Ok(())
    }

    /// Roots that an image's manifest names.
    fn named(&self) -> Result<Vec<PathBuf>> {
        let Ok(names) = fs::read_dir(self.path.join("names")) else { return Ok(Vec::new()) };
        let mut named = Vec::new();
        for name in names {
            let path = name.context("listing images")?.path();
            let text =
                fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            let manifest: serde_json::Value = serde_json::from_str(&text)
                .with_context(|| format!("reading {}", path.display()))?;
            named.extend(manifest["root"].as_str().map(|root| self.path.join(root)));
        }
        Ok(named)
    }
}

/// Hash of these texts, each with its length, so that they cannot run into each other.
pub(super) fn key_of(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    hex(&hasher.finalize())
}

/// SHA-256 of a file.
pub(super) fn digest_of(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count =
            file.read(&mut buffer).with_context(|| format!("reading {}", path.display()))?;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..count]);
    }
}

pub(super) fn size_of(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("looking at {}", path.display()))?.len())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
