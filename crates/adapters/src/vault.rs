//! Seals secrets with ChaCha20-Poly1305 under one key of the installation.
//!
//! Invariant: each sealing has a fresh nonce; what it belongs to is authenticated with it. The key
//! file is made the first time that something is sealed, readable by its owner alone, and never
//! replaced: without it nothing opens. Deliberately absent: rotation of the key.

mod key;

use std::sync::{Arc, OnceLock};

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
    key: OnceLock<LessSafeKey>,
}

impl Vault {
    /// A vault with a key from `source`, which is not asked before it is needed.
    pub fn new(source: VaultKey, entropy: Arc<dyn Entropy>) -> Self {
        Self { source, entropy, key: OnceLock::new() }
    }

    fn key(&self, may_make: bool) -> Result<&LessSafeKey, SealError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let bytes = self.source.bytes(may_make.then_some(self.entropy.as_ref()))?;
        let unbound = UnboundKey::new(&CHACHA20_POLY1305, bytes.as_ref())
            .map_err(|_| SealError("the vault's key does not have its length".to_owned()))?;
        Ok(self.key.get_or_init(|| LessSafeKey::new(unbound)))
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
        let bytes = self.source.bytes(Some(self.entropy.as_ref()))?;
        let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes.as_ref()), SIGNING);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref())
            .map_err(|_| SealError("the vault's key does not have its length".to_owned()))?;
        Ok(Signed {
            public_key: pair.public_key().as_ref().to_vec(),
            signature: pair.sign(message).as_ref().to_vec(),
        })
    }

    fn seal(&self, belongs_to: &str, secret: &SecretText) -> Result<Sealed, SealError> {
        let key = self.key(true)?;
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
        let broken = || {
            SealError(
                "a secret does not open: it was sealed under another key, or for something else"
                    .to_owned(),
            )
        };
        let text = sealed.0.strip_prefix(FORM).ok_or_else(broken)?;
        let whole = URL_SAFE_NO_PAD.decode(text).map_err(|_| broken())?;
        let (nonce, bytes) = whole.split_first_chunk::<NONCE_LEN>().ok_or_else(broken)?;
        let mut bytes = zeroize::Zeroizing::new(bytes.to_vec());
        let aad = Aad::from(belongs_to.as_bytes());
        let opened = self
            .key(false)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut bytes)
            .map_err(|_| broken())?;
        let text = std::str::from_utf8(opened).map_err(|_| broken())?;
        Ok(SecretText::from(text.to_owned()))
    }
}

#[cfg(test)]
#[path = "vault/tests.rs"]
mod tests;
