//! Query strings of this API, and its pages.
//!
//! Invariant: an unknown, repeated or malformed parameter is refused by its name.

use mainstay_protocol::ApiError;
use serde_json::{Value, json};

use crate::openai::agents::page::invalid_cursor;
use crate::openai::wire::{Order, PageQuery, Pairs};

/// `GET /responses/{id}`.
pub(crate) struct RetrieveQuery {
    pub(crate) stream: bool,
    pub(crate) starting_after: Option<u64>,
    pub(crate) include: Vec<String>,
}

impl RetrieveQuery {
    pub(crate) fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Pairs::parse(query)?;
        let stream = pairs.flag("stream")?.unwrap_or_default();
        // Accepted; this server never pads.
        pairs.flag("include_obfuscation")?;
        let starting_after = pairs.number("starting_after")?;
        let include = pairs.take_list("include");
        pairs.finish()?;
        Ok(Self { stream, starting_after, include })
    }
}

/// A page of items.
pub(crate) struct ItemsQuery {
    pub(crate) page: PageQuery,
}

impl ItemsQuery {
    pub(crate) fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Pairs::parse(query)?;
        let page = pairs.page()?;
        // What may be included is shown anyway.
        pairs.take_list("include");
        pairs.finish()?;
        Ok(Self { page })
    }
}

/// The page of items that are given oldest first.
pub(crate) fn page(mut items: Vec<Value>, query: &ItemsQuery) -> Result<Value, ApiError> {
    let PageQuery { after, limit, order } = &query.page;
    if *order == Order::Desc {
        items.reverse();
    }
    if let Some(after) = after {
        let at = items.iter().position(|item| item["id"] == after.as_str());
        items.drain(..=at.ok_or_else(invalid_cursor)?);
    }
    let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
    let end = if items.len() > limit { ListEnd::Cut } else { ListEnd::Whole };
    items.truncate(limit);
    Ok(list_of(items, end))
}

/// Whether items follow behind those of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListEnd {
    /// None.
    Whole,
    /// Some.
    Cut,
}

/// A list of items as this API has it.
pub(crate) fn list_of(items: Vec<Value>, end: ListEnd) -> Value {
    let id = |item: Option<&Value>| item.map(|item| item["id"].clone());
    // Clients of this API expect texts here.
    let (first, last) = (id(items.first()), id(items.last()));
    let mut list = json!({
        "object": "list", "data": [], "has_more": end == ListEnd::Cut,
        "first_id": first.unwrap_or_else(|| "".into()), "last_id": last.unwrap_or_else(|| "".into()),
    });
    list["data"] = Value::Array(items);
    list
}
