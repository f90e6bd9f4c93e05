//! Names of tools as every provider accepts them.
//!
//! Invariant: the same remote name gives the same tool name in every version, since journals hold
//! it.

use sha2::{Digest, Sha256};

/// The longest name of a tool, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 64;

/// Characters of the hash that tells cut names apart.
const HASH_CHARS: usize = 8;

/// Whether a name can be given to a model as it is.
pub(crate) fn is_tool_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME_CHARS && name.bytes().all(is_name_byte)
}

/// The name under which a model calls what its source calls `remote`.
pub(crate) fn tool_name(remote: &str) -> String {
    let name: String = remote.chars().map(|c| if is_name_char(c) { c } else { '_' }).collect();
    if is_tool_name(&name) {
        return name;
    }
    let hash = hex::encode(Sha256::digest(remote.as_bytes()));
    let kept = name.len().min(MAX_NAME_CHARS - HASH_CHARS - 1);
    format!("{}_{}", &name[..kept], &hash[..HASH_CHARS])
}

fn is_name_char(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
