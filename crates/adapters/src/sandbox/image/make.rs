//! Making images of the user's own, and removing them.
//!
//! Invariant: the tree and its disk are finished and in place before a manifest names them; two makers
//! of one image folder never work at the same time.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::archive;
use super::error::{Attempt, ImageError};
use super::folder::{DEFAULT_IMAGE, DISK, ImageFolder, ImageInfo, ROOTS, TREE, check_name};
use super::manifest::{ImageManifest, VERSION};
use super::tree::Tree;

const BUILDING: &str = ".building";
const LOCK: &str = "lock";
const READ_BYTES: usize = 1 << 20;

/// What making an image brought.
pub type Made = ImageInfo;

impl ImageFolder {
    /// Makes an image of an archive: an OCI layout, or what `docker save` wrote.
    pub fn import(&self, archive: &Path, name: &str) -> Result<Made, ImageError> {
        let source = format!("imported from {}", file_name(archive));
        self.make(name, source, |tree| archive::unpack(archive, tree))
    }

    /// Makes an image of a folder.
    pub fn build(&self, folder: &Path, name: &str) -> Result<Made, ImageError> {
        let source = format!("built from {}", file_name(folder));
        self.make(name, source, |tree| copy(folder, Path::new(""), tree))
    }

    /// Removes an image's name, and its root unless another image has the same.
    pub fn remove(&self, name: &str) -> Result<(), ImageError> {
        let _lock = self.lock()?;
        let manifest = self.manifest(name)?;
        let file = self.manifest_file(name);
        fs::remove_file(&file).attempt(|| format!("removing {}", file.display()))?;
        if self.list()?.iter().any(|other| other.digest == manifest.digest) {
            return Ok(());
        }
        let root = self.path().join(ROOTS).join(&manifest.digest);
        remove_all(&root)
    }

    fn make(
        &self,
        name: &str,
        source: String,
        fill: impl FnOnce(&mut Tree) -> Result<(), ImageError>,
    ) -> Result<Made, ImageError> {
        check_name(name)?;
        if name == DEFAULT_IMAGE {
            return Err(ImageError::invalid(format!(
                "the image {DEFAULT_IMAGE} is built by `cargo xtask image`; take another name"
            )));
        }
        let _lock = self.lock()?;
        let building = self.path().join(BUILDING).join("own");
        remove_all(&building)?;
        let made = self.make_in(&building, name, source, fill);
        remove_all(&building)?;
        made
    }

    fn make_in(
        &self,
        building: &Path,
        name: &str,
        source: String,
        fill: impl FnOnce(&mut Tree) -> Result<(), ImageError>,
    ) -> Result<Made, ImageError> {
        let tree_path = building.join(TREE);
        fs::create_dir_all(&tree_path).attempt(|| format!("creating {}", tree_path.display()))?;
        let mut tree = Tree::create(&tree_path)?;
        fill(&mut tree)?;
        tree.complete()?;
        let disk = building.join(DISK);
        squash(&tree_path, &disk)?;
        let (digest, size_bytes) = digest_of(&disk)?;
        let root = self.path().join(ROOTS).join(&digest);
        if !root.exists() {
            let shelf = self.path().join(ROOTS);
            fs::create_dir_all(&shelf).attempt(|| format!("creating {}", shelf.display()))?;
            fs::rename(building, &root)
                .attempt(|| format!("putting {} into place", root.display()))?;
        }
        let manifest = ImageManifest {
            version: VERSION,
            name: name.to_owned(),
            digest: digest.clone(),
            root: format!("{ROOTS}/{digest}"),
            size_bytes,
            source: source.clone(),
        };
        self.write_manifest(&manifest)?;
        Ok(ImageInfo { name: manifest.name, digest, size_bytes, source })
    }

    fn write_manifest(&self, manifest: &ImageManifest) -> Result<(), ImageError> {
        let file = self.manifest_file(&manifest.name);
        let text = serde_json::to_string_pretty(manifest).expect("plain members serialise");
        let aside = file.with_extension("new");
        if let Some(above) = file.parent() {
            fs::create_dir_all(above).attempt(|| format!("creating {}", above.display()))?;
        }
        fs::write(&aside, text)
            .and_then(|()| fs::rename(&aside, &file))
            .attempt(|| format!("writing {}", file.display()))
    }

    /// Held until the file is closed.
    fn lock(&self) -> Result<File, ImageError> {
        let path = self.path().join(LOCK);
        fs::create_dir_all(self.path())
            .and_then(|()| File::create(&path))
            .and_then(|file| file.lock().map(|()| file))
            .attempt(|| format!("locking {}", path.display()))
    }
}

/// A folder's files, as they are; what is neither file, folder nor link is left out.
fn copy(from: &Path, to: &Path, tree: &mut Tree) -> Result<(), ImageError> {
    let entries = fs::read_dir(from).attempt(|| format!("listing {}", from.display()))?;
    for entry in entries {
        let entry = entry.attempt(|| format!("listing {}", from.display()))?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        let reading = || format!("reading {}", path.display());
        let found = entry.metadata().attempt(reading)?;
        let mode = std::os::unix::fs::MetadataExt::mode(&found);
        if found.is_dir() {
            tree.folder(&place, mode)?;
            copy(&path, &place, tree)?;
        } else if found.is_symlink() {
            tree.link(&place, &fs::read_link(&path).attempt(reading)?)?;
        } else if found.is_file() {
            let mut file = File::open(&path).attempt(reading)?;
            tree.file(&place, mode, found.len(), &mut file)?;
        }
    }
    Ok(())
}

fn squash(tree: &Path, disk: &Path) -> Result<(), ImageError> {
    let mut squash = Command::new("mksquashfs");
    squash.arg(tree).arg(disk);
    squash.args(["-noappend", "-no-progress", "-quiet", "-all-root", "-no-xattrs", "-no-exports"]);
    squash.args(["-comp", "zstd", "-Xcompression-level", "9", "-mkfs-time", "0", "-all-time", "0"]);
    let output = squash
        .env_remove("SOURCE_DATE_EPOCH")
        .output()
        .attempt(|| "starting mksquashfs, which the package squashfs-tools has".to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(said.trim().to_owned())).attempt(|| "compressing the image".to_owned())
}

fn digest_of(path: &Path) -> Result<(String, u64), ImageError> {
    let reading = || format!("reading {}", path.display());
    let mut file = File::open(path).attempt(reading)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut size_bytes = 0;
    loop {
        let count = file.read(&mut buffer).attempt(reading)?;
        if count == 0 {
            return Ok((hex::encode(hasher.finalize()), size_bytes));
        }
        size_bytes += count as u64;
        hasher.update(&buffer[..count]);
    }
}

fn remove_all(path: &Path) -> Result<(), ImageError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.attempt(|| format!("removing {}", path.display())),
    }
}

fn file_name(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
