//! `POST …/deliveries/{delivery}/replay`: sends it again, under the same `webhook-id`.

use axum::Json;
use axum::extract::State;

use super::object::{Delivery, find_in};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{Asked, Nothing};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const REPLAY: Doc =
    Doc::new("replayDelivery", "Send a delivery again").extension().kept();

/// Answers the delivery, which is due now. Asking twice while it waits changes nothing more.
pub(crate) async fn replay(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((endpoint, delivery)): Ids<(String, String)>,
    _: Asked<Nothing>,
) -> Answer<Json<Delivery>> {
    let row = find_in(&state, &caller, &endpoint, &delivery).await?;
    Ok(Json(Delivery::of(&state.engine().replay_webhook(&row).await?)))
}
