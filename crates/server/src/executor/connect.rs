//! `GET /cloud/environment/{environment}/direct/connect`: an executor's WebSocket.

use std::sync::Arc;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use futures::{SinkExt, StreamExt, future};
use mainstay_core::port::{ExecutorStatus, ExecutorWire, Executors, WireClosed};
use mainstay_protocol::{ApiError, ErrorCode, Principal, SessionId};
use tokio::sync::OwnedSemaphorePermit;

use super::{executors, session_of, turned_away};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::wire::Pairs;
use crate::state::AppState;

/// How long an executor may be away before the session's followers are told.
const AWAY_MS: u64 = 30_000;
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
    let Caller(caller) = caller;
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
    let arrived = Arrived { state, caller, executors, session, registration };
    Ok(upgrade.on_upgrade(move |socket| arrived.work(socket, place)))
}

/// An executor that may begin.
struct Arrived {
    state: AppState,
    caller: Principal,
    executors: Arc<dyn Executors>,
    session: SessionId,
    registration: String,
}

impl Arrived {
    async fn work(self, socket: WebSocket, place: OwnedSemaphorePermit) {
        let wire = wire(socket);
        tracing::info!(session = %self.session, "an executor connected");
        self.tell(ExecutorStatus::Connected).await;
        self.executors.serve(&self.session, &self.registration, wire).await;
        tracing::info!(session = %self.session, "an executor's connection ended");
        drop(place);
        let clock = self.state.engine().clock();
        clock.sleep_until(clock.now_ms().saturating_add(AWAY_MS)).await;
        let status = self.executors.status(&self.session).await;
        if status != ExecutorStatus::Connected {
            self.tell(status).await;
        }
    }

    /// Has the session's journal, and with it its followers, know.
    async fn tell(&self, status: ExecutorStatus) {
        let told = self.state.engine().executor_changed(&self.caller, &self.session, status).await;
        if let Err(error) = told {
            // Its calls tell as much; a session that is gone needs to know nothing.
            tracing::debug!(session = %self.session, ?status, %error, "not written down");
        }
    }
}

fn wire(socket: WebSocket) -> ExecutorWire {
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
    ExecutorWire { incoming: incoming.boxed(), outgoing: Box::pin(outgoing) }
}
