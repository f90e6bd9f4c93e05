//! One page of a list.

use serde::Deserialize;

/// How many elements are asked for at once.
const PAGE_LIMIT_COUNT: u32 = 100;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Page<T> {
    /// The page's elements.
    pub data: Vec<T>,
    /// Whether there is another page.
    #[serde(default)]
    pub has_more: bool,
    /// The cursor of the next page.
    #[serde(default)]
    pub last_id: Option<String>,
}

impl<T> Page<T> {
    /// The cursor of the next page, if there is one.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.last_id.as_deref().filter(|_| self.has_more)
    }

    pub(crate) fn query(after: Option<&str>) -> Vec<(String, String)> {
        let mut query = vec![("limit".to_owned(), PAGE_LIMIT_COUNT.to_string())];
        query.extend(after.map(|after| ("after".to_owned(), after.to_owned())));
        query
    }
}
