//! `/v1/agents/environments/{environment}/files`: no environment exists.

use axum::Json;
use axum::extract::RawQuery;
use serde_json::Value;

use super::shape::EnvironmentFile;
use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::{Checked, Ids};
use crate::openai::wire::{EnvironmentFilesQuery, FileParams, List};
use crate::openapi::{Doc, PAGE, Param, schema_of};

/// Its entry in the document of the API.
pub(crate) const CREATE_FILE: Doc =
    Doc::new("createEnvironmentFile", "Put a file into an environment")
        .answers(schema_of::<EnvironmentFile>);

/// `POST …/files`: answers that the environment does not exist.
pub(crate) async fn create(
    Caller(_caller): Caller,
    Ids(environment): Ids<String>,
    Checked { .. }: Checked<FileParams>,
) -> Answer<Json<Value>> {
    Err(not_found("environment", &environment).into())
}

/// Its entry in the document of the API.
pub(crate) const LIST_FILES: Doc = Doc::new("listEnvironmentFiles", "List an environment's files")
    .answers(schema_of::<List<EnvironmentFile>>)
    .query(&[
        PAGE,
        &[
            Param::text("page", "A cursor of this list."),
            Param::text("path", "Only below this folder."),
        ],
    ]);

/// `GET …/files`: answers that the environment does not exist.
pub(crate) async fn list(
    Caller(_caller): Caller,
    Ids(environment): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<Value>> {
    EnvironmentFilesQuery::parse(query.as_deref().unwrap_or_default())?;
    Err(not_found("environment", &environment).into())
}
