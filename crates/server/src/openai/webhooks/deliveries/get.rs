//! `GET …/deliveries/{delivery}`: one delivery.

use axum::Json;
use axum::extract::State;

use super::object::{Delivery, find_in};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getDelivery", "Read a delivery").extension();

/// Answers the delivery.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((endpoint, delivery)): Ids<(String, String)>,
) -> Answer<Json<Delivery>> {
    Ok(Json(Delivery::of(&find_in(&state, &caller, &endpoint, &delivery).await?)))
}
