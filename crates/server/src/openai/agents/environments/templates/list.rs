//! `GET /v1/agents/environments/templates`: the caller's templates.

use axum::Json;
use axum::extract::{RawQuery, State};

use super::object::{TEMPLATE, Template};
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::list_of;
use crate::openai::wire::{List, PageQuery};
use crate::openapi::{Doc, PAGE};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc =
    Doc::new("listEnvironmentTemplates", "List templates of environments").query(&[PAGE]);

/// Answers a page of templates.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Template>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let page = list_of(&state, &caller, (TEMPLATE.0, None), &query, |_| true).await?;
    let templates = page.rows.iter().map(Template::of).collect::<Result<_, _>>()?;
    Ok(Json(List::page(templates, page.has_more, |template: &Template| &template.id)))
}
