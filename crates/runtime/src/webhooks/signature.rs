//! Standard Webhooks signatures: HMAC-SHA256 over id, time and body, under a `whsec_` secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mainstay_core::port::{Entropy, SecretText};
use ring::hmac;
use zeroize::Zeroizing;

/// What a secret begins with.
pub const WEBHOOK_SECRET_PREFIX: &str = "whsec_";
/// How long the key behind it is.
pub const WEBHOOK_SECRET_BYTES: usize = 32;
/// The keys that are taken when a secret is brought in.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// How many of its last characters people recognise it by.
const HINT_CHARS: usize = 4;

/// A signing secret.
pub struct WebhookSecret {
    text: SecretText,
    key: hmac::Key,
}

impl WebhookSecret {
    /// A new one.
    pub fn mint(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; WEBHOOK_SECRET_BYTES]);
        let (one, other) = bytes.split_at_mut(WEBHOOK_SECRET_BYTES / 2);
        one.copy_from_slice(&entropy.next().to_le_bytes());
        other.copy_from_slice(&entropy.next().to_le_bytes());
        let text = format!("{WEBHOOK_SECRET_PREFIX}{}", STANDARD.encode(bytes.as_slice()));
        Self::parse(SecretText::from(text)).expect("a minted secret is one")
    }

    /// Reads one, if it is one.
    #[must_use]
    pub fn parse(text: SecretText) -> Option<Self> {
        let encoded = text.expose().strip_prefix(WEBHOOK_SECRET_PREFIX)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).ok()?);
        let key =
            KEY_BYTES.contains(&bytes.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))?;
        Some(Self { text, key })
    }

    /// The secret as receivers need it.
    #[must_use]
    pub fn text(&self) -> &SecretText {
        &self.text
    }

    /// What people recognise it by.
    #[must_use]
    pub fn hint(&self) -> String {
        let text = self.text.expose();
        format!("{WEBHOOK_SECRET_PREFIX}…{}", &text[text.len() - HINT_CHARS..])
    }

    /// The signature of one attempt.
    #[must_use]
    pub fn sign(&self, id: &str, at_seconds: u64, body: &str) -> String {
        let signed = format!("{id}.{at_seconds}.{body}");
        let tag = hmac::sign(&self.key, signed.as_bytes());
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
