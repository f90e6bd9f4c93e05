//! Texts that clients carry and do not read.
//!
//! Invariant: what is written is read again; anything else is nothing. They are not secret: they say
//! what the client was told, in a form that nobody should build upon.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What these texts begin with; a later form has another.
const MARK: &str = "mainstay1.";

/// A value as a text.
pub(crate) fn write<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_vec(value).expect("plain values serialise");
    format!("{MARK}{}", STANDARD_NO_PAD.encode(json))
}

/// The value of a text that this server wrote.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    let bytes = STANDARD_NO_PAD.decode(text.strip_prefix(MARK)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}
