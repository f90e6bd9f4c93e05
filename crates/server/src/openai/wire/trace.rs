//! A turn as a trace: OTLP in JSON, as collectors take it.
//!
//! Invariant: ids are lower-case hexadecimal and times are texts of nanoseconds, as OTLP's JSON
//! mapping has them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::openapi::Tag;

/// A turn's trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "object", rename = "agent.session.trace")]
#[schemars(rename = "SessionTrace", transform = Tag("object", "agent.session.trace"))]
pub struct SessionTrace {
    /// The turn's id.
    pub id: String,
    /// When the turn was created, in Unix seconds.
    pub created_at: u64,
    /// The session.
    pub session_id: String,
    /// What `ExportTraceServiceRequest` holds.
    pub otlp: OtlpTraces,
}

/// An export of spans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OtlpTraces {
    /// What the spans are of.
    pub resource_spans: [OtlpResourceSpans; 1],
}

/// Spans of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OtlpResourceSpans {
    /// The service.
    pub resource: OtlpResource,
    /// Its spans.
    pub scope_spans: [OtlpScopeSpans; 1],
}

/// A service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OtlpResource {
    /// What it is.
    pub attributes: Vec<OtlpAttribute>,
}

/// Spans that one library made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OtlpScopeSpans {
    /// The library.
    pub scope: OtlpScope,
    /// The spans.
    pub spans: Vec<OtlpSpan>,
}

/// A library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtlpScope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OtlpSpan {
    /// 32 hexadecimal characters.
    pub trace_id: String,
    /// 16 hexadecimal characters.
    pub span_id: String,
    /// The span that it is part of; none for the turn's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<String>,
    /// What was done.
    pub name: String,
    /// Whether something else was asked (3) or not (1).
    pub kind: u8,
    /// When it began.
    pub start_time_unix_nano: String,
    /// When it ended.
    pub end_time_unix_nano: String,
    /// What is known of it.
    pub attributes: Vec<OtlpAttribute>,
    /// What happened meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<OtlpEvent>,
    /// How it ended.
    pub status: OtlpStatus,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OtlpEvent {
    /// When.
    pub time_unix_nano: String,
    /// What.
    pub name: String,
    /// What is known of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<OtlpAttribute>,
}

/// How a span ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtlpStatus {
    /// 1 for well, 2 for badly.
    pub code: u8,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OtlpAttribute {
    /// The name.
    pub key: String,
    /// The value.
    pub value: OtlpValue,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OtlpValue {
    /// A text.
    StringValue(String),
    /// A whole number, as a text.
    IntValue(String),
    /// True or false.
    BoolValue(bool),
    /// Several.
    ArrayValue {
        /// Them.
        values: Vec<Self>,
    },
}

impl OtlpAttribute {
    /// A text by its name.
    pub fn text(key: &str, value: impl Into<String>) -> Self {
        Self { key: key.to_owned(), value: OtlpValue::StringValue(value.into()) }
    }

    /// A number by its name.
    #[must_use]
    pub fn number(key: &str, value: u64) -> Self {
        Self { key: key.to_owned(), value: OtlpValue::IntValue(value.to_string()) }
    }

    /// A list of texts by its name.
    #[must_use]
    pub fn texts(key: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|text| OtlpValue::StringValue((*text).to_owned())).collect();
        Self { key: key.to_owned(), value: OtlpValue::ArrayValue { values } }
    }
}
