//! `GET /v1/webhook_endpoints`: the caller's endpoints.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::resource::WEBHOOK_KIND;

use super::object::WebhookEndpoint;
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::list_of;
use crate::openai::wire::{List, PageQuery};
use crate::openapi::{Doc, PAGE};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc =
    Doc::new("listWebhookEndpoints", "List webhook endpoints").query(&[PAGE]);

/// Answers a page of endpoints.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<WebhookEndpoint>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let page = list_of(&state, &caller, (WEBHOOK_KIND, None), &query, |_| true).await?;
    let endpoints = page.rows.iter().map(WebhookEndpoint::of).collect::<Result<_, _>>()?;
    Ok(Json(List::page(endpoints, page.has_more, |endpoint: &WebhookEndpoint| &endpoint.id)))
}
