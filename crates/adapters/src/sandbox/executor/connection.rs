//! A connection from its first message to its end.
//!
//! Invariant: it counts only after the executor has told its session, and that is on disk. What it says
//! is read as fast as it comes, and what it is told waits in a bounded queue.

use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use mainstay_core::port::{ExecutorWire, SandboxError};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::link::{CallError, Link, OUTGOING_LIMIT_COUNT};
use super::place::Place;
use super::rpc::{self, Incoming, Initialized};

/// What the executor is told that it speaks with.
const CLIENT_NAME: &str = "mainstay";
/// How often a connection that says nothing is asked whether it is there.
const KEEP_ALIVE_MS: u64 = 20_000;
/// How long a connection may take to say good-bye.
const CLOSE_TIMEOUT_MS: u64 = 1_000;

/// Works with a connection until it ends.
pub(super) async fn serve(place: &Place, wire: ExecutorWire) {
    let (sender, mut waiting) = mpsc::channel::<String>(OUTGOING_LIMIT_COUNT);
    let link = Arc::new(Link::new(Arc::clone(&place.clock), sender));
    let ExecutorWire { mut incoming, mut outgoing } = wire;
    let listen = async {
        while let Some(text) = incoming.next().await {
            match rpc::read(&text) {
                Incoming::Answer(id, answer) => link.answered(id, answer),
                Incoming::Process(notice) => place.notice(notice),
                Incoming::Other => {}
            }
        }
    };
    let speak = async {
        while let Some(text) = waiting.recv().await {
            if outgoing.send(text).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = listen => {}
        () = speak => {}
        () = tend(place, &link) => {}
        () = link.closed.cancelled() => {}
    }
    link.closed.cancel();
    place.left(&link);
    let deadline = place.clock.now_ms().saturating_add(CLOSE_TIMEOUT_MS);
    tokio::select! {
        _ = outgoing.close() => {}
        () = place.clock.sleep_until(deadline) => {}
    }
}

/// Introduces both sides to each other, and then looks after the connection.
async fn tend(place: &Place, link: &Arc<Link>) {
    // The one before is the same executor's, or of one that this one replaces.
    place.disconnect();
    match introduce(place, link).await {
        Ok(()) => place.arrived(link),
        Err(error) => {
            tracing::warn!(%error, "an executor connected and could not be worked with");
            return;
        }
    }
    loop {
        let next = place.clock.now_ms().saturating_add(KEEP_ALIVE_MS);
        place.clock.sleep_until(next).await;
        if let Err(error) = link.call("environment/status", json!({})).await {
            tracing::info!(%error, "an executor does not answer any more");
            return;
        }
    }
}

async fn introduce(place: &Place, link: &Link) -> Result<(), SandboxError> {
    let known = place.record().await.executor_session.clone();
    let initialized = match initialize(link, known.as_deref()).await {
        // It was restarted, or away for longer than it keeps what it ran.
        Err(CallError::Refused(_)) if known.is_some() => initialize(link, None).await,
        initialized => initialized,
    }?;
    link.tell("initialized", json!({}));
    let session = initialized.session_id;
    link.introduce(session.clone(), initialized.environment_info);
    if known.as_ref() == Some(&session) {
        return Ok(());
    }
    place.change(|record| record.executor_session = Some(session)).await
}

async fn initialize(link: &Link, resume: Option<&str>) -> Result<Initialized, CallError> {
    let mut params = json!({ "clientName": CLIENT_NAME });
    if let Some(session) = resume {
        params["resumeSessionId"] = Value::from(session);
    }
    link.ask("initialize", params).await
}
