//! An object of the API together with everything that the server said of it.
//!
//! Invariant: what is written again is what was read, members that this client does not know
//! included; so a script sees what the server sent.

use std::ops::Deref;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// An object, and the JSON that it came as.
#[derive(Debug, Clone, PartialEq)]
pub struct Said<T> {
    known: T,
    json: Value,
}

impl<T> Said<T> {
    /// Everything that the server said.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }
}

impl<T> Deref for Said<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.known
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Said<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Value::deserialize(deserializer)?;
        let known = T::deserialize(&json).map_err(D::Error::custom)?;
        Ok(Self { known, json })
    }
}

impl<T> Serialize for Said<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}
