//! `GET /cloud/environment/{environment}/direct/connect`: an executor's WebSocket.

use std::sync::Arc;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use futures::{SinkExt, StreamExt, future};
use mainstay_core::port::{ExecutorWire, Executors, WireClosed};
use mainstay_protocol::{ApiError, ErrorCode, SessionId};
use tokio::sync::OwnedSemaphorePermit;

use super::{executors, session_of, turned_away};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::wire::Pairs;
use crate::state::AppState;

/// The largest message of an executor.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Takes the connection over.
pub(crate) async fn connect(
    State(state): State<AppState>,
    caller: Caller,
    Ids(environment): Ids<String>,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer<Response> {
    let session = session_of(&state, &caller, &environment).await?;
    let mut pairs = Pairs::parse(query.as_deref().unwrap_or_default())?;
    let registration = pairs.take("registration_id").unwrap_or_default();
    pairs.finish()?;
    let executors = Arc::clone(executors(&state)?);
    let admitted = executors.admit(&session, &registration).await;
    admitted.map_err(|error| turned_away(&error))?;
    let upgrade = upgrade.map_err(|rejection| {
        ApiError::new(ErrorCode::InvalidParameter, rejection.body_text().to_lowercase())
    })?;
    let place = state.admit_stream()?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE_BYTES).max_frame_size(MAX_MESSAGE_BYTES);
    Ok(upgrade.on_upgrade(move |socket| work(executors, session, registration, socket, place)))
}

async fn work(
    executors: Arc<dyn Executors>,
    session: SessionId,
    registration: String,
    socket: WebSocket,
    _place: OwnedSemaphorePermit,
) {
    let (sink, stream) = socket.split();
    let stream = stream.take_while(|message| future::ready(message.is_ok()));
    let incoming = stream.filter_map(|message| {
        future::ready(match message {
            Ok(Message::Text(text)) => Some(text.as_str().to_owned()),
            Ok(Message::Binary(bytes)) => String::from_utf8(bytes.into()).ok(),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) | Err(_) => None,
        })
    });
    let outgoing = sink
        .sink_map_err(|_| WireClosed)
        .with(|text: String| future::ready(Ok::<_, WireClosed>(Message::Text(text.into()))));
    let wire = ExecutorWire { incoming: incoming.boxed(), outgoing: Box::pin(outgoing) };
    tracing::info!(%session, "an executor connected");
    executors.serve(&session, &registration, wire).await;
    tracing::info!(%session, "an executor's connection ended");
}
