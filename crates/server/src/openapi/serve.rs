//! `GET /v1/openapi.json`: the document, without a key: it says nothing that the repository does not.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Doc;
use super::schema::shape;

/// The document as it is checked in.
const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");

shape! {
    /// An OpenAPI document.
    OpenApiDocument = |_| serde_json::json!({
        "type": "object",
        "required": ["openapi", "info", "paths", "components"],
    })
}

/// Its entry in the document.
pub(crate) const OPENAPI: Doc = Doc::new("getOpenApi", "This document")
    .answers(super::schema_of::<OpenApiDocument>)
    .extension();

/// Answers the document.
pub(crate) async fn serve() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
