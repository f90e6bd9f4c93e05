//! `/v1/agents/environments/{environment}/files`: no environment exists.

use axum::Json;
use axum::extract::RawQuery;
use serde_json::Value;

use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::{Checked, Ids};
use crate::openai::wire::{EnvironmentFilesQuery, FileParams};

/// `POST …/files`: answers that the environment does not exist.
pub(crate) async fn create(
    Caller(_caller): Caller,
    Ids(environment): Ids<String>,
    Checked { .. }: Checked<FileParams>,
) -> Answer<Json<Value>> {
    Err(not_found("environment", &environment).into())
}

/// `GET …/files`: answers that the environment does not exist.
pub(crate) async fn list(
    Caller(_caller): Caller,
    Ids(environment): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<Value>> {
    EnvironmentFilesQuery::parse(query.as_deref().unwrap_or_default())?;
    Err(not_found("environment", &environment).into())
}
