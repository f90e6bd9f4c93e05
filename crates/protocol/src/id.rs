//! The registry of typed ids. A new id is one line here.
//!
//! Invariant: an id is 1 to 128 characters of `A-Z a-z 0-9 _ - . :`. Minted ids are a prefix, `_`
//! and 26 characters of Crockford base 32 (48 bits of milliseconds, 80 bits of entropy), so that
//! they sort by age. Imported ids keep whatever text they came with. Deliberately absent: a source
//! of time or randomness; [`IdMint`] is given both.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest id accepted, in characters.
pub const MAX_ID_CHARS: usize = 128;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("id {text:?} is not 1 to {MAX_ID_CHARS} characters of letters, digits, '_', '-', '.', ':'")]
pub struct InvalidId {
    /// The text refused, cut to the length of an id.
    pub text: String,
}

/// Makes new ids from a time and entropy that the caller provides.
#[derive(Debug, Clone)]
pub struct IdMint {
    at_ms: u64,
    entropy: u128,
    count: u32,
}

impl IdMint {
    /// A mint for one decision: `at_ms` is now in Unix milliseconds, `entropy` is fresh randomness.
    #[must_use]
    pub fn new(at_ms: u64, entropy: u128) -> Self {
        Self { at_ms, entropy, count: 0 }
    }

    /// The next id's text after its prefix.
    fn suffix(&mut self) -> String {
        let random80 = self.random80();
        encode_base32(self.millis() | random80)
    }

    /// The same for an id that sorts by `order` among those of its millisecond.
    fn ordered_suffix(&mut self, order: u64) -> String {
        let random48 = self.random80() & 0xffff_ffff_ffff;
        encode_base32(self.millis() | (u128::from(order & 0xffff_ffff) << 48) | random48)
    }

    fn millis(&self) -> u128 {
        u128::from(self.at_ms & 0xffff_ffff_ffff) << 80
    }

    fn random80(&mut self) -> u128 {
        // Splitmix-style finaliser over two 64-bit halves: ids of one decision share their entropy
        // and differ in the counter, and must look unrelated all the same.
        self.count += 1;
        #[expect(clippy::cast_possible_truncation, reason = "the halves of the entropy")]
        let (high, low) = ((self.entropy >> 64) as u64, self.entropy as u64);
        let a = mix(high ^ u64::from(self.count).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let b = mix(low.wrapping_add(a));
        (u128::from(a & 0xffff) << 64) | u128::from(b)
    }

    /// A number in `0..bound` drawn from the mint's entropy (for jitter). `bound` 0 gives 0.
    pub fn jitter(&mut self, bound: u64) -> u64 {
        self.count += 1;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "half of the entropy is enough for jitter"
        )]
        let low = self.entropy as u64;
        let drawn = mix(low ^ u64::from(self.count).wrapping_mul(0xbf58_476d_1ce4_e5b9));
        if bound == 0 { 0 } else { drawn % bound }
    }
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn encode_base32(value: u128) -> String {
    (0..26)
        .rev()
        .map(|i| char::from(ALPHABET[usize::try_from((value >> (i * 5)) & 31).expect("5 bits")]))
        .collect()
}

fn check(text: &str) -> Result<(), InvalidId> {
    let fits = !text.is_empty() && text.len() <= MAX_ID_CHARS;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
    if fits && text.bytes().all(plain) {
        return Ok(());
    }
    Err(InvalidId { text: text.chars().take(MAX_ID_CHARS).collect() })
}

/// The milliseconds in a text that [`encode_base32`] made; none when another did.
fn millis_of(suffix: &str) -> Option<u64> {
    const TIME_CHARS: usize = 10;
    if suffix.len() != 26 {
        return None;
    }
    suffix.bytes().take(TIME_CHARS).try_fold(0, |millis: u64, byte| {
        let digit = ALPHABET.iter().position(|known| *known == byte)?;
        Some(millis << 5 | u64::try_from(digit).ok()?)
    })
}

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident = $prefix:literal;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// What a minted id of this type begins with, before the `_`.
            pub const PREFIX: &'static str = $prefix;

            /// A new id.
            pub fn mint(mint: &mut IdMint) -> Self {
                Self(format!("{}_{}", Self::PREFIX, mint.suffix()).into())
            }

            /// When it was minted, in Unix milliseconds; none when it came from elsewhere.
            #[must_use]
            pub fn minted_at_ms(&self) -> Option<u64> {
                millis_of(self.0.strip_prefix(Self::PREFIX)?.strip_prefix('_')?)
            }

            /// A new id that sorts by `order` among those of the same millisecond (32 bits count).
            pub fn mint_ordered(mint: &mut IdMint, order: u64) -> Self {
                Self(format!("{}_{}", Self::PREFIX, mint.ordered_suffix(order)).into())
            }

            /// Reads an id as a client or an import wrote it.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                check(text)?;
                Ok(Self(text.into()))
            }

            /// The text form.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }
    )+

        /// Every prefix with the name of its type, in the order of the registry.
        pub const ID_PREFIXES: &[(&str, &str)] = &[$(($prefix, stringify!($name))),+];
    };
}

ids! {
    /// A versioned agent definition.
    AgentId = "agent";
    /// A durable question to a person.
    ApprovalId = "apr";
    /// A rule that starts sessions or feeds them at given times.
    AutomationId = "auto";
    /// One tool call as the model named it (the provider's id when it gives one).
    CallId = "call";
    /// A secret in a vault.
    CredentialId = "cred";
    /// An event on its way to one webhook endpoint.
    DeliveryId = "dlv";
    /// A request to the world, and its idempotency key.
    EffectId = "eff";
    /// Settings for environments.
    EnvironmentTemplateId = "envt";
    /// One time that an automation ran, or should have.
    InvocationId = "inv";
    /// A message, reasoning, tool call or tool output that clients see.
    ItemId = "item";
    /// A bearer key's public id.
    KeyId = "key";
    /// Who acts.
    PrincipalId = "prn";
    /// What a session gave for one request of the Responses API.
    ResponseId = "resp";
    /// A durable unit of work with one journal.
    SessionId = "ses";
    /// An isolation unit.
    TenantId = "ten";
    /// From one input until the agent rests.
    TurnId = "turn";
    /// Credentials that sessions may use.
    VaultId = "vault";
    /// Where webhooks are sent.
    WebhookEndpointId = "whe";
    /// What a webhook tells; its `webhook-id`.
    WebhookEventId = "evt";
}

#[cfg(test)]
#[path = "id_tests.rs"]
mod tests;
