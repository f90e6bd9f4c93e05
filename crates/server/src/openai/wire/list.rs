//! One page of a list.
//!
//! Invariant: `last_id` is the cursor of the next page; clients use it or the last element's id, so
//! the two are the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::openapi::Tag;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "object", rename = "list")]
#[schemars(rename = "{T}List", transform = Tag("object", "list"))]
pub struct List<T> {
    /// The page's elements.
    pub data: Vec<T>,
    /// Whether there is another page.
    pub has_more: bool,
    /// The id of the page's first element.
    pub first_id: Option<String>,
    /// The id of the page's last element.
    pub last_id: Option<String>,
}

impl<T> List<T> {
    /// A page of elements whose ids `id` tells.
    pub fn page(data: Vec<T>, has_more: bool, id: impl Fn(&T) -> &str) -> Self {
        Self {
            first_id: data.first().map(|first| id(first).to_owned()),
            last_id: data.last().map(|last| id(last).to_owned()),
            data,
            has_more,
        }
    }
}
