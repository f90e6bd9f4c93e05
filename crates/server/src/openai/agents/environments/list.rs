//! `GET /v1/agents/environments`: no environment exists.

use axum::Json;
use axum::extract::RawQuery;
use serde_json::Value;

use super::shape::EnvironmentObject;
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::agents::page::invalid_cursor;
use crate::openai::wire::{EnvironmentListQuery, List};
use crate::openapi::{Doc, PAGE, Param, schema_of};

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listEnvironments", "List environments")
    .answers(schema_of::<List<EnvironmentObject>>)
    .query(&[PAGE, &[Param::one_of("type", "Only those of this type.", &["openai_hosted"])]]);

/// Answers that there are none.
pub(crate) async fn list(
    Caller(_caller): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Value>>> {
    let query = EnvironmentListQuery::parse(query.as_deref().unwrap_or_default())?;
    if query.page.after.is_some() {
        return Err(invalid_cursor().into());
    }
    let has_more = false;
    Ok(Json(List::page(Vec::new(), has_more, |_: &Value| "")))
}
