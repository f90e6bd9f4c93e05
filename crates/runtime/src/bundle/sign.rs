//! Ed25519 (RFC 8032) signatures of manifests.

use mainstay_core::port::Signed;
use ring::signature::{ED25519, UnparsedPublicKey};

use super::manifest::Signature;

const ALGORITHM: &str = "ed25519";

impl From<Signed> for Signature {
    fn from(signed: Signed) -> Self {
        Self {
            algorithm: ALGORITHM.to_owned(),
            public_key: hex::encode(signed.public_key),
            signature: hex::encode(signed.signature),
        }
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
