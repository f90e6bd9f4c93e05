//! Ed25519 (RFC 8032) signatures of manifests.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::manifest::Signature;

const ALGORITHM: &str = "ed25519";

/// An installation's signing key.
pub struct BundleSigner(Ed25519KeyPair);

/// A seed that is no key.
#[derive(Debug, thiserror::Error)]
#[error("a signing key's seed has 32 bytes")]
pub struct BadSeed;

impl BundleSigner {
    /// The key of a seed of 32 bytes.
    pub fn from_seed(seed: &[u8]) -> Result<Self, BadSeed> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| BadSeed)
    }

    /// The public half, hexadecimal.
    #[must_use]
    pub fn public_key(&self) -> String {
        hex::encode(self.0.public_key().as_ref())
    }

    pub(super) fn sign(&self, manifest: &[u8]) -> Signature {
        Signature {
            algorithm: ALGORITHM.to_owned(),
            public_key: self.public_key(),
            signature: hex::encode(self.0.sign(manifest).as_ref()),
        }
    }
}

impl std::fmt::Debug for BundleSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BundleSigner").field(&self.public_key()).finish()
    }
}

impl Signature {
    /// Whether it is the manifest's.
    pub(super) fn verifies(&self, manifest: &[u8]) -> bool {
        let keyed = (hex::decode(&self.public_key), hex::decode(&self.signature));
        let (Ok(key), Ok(signature)) = keyed else { return false };
        let key = UnparsedPublicKey::new(&ED25519, key);
        self.algorithm == ALGORITHM && key.verify(manifest, &signature).is_ok()
    }
}
