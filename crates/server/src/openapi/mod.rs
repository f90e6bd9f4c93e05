//! The document of the HTTP surface (OpenAPI 3.1), made from the routes and the types of their
//! handlers.
//!
//! Invariant: a route cannot be declared without what the document says of it, and bodies are read
//! from the handlers' own types, so that nothing is described that is not there. The checked-in
//! document is what is served; a test compares it with the code. Deliberately absent: prose about the
//! API, which is in `docs/`.

mod describe;
mod doc;
mod document;
mod param;
mod routes;
mod schema;
mod serve;

pub(crate) use doc::{Doc, schema_of};
pub use document::openapi_document;
pub(crate) use param::{PAGE, PAGE_BY_TOKEN, Param};
pub(crate) use routes::{Routes, delete, get, post};
pub(crate) use schema::{Given, Metadata, Nullable, Tag, shape, tagged, union};
pub(crate) use serve::{OPENAPI, serve};

#[cfg(test)]
mod key_tests;
