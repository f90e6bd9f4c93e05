//! `GET /v1/agents/environments/{environment}`: no environment exists.

use axum::Json;
use serde_json::Value;

use super::shape::EnvironmentObject;
use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::Ids;
use crate::openapi::{Doc, schema_of};

/// Its entry in the document of the API.
pub(crate) const GET: Doc =
    Doc::new("getEnvironment", "Read an environment").answers(schema_of::<EnvironmentObject>);

/// Answers that it does not exist.
pub(crate) async fn get(
    Caller(_caller): Caller,
    Ids(environment): Ids<String>,
) -> Answer<Json<Value>> {
    Err(not_found("environment", &environment).into())
}
