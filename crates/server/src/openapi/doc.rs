//! What an endpoint's file says of it that its handler's type does not.

use mainstay_protocol::{ErrorCode, Scope};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::Param;

/// Makes a schema.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The schema of a type, by its name where it has one.
pub(crate) fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What a success looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Success {
    /// As the handler's type says.
    OfHandler,
    /// JSON of this schema.
    Json(SchemaOf),
    /// Bytes of this media type.
    Bytes(&'static str),
    /// No body.
    Empty,
}

/// What the document says of an endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doc {
    /// Its name, for clients that are generated.
    pub(super) operation: &'static str,
    /// What it does, in one line.
    pub(super) summary: &'static str,
    /// The parameters of its query, in groups.
    pub(super) query: &'static [&'static [Param]],
    /// Headers that it reads.
    pub(super) headers: &'static [Param],
    /// The status of a success.
    pub(super) status: u16,
    pub(super) success: Success,
    /// What an event of its stream is, where it can answer with one.
    pub(super) streams: Option<SchemaOf>,
    /// What the stream's last event says where it is no JSON.
    pub(super) stream_end: Option<&'static str>,
    /// The media type of a body that is not JSON.
    pub(super) upload: Option<&'static str>,
    /// Whether the handler reads an `Idempotency-Key` by itself.
    pub(super) is_keyed: bool,
    /// Whether the answer itself is kept under the key.
    pub(super) is_kept: bool,
    /// Refusals beside those that every endpoint of its shape has.
    pub(super) refusals: &'static [ErrorCode],
    /// The scope that the key needs.
    pub(super) scope: Option<Scope>,
    /// Whether the official clients do not know it.
    pub(super) is_extension: bool,
}

impl Doc {
    pub(crate) const fn new(operation: &'static str, summary: &'static str) -> Self {
        Self {
            operation,
            summary,
            query: &[],
            headers: &[],
            status: 200,
            success: Success::OfHandler,
            streams: None,
            stream_end: None,
            upload: None,
            is_keyed: false,
            is_kept: false,
            refusals: &[],
            scope: None,
            is_extension: false,
        }
    }

    pub(crate) const fn query(self, query: &'static [&'static [Param]]) -> Self {
        Self { query, ..self }
    }

    pub(crate) const fn headers(self, headers: &'static [Param]) -> Self {
        Self { headers, ..self }
    }

    /// For a handler whose type does not say what it answers.
    pub(crate) const fn answers(self, schema: SchemaOf) -> Self {
        Self { success: Success::Json(schema), ..self }
    }

    pub(crate) const fn answers_bytes(self, media_type: &'static str) -> Self {
        Self { success: Success::Bytes(media_type), ..self }
    }

    pub(crate) const fn answers_nothing(self, status: u16) -> Self {
        Self { success: Success::Empty, status, ..self }
    }

    pub(crate) const fn streams(self, event: SchemaOf) -> Self {
        Self { streams: Some(event), ..self }
    }

    pub(crate) const fn streams_until(self, event: SchemaOf, end: &'static str) -> Self {
        Self { streams: Some(event), stream_end: Some(end), ..self }
    }

    pub(crate) const fn takes_bytes(self, media_type: &'static str) -> Self {
        Self { upload: Some(media_type), ..self }
    }

    pub(crate) const fn keyed(self) -> Self {
        Self { is_keyed: true, ..self }
    }

    /// Its answer is kept for requests that are repeated under an `Idempotency-Key`.
    pub(crate) const fn kept(self) -> Self {
        Self { is_keyed: true, is_kept: true, ..self }
    }

    pub(crate) const fn refuses(self, refusals: &'static [ErrorCode]) -> Self {
        Self { refusals, ..self }
    }

    pub(crate) const fn scope(self, scope: Scope) -> Self {
        Self { scope: Some(scope), ..self }
    }

    pub(crate) const fn extension(self) -> Self {
        Self { is_extension: true, ..self }
    }
}
