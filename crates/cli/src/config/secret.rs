//! Secrets by reference.
//!
//! Invariant: a configuration holds the name of a secret's place, never the secret, so that it can
//! be printed, checked in and shown; the text is read where it is used.

use std::path::PathBuf;

use anyhow::{Context, bail};
use mainstay_adapters::secret::Secret;
use schemars::JsonSchema;
use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

use super::environment::Environment;

/// How a secret is written.
pub(super) const HOW_TO_REFER: &str =
    "a secret is written as { env = \"NAME\" } or { file = \"PATH\" }, never itself";

/// Where a secret is: `{ env = "NAME" }` or `{ file = "PATH" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; white space at its end does not count.
    File(PathBuf),
}

/// A reference as it may be written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Env { env: String },
    File { file: PathBuf },
    Other(IgnoredAny),
}

impl<'de> Deserialize<'de> for SecretRef {
    /// A secret that stands there itself is refused without being repeated.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Env { env } => Ok(Self::Env(env)),
            Written::File { file } => Ok(Self::File(file)),
            Written::Other(IgnoredAny) => Err(D::Error::custom(HOW_TO_REFER)),
        }
    }
}

/// A plain text, or a secret by reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Text {
    /// The text itself; it is printed with the configuration.
    Plain(String),
    /// A secret.
    Secret(SecretRef),
}

impl SecretRef {
    /// The secret.
    pub(crate) fn read(&self, environment: &Environment) -> anyhow::Result<Secret> {
        let text = match self {
            Self::Env(name) => match environment.get(name) {
                Some(value) => value.to_owned(),
                None => bail!("the environment variable {name} is not set"),
            },
            Self::File(path) => std::fs::read_to_string(path)
                .with_context(|| format!("read the secret in {}", path.display()))?,
        };
        let text = text.trim_end();
        if text.is_empty() {
            bail!("the secret {self:?} is empty");
        }
        Ok(Secret::from(text))
    }
}

impl Text {
    /// The text, read from its place.
    pub(crate) fn read(&self, environment: &Environment) -> anyhow::Result<String> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Secret(secret) => Ok(secret.read(environment)?.expose().to_owned()),
        }
    }
}
