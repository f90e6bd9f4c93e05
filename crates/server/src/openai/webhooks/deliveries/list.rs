//! `GET …/deliveries`: what was sent to an endpoint, by status if asked.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::resource::{DELIVERIES, DeliveryRow, DeliveryStatus, sent_to};

use super::object::Delivery;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::page::{PageScan, read_page};
use crate::openai::resource::find;
use crate::openai::webhooks::ENDPOINT;
use crate::openai::wire::{At, List, StatusListQuery};
use crate::openapi::{Doc, PAGE, Param};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listDeliveries", "List what was sent to an endpoint")
    .query(&[
        PAGE,
        &[Param::one_of(
            "status",
            "Only those of this status.",
            &["pending", "delivered", "failed"],
        )],
    ])
    .extension();

/// Answers a page of deliveries.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(endpoint): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Delivery>>> {
    let query = StatusListQuery::parse(query.as_deref().unwrap_or_default())?;
    let status = match query.status.as_deref() {
        None => None,
        Some("pending") => Some(DeliveryStatus::Pending),
        Some("delivered") => Some(DeliveryStatus::Delivered),
        Some("failed") => Some(DeliveryStatus::Failed),
        Some(other) => {
            let message = format!("is {other:?}, not one of pending, delivered, failed");
            return Err(At::Root.field("status").invalid(message).into());
        }
    };
    find(&state, &caller, ENDPOINT, &endpoint).await?;
    let sent_to = sent_to(&caller.tenant, &endpoint);
    let after = query.page.after.as_deref();
    let scan = PageScan {
        spec: &DELIVERIES,
        index: DELIVERIES.indexes[0],
        prefix: &[&sent_to],
        after: after.map(|after| DeliveryRow::key(&caller.tenant, after)),
    };
    let fits = |row: &DeliveryRow| status.is_none_or(|asked| asked == row.status);
    let page = read_page(state.store(), scan, &query.page, fits).await?;
    let deliveries = page.rows.iter().map(Delivery::of).collect();
    Ok(Json(List::page(deliveries, page.has_more, |delivery: &Delivery| &delivery.id)))
}
