//! Seals secrets with ChaCha20-Poly1305 under one key of the installation.
//!
//! Invariant: each sealing has a fresh nonce; what it belongs to is authenticated with it. The key
//! file is made the first time that something is sealed, readable by its owner alone. A key that was
//! rotated away stays beside it and opens what it sealed; a key that is lost is never replaced, because
//! a witness beside the data says that there was one.

mod key;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::{fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mainstay_core::port::{Entropy, SealError, Seals, SecretText, Signed};
use mainstay_core::resource::Sealed;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair};

pub use self::key::{InvalidKey, KEY_BYTES, VaultKey};

/// What a sealed text of this form begins with.
const FORM: &str = "v1.";

/// Seals and opens secrets.
pub struct Vault {
    source: VaultKey,
    entropy: Arc<dyn Entropy>,
    keys: OnceLock<Vec<LessSafeKey>>,
    witness: Option<PathBuf>,
}

/// What the witness is sealed for, and what it holds.
const WITNESS: &str = "witness";

impl Vault {
    /// A vault with a key from `source`, which is not asked before it is needed.
    pub fn new(source: VaultKey, entropy: Arc<dyn Entropy>) -> Self {
        Self { source, entropy, keys: OnceLock::new(), witness: None }
    }

    /// The same with a file that shows under which key the data's secrets were sealed.
    #[must_use]
    pub fn with_witness(self, witness: PathBuf) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Compares the key with the witness of the data, which is made when there is none yet. A key that
    /// does not open it, or is not there, is another than the one that sealed the data's secrets.
    pub fn check(&self) -> Result<(), SealError> {
        let Some(witness) = &self.witness else { return Ok(()) };
        let lost = |why: &str| {
            SealError(format!(
                "the secrets of this data folder were encrypted with another key ({why}): bring that \
                 key back, as the file vault.key, MAINSTAY_VAULT_KEY or vault.key of the \
                 configuration; if it is lost for good, remove {} and write each secret again",
                witness.display()
            ))
        };
        match fs::read_to_string(witness) {
            Ok(text) => match self.open(WITNESS, &Sealed(text.trim().to_owned())) {
                Ok(_) => Ok(()),
                Err(error) => Err(lost(&error.0)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // No key yet: nothing was sealed.
                match self.keys(false) {
                    Ok(_) => self.bear_witness(witness),
                    Err(_) => Ok(()),
                }
            }
            Err(error) => Err(SealError(format!("read {}: {error}", witness.display()))),
        }
    }

    /// Whether the key that seals now opens this, without those that were rotated away.
    pub fn opens_alone(&self, belongs_to: &str, sealed: &Sealed) -> Result<bool, SealError> {
        let newest = self.keys(false)?.get(..1).unwrap_or_default();
        Ok(open_with(newest, belongs_to, sealed).is_ok())
    }

    /// Makes the witness anew, under the key that seals now.
    fn bear_witness(&self, witness: &Path) -> Result<(), SealError> {
        let sealed = self.seal(WITNESS, &SecretText::from(WITNESS.to_owned()))?;
        let written = key::write_whole(witness, &format!("{}\n", sealed.0));
        written.map_err(|error| SealError(format!("write {}: {error}", witness.display())))
    }

    /// Makes another key for the file that holds it. What the key before sealed still opens.
    pub fn rotate(&mut self) -> Result<(), SealError> {
        let VaultKey::File(path) = &self.source else {
            let why = "the key is given by the operator: give another one as vault.key, and this one \
                       as one of vault.retired_keys";
            return Err(SealError(why.to_owned()));
        };
        let has_witness = self.witness.as_ref().is_some_and(|witness| witness.exists());
        if !path.exists() && !has_witness {
            let why = "there is no key yet, and nothing that it would encrypt: it is made with the first \
                       secret";
            return Err(SealError(why.to_owned()));
        }
        key::rotate(path, self.entropy.as_ref())?;
        self.keys = OnceLock::new();
        // One killed before this leaves a witness that the key before opens.
        self.witness.as_ref().map_or(Ok(()), |witness| self.bear_witness(witness))
    }

    fn keys(&self, may_make: bool) -> Result<&[LessSafeKey], SealError> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys);
        }
        let all = self.source.all(may_make.then_some(self.entropy.as_ref()))?;
        let keys = all.iter().map(|bytes| {
            let unbound = UnboundKey::new(&CHACHA20_POLY1305, bytes.as_ref());
            let unbound = unbound
                .map_err(|_| SealError("the vault's key does not have its length".to_owned()))?;
            Ok(LessSafeKey::new(unbound))
        });
        let keys = keys.collect::<Result<Vec<_>, SealError>>()?;
        let keys = self.keys.get_or_init(|| keys);
        if let Some(witness) = self.witness.as_ref().filter(|own| may_make && !own.exists()) {
            self.bear_witness(witness)?;
        }
        Ok(keys)
    }

    fn nonce(&self) -> [u8; NONCE_LEN] {
        let fresh = self.entropy.next().to_le_bytes();
        std::array::from_fn(|index| fresh[index])
    }
}

/// What the signing key is derived for; the key that seals signs nothing itself.
const SIGNING: &[u8] = b"mainstay signing key 1";

impl Seals for Vault {
    fn sign(&self, message: &[u8]) -> Result<Signed, SealError> {
        self.keys(true)?;
        let bytes = self.source.bytes(None)?;
        let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes.as_ref()), SIGNING);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref())
            .map_err(|_| SealError("the vault's key does not have its length".to_owned()))?;
        Ok(Signed {
            public_key: pair.public_key().as_ref().to_vec(),
            signature: pair.sign(message).as_ref().to_vec(),
        })
    }

    fn seal(&self, belongs_to: &str, secret: &SecretText) -> Result<Sealed, SealError> {
        let key = &self.keys(true)?[0];
        let nonce = self.nonce();
        let mut bytes = secret.expose().as_bytes().to_vec();
        let aad = Aad::from(belongs_to.as_bytes());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes)
            .map_err(|_| SealError("a secret could not be encrypted".to_owned()))?;
        let mut whole = nonce.to_vec();
        whole.extend_from_slice(&bytes);
        Ok(Sealed(format!("{FORM}{}", URL_SAFE_NO_PAD.encode(whole))))
    }

    fn open(&self, belongs_to: &str, sealed: &Sealed) -> Result<SecretText, SealError> {
        open_with(self.keys(false)?, belongs_to, sealed)
    }
}

/// Decrypts with whichever of these keys fits.
fn open_with(
    keys: &[LessSafeKey],
    belongs_to: &str,
    sealed: &Sealed,
) -> Result<SecretText, SealError> {
    let broken = || {
        SealError(
            "a secret does not open: it was sealed under another key, or for something else"
                .to_owned(),
        )
    };
    let text = sealed.0.strip_prefix(FORM).ok_or_else(broken)?;
    let whole = URL_SAFE_NO_PAD.decode(text).map_err(|_| broken())?;
    let (nonce, bytes) = whole.split_first_chunk::<NONCE_LEN>().ok_or_else(broken)?;
    let opened = keys.iter().find_map(|key| {
        let mut bytes = zeroize::Zeroizing::new(bytes.to_vec());
        let aad = Aad::from(belongs_to.as_bytes());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key.open_in_place(nonce, aad, &mut bytes).ok()?;
        Some(zeroize::Zeroizing::new(opened.to_vec()))
    });
    let opened = opened.ok_or_else(broken)?;
    let text = std::str::from_utf8(&opened).map_err(|_| broken())?;
    Ok(SecretText::from(text.to_owned()))
}

#[cfg(test)]
#[path = "vault/tests.rs"]
mod tests;
