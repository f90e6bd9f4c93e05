//! `/v1/conversations/{conversation}/items`: what was said and done, by whatever door.
//!
//! Invariant: items are in the order of the entries that bring them. Deliberately absent: what the
//! context was summarised to, which replaces nothing here.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::item::Item;
use mainstay_core::session::Command;
use mainstay_protocol::{ApiError, Principal};
use mainstay_runtime::Submission;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::get::find;
use super::show::{Conversation, MAX_GIVEN_ITEMS};
use super::show::{bodies, conversation};
use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::{Checked, Ids};
use crate::openai::responses::InputItem;
use crate::openai::responses::{ItemsQuery, ListEnd, list_of, show_item};
use crate::openai::responses::{ResponseItem, ResponseItemList};
use crate::openai::transcript::{next_items, one_item, page_of_items};
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
    let items = next_items(state.store(), &session, accepted.first_seq).await?;
    Ok(Json(list_of(items.iter().map(show_item).collect(), ListEnd::Whole)))
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
    let page = page_of_items(state.store(), &session, &query.page).await?;
    let end = if page.has_more { ListEnd::Cut } else { ListEnd::Whole };
    Ok(Json(list_of(page.items.iter().map(show_item).collect(), end)))
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
    let found = one_item(state.store(), &session, item).await?;
    found.ok_or_else(|| not_found("item", item))
}
