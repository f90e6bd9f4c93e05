//! What messages of Chat Completions hold.
//!
//! Invariant: a part that no model here can be given (sound, files) is refused by its type. What
//! only advises a provider (the detail of an image, where its cache may break) is read and not passed
//! on.

use mainstay_protocol::ApiError;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::limits::{MAX_CONTENT_PARTS, MAX_IMAGE_URL_CHARS, MAX_TEXT_CHARS, count, text};
use super::parse::{kind, nested, tagged_params};
use super::{At, Validate};

/// One text, or parts.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "ChatContentOf{P}")]
pub enum ChatContent<P> {
    /// One text.
    Text(#[schemars(length(max = MAX_TEXT_CHARS))] String),
    /// Parts.
    Parts(#[schemars(length(min = 1, max = MAX_CONTENT_PARTS))] Vec<P>),
}

tagged_params! {
    /// A part of a user's message.
    ChatUserPart by "type" {
        /// Text.
        Text(ChatText) = "text",
        /// An image.
        Image(ChatImage) = "image_url",
    }
}

tagged_params! {
    /// A part of a message that holds nothing but text.
    ChatTextPart by "type" {
        /// Text.
        Text(ChatText) = "text",
    }
}

tagged_params! {
    /// A part of what a model said.
    ChatAssistantPart by "type" {
        /// Text.
        Text(ChatText) = "text",
        /// Why it would not answer.
        Refusal(ChatRefusal) = "refusal",
    }
}

/// A text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatText {
    /// The text.
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub text: String,
    /// Where the provider's cache may break; not passed on.
    #[serde(default)]
    pub prompt_cache_breakpoint: Option<Value>,
}

/// Why a model would not answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatRefusal {
    /// The model's words.
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub refusal: String,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatImage {
    /// Where it is.
    pub image_url: ChatImageUrl,
    /// Where the provider's cache may break; not passed on.
    #[serde(default)]
    pub prompt_cache_breakpoint: Option<Value>,
}

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatImageUrl {
    /// An HTTP address or a data URL.
    #[schemars(regex(pattern = "^(https?://|data:image/)"), length(max = MAX_IMAGE_URL_CHARS))]
    pub url: String,
    /// How closely it is looked at; not passed on.
    #[serde(default)]
    pub detail: Option<ChatImageDetail>,
}

/// How closely an image is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChatImageDetail {
    Auto,
    Low,
    High,
    Original,
}

impl<'de, P: DeserializeOwned> Deserialize<'de> for ChatContent<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            parts @ Value::Array(_) => nested(parts).map(Self::Parts),
            other => Err(serde::de::Error::custom(format!(
                "invalid type: {}, expected a string or an array of parts",
                kind(&other)
            ))),
        }
    }
}

impl<P: Validate> Validate for ChatContent<P> {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self {
            Self::Text(said) => text(at, said, MAX_TEXT_CHARS),
            Self::Parts(parts) if parts.is_empty() => Err(at.invalid("must not be empty")),
            Self::Parts(parts) => {
                count(at, parts.len(), MAX_CONTENT_PARTS)?;
                parts.validate(at)
            }
        }
    }
}

impl Validate for ChatText {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        text(&at.field("text"), &self.text, MAX_TEXT_CHARS)
    }
}

impl Validate for ChatTextPart {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        let Self::Text(part) = self;
        part.validate(at)
    }
}

impl Validate for ChatAssistantPart {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self {
            Self::Text(part) => part.validate(at),
            Self::Refusal(part) => text(&at.field("refusal"), &part.refusal, MAX_TEXT_CHARS),
        }
    }
}

impl Validate for ChatUserPart {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        let image = match self {
            Self::Text(part) => return part.validate(at),
            Self::Image(image) => &image.image_url.url,
        };
        let at = at.field("image_url");
        let at = at.field("url");
        text(&at, image, MAX_IMAGE_URL_CHARS)?;
        if ["https://", "http://", "data:image/"].iter().any(|start| image.starts_with(start)) {
            return Ok(());
        }
        Err(at.invalid("is neither an HTTP address nor an image as a data URL"))
    }
}
