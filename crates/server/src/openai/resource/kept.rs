//! Resources as the store keeps them, for a caller who may see them.

use mainstay_core::resource::{RESOURCES, ResourceRow, listed_in};
use mainstay_protocol::{ApiError, ErrorCode, Principal};
use mainstay_runtime::Engine;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::not_found;
use crate::openai::agents::page::{PageScan, RowPage, read_page};
use crate::openai::wire::PageQuery;
use crate::state::AppState;

/// The caller's resource of this kind and id; `what` is its name in the refusal.
pub(crate) async fn find(
    state: &AppState,
    caller: &Principal,
    (kind, what): (&str, &str),
    id: &str,
) -> Result<ResourceRow, ApiError> {
    find_in(state.engine(), caller, (kind, what), id).await
}

/// The same, where there is no server around.
pub(crate) async fn find_in(
    engine: &Engine,
    caller: &Principal,
    (kind, what): (&str, &str),
    id: &str,
) -> Result<ResourceRow, ApiError> {
    let row = engine.control().resource(&caller.tenant, kind, id).await?;
    row.ok_or_else(|| not_found(what, id))
}

/// A page of the caller's resources of a kind, of those that belong to `parent`.
pub(crate) async fn list_of(
    state: &AppState,
    caller: &Principal,
    (kind, parent): (&str, Option<&str>),
    query: &PageQuery,
    keep: impl Fn(&ResourceRow) -> bool,
) -> Result<RowPage<ResourceRow>, ApiError> {
    let listed = listed_in(&caller.tenant, kind, parent);
    let after = query.after.as_deref();
    let scan = PageScan {
        spec: &RESOURCES,
        index: RESOURCES.indexes[0],
        prefix: &[&listed],
        after: after.map(|after| ResourceRow::key(&caller.tenant, kind, after)),
    };
    read_page(state.store(), scan, query, keep).await
}

/// Reads a resource's body.
pub(crate) fn body_of<T: DeserializeOwned>(row: &ResourceRow) -> Result<T, ApiError> {
    row.read().map_err(|error| {
        let message = format!("the {} {:?} does not have its shape: {error}", row.kind, row.id);
        ApiError::new(ErrorCode::JournalCorrupt, message)
    })
}

/// A resource's body as it is kept.
pub(crate) fn to_body<T: Serialize>(body: &T) -> Value {
    serde_json::to_value(body).expect("bodies of resources have string keys")
}

/// A time as a text.
pub(crate) fn rfc3339(at_ms: u64) -> String {
    let millis = i64::try_from(at_ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map(|time| time.to_string()).unwrap_or_default()
}

/// A time as this API writes it.
pub(crate) fn seconds(at_ms: u64) -> u64 {
    at_ms / 1_000
}
