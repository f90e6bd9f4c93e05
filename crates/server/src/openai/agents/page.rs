//! A page of rows, newest or oldest first, of those that a caller may see.
//!
//! Invariant: one page looks at no more than [`MAX_PAGE_ROWS`] rows, however few of them fit.

use std::sync::Arc;

use mainstay_protocol::{ApiError, ErrorCode, Row, RowKey, RowSpec};
use mainstay_store::{Direction, RowScan, Store, StoreError};
use serde::de::DeserializeOwned;

use crate::openai::wire::{Order, PageQuery};
use crate::state::store_error;

/// The most rows that one page looks at.
const MAX_PAGE_ROWS: usize = 10_000;
/// How many rows are read at once when a page filters.
const ROW_BATCH_COUNT: usize = 256;

/// The rows of a page.
pub(crate) struct RowPage<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) has_more: bool,
}

/// A scan in the order of one of a spec's indexes, or of its key.
pub(crate) struct PageScan<'a> {
    pub(crate) spec: &'a RowSpec,
    /// The columns of the order; empty for the key's.
    pub(crate) index: &'a [&'a str],
    /// What the first columns must be.
    pub(crate) prefix: &'a [&'a str],
    /// The row that the page comes after.
    pub(crate) after: Option<RowKey>,
}

impl From<Order> for Direction {
    fn from(order: Order) -> Self {
        match order {
            Order::Asc => Self::Ascending,
            Order::Desc => Self::Descending,
        }
    }
}

/// Reads a page of the rows that `keep` lets through.
pub(crate) async fn read_page<T: DeserializeOwned>(
    store: &dyn Store,
    scan: PageScan<'_>,
    query: &PageQuery,
    keep: impl Fn(&T) -> bool,
) -> Result<RowPage<T>, ApiError> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut next = RowScan {
        spec: scan.spec.name.into(),
        index: columns(scan.index),
        prefix: columns(scan.prefix),
        after: scan.after,
        direction: query.order.into(),
        limit_count: (limit + 1).min(ROW_BATCH_COUNT),
    };
    let mut kept = Vec::with_capacity(limit.min(ROW_BATCH_COUNT));
    let mut looked_at = 0;
    loop {
        let page = store.rows(next.clone()).await.map_err(|error| page_error(&error))?;
        looked_at += page.rows.len();
        for row in &page.rows {
            let row: T = read_row(row)?;
            if !keep(&row) {
                continue;
            }
            if kept.len() == limit {
                return Ok(RowPage { rows: kept, has_more: true });
            }
            kept.push(row);
        }
        if !page.has_more {
            return Ok(RowPage { rows: kept, has_more: false });
        }
        if looked_at >= MAX_PAGE_ROWS {
            return cut(kept);
        }
        next.after = page.rows.last().map(|row| row.key.clone());
        next.limit_count = ROW_BATCH_COUNT;
    }
}

/// The page looked at all the rows it may: what it found has a next page, nothing found is refused.
fn cut<T>(rows: Vec<T>) -> Result<RowPage<T>, ApiError> {
    if !rows.is_empty() {
        return Ok(RowPage { rows, has_more: true });
    }
    let message = format!(
        "nothing that fits is among the next {MAX_PAGE_ROWS} elements of the list; ask for fewer by 'agent_id'"
    );
    Err(ApiError::new(ErrorCode::LimitReached, message))
}

fn columns(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

/// A cursor whose row is gone is the caller's mistake, not the store's.
fn page_error(error: &StoreError) -> ApiError {
    match error {
        StoreError::Invalid { .. } => invalid_cursor(),
        StoreError::Conflict { .. }
        | StoreError::Fenced { .. }
        | StoreError::Overloaded { .. }
        | StoreError::DiskFull(_)
        | StoreError::Unavailable { .. }
        | StoreError::Corrupt { .. } => store_error(error),
    }
}

/// A cursor that names nothing in the list.
pub(crate) fn invalid_cursor() -> ApiError {
    let message = "parameter 'after' names no element of this list";
    ApiError::new(ErrorCode::InvalidCursor, message).with_param("after")
}

/// Reads a row's document.
pub(crate) fn read_row<T: DeserializeOwned>(row: &Row) -> Result<T, ApiError> {
    row.read().map_err(|error| {
        let message = format!("a row of {} does not have its shape: {error}", row.key.spec);
        ApiError::new(ErrorCode::JournalCorrupt, message)
    })
}
