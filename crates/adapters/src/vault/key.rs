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

/// Where the vault's key is.
pub enum VaultKey {
    /// Given by the operator.
    Given(KeyBytes),
    /// In a file, which is made when there is none.
    File(PathBuf),
}

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a vault key is {KEY_BYTES} bytes, written as 64 hexadecimal digits or in base 64")]
pub struct InvalidKey;

impl VaultKey {
    /// A key as the operator wrote it: `openssl rand -base64 32` makes one.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        decode(text).map(Self::Given)
    }

    /// The key; with `entropy` a file that is not there is made.
    pub(super) fn bytes(&self, entropy: Option<&dyn Entropy>) -> Result<KeyBytes, SealError> {
        let path = match self {
            Self::Given(bytes) => return Ok(bytes.clone()),
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
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    let (one, other) = bytes.split_at_mut(KEY_BYTES / 2);
    one.copy_from_slice(&entropy.next().to_le_bytes());
    other.copy_from_slice(&entropy.next().to_le_bytes());
    let text = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
    // Written whole under another name first: half a key would be taken for the key.
    let draft = path.with_extension("draft");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
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
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    fs::read_to_string(path).map(Zeroizing::new)
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> SealError {
    SealError(format!("the vault's key in {} cannot be used: {error}", path.display()))
}
