//! `/v1/conversations/{conversation}/items`: what was said and done, by whatever door.
//!
//! Invariant: items are in the order of the entries that bring them. Deliberately absent: what the
//! context was summarised to, which replaces nothing here.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::item::Item;
use mainstay_core::session::Command;
use mainstay_protocol::{ApiError, Principal, Seq};
use mainstay_runtime::Submission;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::get::find;
use super::show::{Conversation, MAX_GIVEN_ITEMS};
use super::show::{bodies, conversation};
use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::{Checked, Ids};
use crate::openai::responses::InputItem;
use crate::openai::responses::{ItemsQuery, page, show_item};
use crate::openai::responses::{ResponseItem, ResponseItemList};
use crate::openai::transcript::session_items;
use crate::openai::wire::{At, Pairs, Validate};
use crate::openapi::{Doc, PAGE, Param, schema_of};
use crate::state::AppState;

/// Members that answers can have besides.
const INCLUDE: &[Param] = &[Param::texts("include[]", "Taken; everything is shown.", &[])];

/// The body of `POST`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ItemCreateParams {
    #[schemars(with = "Vec<InputItem>", length(min = 1, max = MAX_GIVEN_ITEMS))]
    items: Vec<Value>,
}

impl Validate for ItemCreateParams {
    fn validate(&self, _at: &At<'_>) -> Result<(), ApiError> {
        if self.items.is_empty() {
            return Err(At::Root.field("items").invalid("must not be empty"));
        }
        Ok(())
    }
}

/// Its entry in the document of the API.
pub(crate) const CREATE_ITEMS: Doc = Doc::new("createConversationItems", "Add items")
    .query(&[INCLUDE])
    .answers(schema_of::<ResponseItemList>);

/// Answers the items as they are kept.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(id): Ids<String>,
    RawQuery(query): RawQuery,
    request: Checked<ItemCreateParams>,
) -> Answer<Json<Value>> {
    let mut pairs = Pairs::parse(query.as_deref().unwrap_or_default())?;
    pairs.take_list("include");
    pairs.finish()?;
    let session = find(&state, &caller, &id).await?.id;
    let items = bodies(&request.value.items, &At::Root.field("items"))?;
    let submission = Submission {
        caller: caller.clone(),
        commands: vec![Command::AddItems { items }],
        idempotency: request.idempotency,
    };
    let accepted = state.engine().submit(&session, submission).await?;
    let all = session_items(&state, &session, accepted.first_seq, Seq::MAX).await?;
    let count = request.value.items.len();
    let data: Vec<Value> = all.iter().take(count).map(show_item).collect();
    let id = |item: Option<&Value>| item.map(|item| item["id"].clone());
    Ok(Json(json!({
        "object": "list", "first_id": id(data.first()), "last_id": id(data.last()),
        "has_more": false, "data": data,
    })))
}

/// Its entry in the document of the API.
pub(crate) const LIST_ITEMS: Doc = Doc::new("listConversationItems", "List what was said and done")
    .query(&[PAGE, INCLUDE])
    .answers(schema_of::<ResponseItemList>);

/// Answers a page of items.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(id): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<Value>> {
    let query = ItemsQuery::parse(query.as_deref().unwrap_or_default())?;
    let session = find(&state, &caller, &id).await?.id;
    let items = session_items(&state, &session, 0, Seq::MAX).await?;
    Ok(Json(page(items.iter().map(show_item).collect(), &query)?))
}

/// Its entry in the document of the API.
pub(crate) const GET_ITEM: Doc = Doc::new("getConversationItem", "Read an item")
    .query(&[INCLUDE])
    .answers(schema_of::<ResponseItem>);

/// Answers one item.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((id, item)): Ids<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer<Json<Value>> {
    let mut pairs = Pairs::parse(query.as_deref().unwrap_or_default())?;
    pairs.take_list("include");
    pairs.finish()?;
    let item = find_item(&state, &caller, &id, &item).await?;
    Ok(Json(show_item(&item)))
}

/// Its entry in the document of the API.
pub(crate) const DELETE_ITEM: Doc =
    Doc::new("deleteConversationItem", "Delete an item").answers(schema_of::<Conversation>);

/// Answers the conversation without the item.
pub(crate) async fn delete(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((id, item)): Ids<(String, String)>,
) -> Answer<Json<Value>> {
    let found = find_item(&state, &caller, &id, &item).await?;
    let row = find(&state, &caller, &id).await?;
    let commands = vec![Command::RemoveItem { item: found.id }];
    let submission = Submission { caller, commands, idempotency: None };
    state.engine().submit(&row.id, submission).await?;
    Ok(Json(conversation(&row)))
}

async fn find_item(
    state: &AppState,
    caller: &Principal,
    id: &str,
    item: &str,
) -> Result<Item, ApiError> {
    let session = find(state, caller, id).await?.id;
    let items = session_items(state, &session, 0, Seq::MAX).await?;
    let found = items.into_iter().find(|candidate| candidate.id.as_str() == item);
    found.ok_or_else(|| not_found("item", item))
}
