//! Content parts: what users send, what the model writes, what tools return.
//!
//! Invariant: a part's type fixes its direction; `input_*` comes from clients and tools, `output_text`
//! and `summary_text` from models.

use mainstay_protocol::ApiError;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::limits::{MAX_CONTENT_PARTS, MAX_IMAGE_URL_CHARS, MAX_TEXT_CHARS, count, filled, text};
use super::parse::{kind, nested, tagged_params};
use super::{At, Validate};
use crate::openapi::Tag;

tagged_params! {
    /// A part of a user's message or of a tool's output.
    #[derive(Eq)]
    InputContent by "type" {
        /// Text.
        Text(TextBody) = "input_text",
        /// An image.
        Image(ImageBody) = "input_image",
    }
}

/// The text of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextBody {
    /// The text.
    #[schemars(length(min = 1, max = MAX_TEXT_CHARS))]
    pub text: String,
}

/// The image of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageBody {
    /// An HTTP address or a data URL.
    #[schemars(regex(pattern = "^(https?://|data:image/)"), length(max = MAX_IMAGE_URL_CHARS))]
    pub image_url: String,
}

impl InputContent {
    /// A text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextBody { text: text.into() })
    }
}

impl Validate for InputContent {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self {
            Self::Text(part) => filled(&at.field("text"), &part.text, MAX_TEXT_CHARS),
            Self::Image(part) => {
                let at = at.field("image_url");
                text(&at, &part.image_url, MAX_IMAGE_URL_CHARS)?;
                if ["https://", "http://", "data:image/"]
                    .iter()
                    .any(|p| part.image_url.starts_with(p))
                {
                    return Ok(());
                }
                Err(at.invalid("is neither an HTTP address nor an image as a data URL"))
            }
        }
    }
}

/// Refuses a list of parts that is empty, too long or holds a bad part.
pub(super) fn validate_parts(at: &At<'_>, parts: &[InputContent]) -> Result<(), ApiError> {
    if parts.is_empty() {
        return Err(at.invalid("must not be empty"));
    }
    count(at, parts.len(), MAX_CONTENT_PARTS)?;
    parts.iter().enumerate().try_for_each(|(index, part)| part.validate(&at.index(index)))
}

/// What a function returned: one text, or parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum FunctionOutput {
    /// One text.
    Text(String),
    /// Parts.
    Parts(Vec<InputContent>),
}

impl<'de> Deserialize<'de> for FunctionOutput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            parts @ Value::Array(_) => nested(parts).map(Self::Parts),
            other => Err(serde::de::Error::custom(format!(
                "invalid type: {}, expected a string or an array of content parts",
                kind(&other)
            ))),
        }
    }
}

impl Validate for FunctionOutput {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self {
            Self::Text(output) => text(at, output, MAX_TEXT_CHARS),
            Self::Parts(parts) => {
                count(at, parts.len(), MAX_CONTENT_PARTS)?;
                parts.validate(at)
            }
        }
    }
}

/// A part of an item that users or models wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessageContent {
    /// A user's text.
    InputText {
        /// The text.
        text: String,
    },
    /// A user's image.
    InputImage {
        /// An HTTP address or a data URL.
        image_url: String,
    },
    /// The model's text.
    OutputText {
        /// The text.
        text: String,
    },
}

impl MessageContent {
    /// The model's text.
    pub fn output_text(text: impl Into<String>) -> Self {
        Self::OutputText { text: text.into() }
    }
}

impl From<InputContent> for MessageContent {
    fn from(part: InputContent) -> Self {
        match part {
            InputContent::Text(part) => Self::InputText { text: part.text },
            InputContent::Image(part) => Self::InputImage { image_url: part.image_url },
        }
    }
}

/// A part of the model's text, in events about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename = "output_text")]
#[schemars(rename = "OutputText", transform = Tag("type", "output_text"))]
pub struct OutputText {
    /// The text.
    pub text: String,
}

/// A part of a reasoning summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename = "summary_text")]
#[schemars(rename = "SummaryText", transform = Tag("type", "summary_text"))]
pub struct SummaryText {
    /// The text.
    pub text: String,
}

/// A part of what agents send each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AgentContent {
    /// Text.
    OutputText {
        /// The text.
        text: String,
    },
    /// What only the provider can read.
    EncryptedContent {
        /// The payload.
        encrypted_content: String,
    },
}
