//! The operations of OpenAPI documents as tools.
//!
//! Invariant: a document is compiled once for each content, and a call parses nothing but its own
//! arguments. The host of a document's server is the only one that its operations reach.
//! Deliberately absent: YAML, multipart bodies, cookies, and security schemes, whose place is taken
//! by the source's headers.

mod argument;
mod body;
mod call;
mod document;
mod operation;
mod plan;
mod request;
mod schema;
mod source;

pub(crate) use call::OpenapiTools;
pub(crate) use source::check;
