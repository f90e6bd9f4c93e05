//! Where the vault's key is.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mainstay_core::port::{Entropy, SealError};
use zeroize::Zeroizing;

/// How long a key is.
pub const KEY_BYTES: usize = 32;

type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

/// What stands behind the name of a key's file for keys that are not used any more but to open.
const RETIRED: &str = "retired";
/// The most keys that are kept to open what they sealed.
const MAX_RETIRED_KEYS: usize = 32;

/// Where the vault's key is.
pub enum VaultKey {
    /// Given by the operator, the one to seal with first.
    Given(Vec<KeyBytes>),
    /// In a file, which is made when there is none; keys before it in a file beside it.
    File(PathBuf),
}

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a vault key is {KEY_BYTES} bytes, written as 64 hexadecimal digits or in base 64")]
pub struct InvalidKey;

impl VaultKey {
    /// A key as the operator wrote it: `openssl rand -base64 32` makes one.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        decode(text).map(|key| Self::Given(vec![key]))
    }

    /// The same with another key that opens what it sealed.
    pub fn with_retired(self, text: &str) -> Result<Self, InvalidKey> {
        let retired = decode(text)?;
        Ok(match self {
            Self::Given(mut keys) => {
                keys.push(retired);
                Self::Given(keys)
            }
            file @ Self::File(_) => file,
        })
    }

    /// The file, when the key is in one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Given(_) => None,
        }
    }

    /// The keys, the one to seal with first; with `entropy` a file that is not there is made.
    pub(super) fn all(&self, entropy: Option<&dyn Entropy>) -> Result<Vec<KeyBytes>, SealError> {
        let mut keys = vec![self.bytes(entropy)?];
        match self {
            Self::Given(given) => keys.extend(given.iter().skip(1).cloned()),
            Self::File(path) => keys.extend(retired(path)?),
        }
        Ok(keys)
    }

    /// The key to seal with; with `entropy` a file that is not there is made.
    pub(super) fn bytes(&self, entropy: Option<&dyn Entropy>) -> Result<KeyBytes, SealError> {
        let path = match self {
            Self::Given(keys) => return Ok(keys[0].clone()),
            Self::File(path) => path,
        };
        let text = match (fs::read_to_string(path), entropy) {
            (Ok(text), _) => Zeroizing::new(text),
            (Err(error), Some(entropy)) if error.kind() == io::ErrorKind::NotFound => {
                make(path, entropy).map_err(|error| unusable(path, &error))?
            }
            (Err(error), _) => return Err(unusable(path, &error)),
        };
        decode(&text).map_err(|error| unusable(path, &error))
    }
}

/// Makes another key, and keeps the one before to open what it sealed. At every moment of it the key
/// that is there, or one beside it, opens everything.
pub(super) fn rotate(path: &Path, entropy: &dyn Entropy) -> Result<(), SealError> {
    let failed = |error: io::Error| unusable(path, &error);
    let before = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
    let before_key = decode(&before).map_err(|error| unusable(path, &error))?;
    let known = retired(path)?;
    if known.len() >= MAX_RETIRED_KEYS {
        let why = format!("{MAX_RETIRED_KEYS} keys are kept beside it already");
        return Err(unusable(path, &why));
    }
    let beside = path.with_extension(RETIRED);
    if !known.contains(&before_key) {
        let mut all = Zeroizing::new(fs::read_to_string(&beside).unwrap_or_default());
        all.push_str(before.trim());
        all.push('\n');
        write_whole(&beside, &all).map_err(failed)?;
    }
    let text = fresh(entropy);
    write_whole(path, &format!("{}\n", *text)).map_err(failed)
}

/// The keys that are kept beside a key's file, the newest first.
fn retired(path: &Path) -> Result<Vec<KeyBytes>, SealError> {
    let beside = path.with_extension(RETIRED);
    let text = match fs::read_to_string(&beside) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unusable(&beside, &error)),
    };
    let lines = text.lines().rev().filter(|line| !line.trim().is_empty());
    lines.map(|line| decode(line).map_err(|error| unusable(&beside, &error))).collect()
}

/// Writes a file under another name first: half a key would be taken for the key.
pub(super) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = private(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder(path)
}

fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn fresh(entropy: &dyn Entropy) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    let (one, other) = bytes.split_at_mut(KEY_BYTES / 2);
    one.copy_from_slice(&entropy.next().to_le_bytes());
    other.copy_from_slice(&entropy.next().to_le_bytes());
    Zeroizing::new(STANDARD.encode(bytes.as_slice()))
}

fn decode(text: &str) -> Result<KeyBytes, InvalidKey> {
    let text = text.trim();
    let bytes = Zeroizing::new(match hex::decode(text) {
        Ok(bytes) => bytes,
        Err(_) => STANDARD.decode(text).map_err(|_| InvalidKey)?,
    });
    let key: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| InvalidKey)?;
    Ok(Zeroizing::new(key))
}

fn make(path: &Path, entropy: &dyn Entropy) -> io::Result<Zeroizing<String>> {
    let text = fresh(entropy);
    // Written whole under another name first: half a key would be taken for the key.
    let draft = path.with_extension("draft");
    let mut file = private(&draft)?;
    writeln!(file, "{}", *text)?;
    file.sync_all()?;
    // Another process may have been first; its key stands.
    match fs::hard_link(&draft, path) {
        Ok(()) => tracing::warn!(
            path = %path.display(),
            "made the key that encrypts secrets; keep a copy of it apart from the data folder"
        ),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    fs::remove_file(&draft)?;
    sync_folder(path)?;
    fs::read_to_string(path).map(Zeroizing::new)
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> SealError {
    SealError(format!("the vault's key in {} cannot be used: {error}", path.display()))
}
