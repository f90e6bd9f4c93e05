//! `GET /v1/responses/{response}/input_items`: what a request brought.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::effect::Outcome;
use mainstay_core::fact::{Answer as Said, Fact};
use serde_json::{Value, json};

use super::project::show_item;
use super::query::{ItemsQuery, page};
use super::rows;
use super::shapes::ResponseItemList;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openapi::{Doc, PAGE, Param, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listInputItems", "List what a request brought")
    .query(&[PAGE, &[Param::texts("include[]", "Taken; everything is shown.", &[])]])
    .answers(schema_of::<ResponseItemList>);

/// Answers a page of the request's items.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(response): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<Value>> {
    let query = ItemsQuery::parse(query.as_deref().unwrap_or_default())?;
    let row = rows::find(&state, &caller, &response).await?.row;
    let mut items = Vec::new();
    for fact in rows::requested(&state, &row).await? {
        match fact {
            Fact::InputReceived(fact) => items.extend(fact.items.iter().map(show_item)),
            Fact::EffectCompleted(fact) => {
                if let Outcome::Tool { item, .. } = &fact.outcome {
                    items.push(show_item(item));
                }
            }
            Fact::ApprovalResolved(fact) => items.push(json!({
                "type": "mcp_approval_response",
                "id": format!("{}_answer", fact.approval),
                "approval_request_id": fact.approval,
                "approve": matches!(fact.answer, Said::Approve | Said::Retry | Said::Done),
            })),
            _ => {}
        }
    }
    Ok(Json(page(items, &query)?))
}
