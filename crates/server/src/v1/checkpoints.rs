//! `/v1/agents/sessions/{session}/checkpoints`: what is kept of a session's machine.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::port::Connection;
use mainstay_protocol::{ApiError, Seq};
use mainstay_runtime::CheckpointSeen;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::page::invalid_cursor;
use crate::openai::agents::sessions::find_session;
use crate::openai::project::seconds;
use crate::openai::wire::{List, Pairs};
use crate::openapi::{Doc, PAGE, shape};
use crate::state::AppState;

/// A checkpoint.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CheckpointObject {
    id: String,
    object: &'static str,
    /// The entry that brought it: a fork there begins with it.
    seq: Seq,
    created_at: u64,
    /// The root of what was saved; null when there was no machine.
    workspace: Option<String>,
    file_count: u64,
    size_bytes: u64,
    written_bytes: u64,
    /// Whether it can be restored, and a fork begin with it: old ones are kept no longer.
    kept: bool,
    /// What the machine reached, or tried to, since the one before.
    #[schemars(with = "Vec<ConnectionObject>")]
    connections: Vec<Connection>,
}

shape! {
    /// A connection that a machine made, or was refused.
    ConnectionObject = |_| json!({
        "type": "object",
        "required": ["number", "at_ms", "host", "port", "sent_bytes", "received_bytes"],
        "properties": {
            "number": {"type": "integer", "minimum": 1},
            "at_ms": {"type": "integer", "minimum": 0},
            "host": {"type": "string"},
            "port": {"type": "integer", "minimum": 0, "maximum": 65_535},
            "refused": {"type": "string"},
            "sent_bytes": {"type": "integer", "minimum": 0},
            "received_bytes": {"type": "integer", "minimum": 0},
            "secrets": {"type": "array", "items": {"type": "string"}},
        },
    })
}

/// What a checkpoint's id begins with; its entry follows.
const PREFIX: &str = "ckpt_";

impl From<CheckpointSeen> for CheckpointObject {
    fn from(seen: CheckpointSeen) -> Self {
        let saved = seen.checkpoint;
        let number = |member: fn(&mainstay_core::port::Checkpoint) -> u64| {
            saved.as_ref().map(member).unwrap_or_default()
        };
        Self {
            id: format!("{PREFIX}{}", seen.seq),
            object: "agent.session.checkpoint",
            seq: seen.seq,
            created_at: seconds(seen.at_ms),
            file_count: number(|saved| saved.file_count),
            size_bytes: number(|saved| saved.size_bytes),
            written_bytes: number(|saved| saved.written_bytes),
            kept: seen.is_kept,
            workspace: saved.map(|saved| saved.workspace),
            connections: seen.connections,
        }
    }
}

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc =
    Doc::new("createCheckpoint", "Save a session's machine").extension().kept();

/// `POST …/checkpoints`: saves the machine, and answers what was saved.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
) -> Answer<Json<CheckpointObject>> {
    let row = find_session(&state, &caller, &session).await?;
    Ok(Json(state.engine().checkpoint(&caller, &row.id).await?.into()))
}

/// Its entry in the document of the API.
pub(crate) const LIST: Doc =
    Doc::new("listCheckpoints", "List a session's checkpoints").query(&[PAGE]).extension();

/// `GET …/checkpoints`: those in the journal.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<CheckpointObject>>> {
    let mut pairs = Pairs::parse(query.as_deref().unwrap_or_default())?;
    let page = pairs.page()?;
    pairs.finish()?;
    let row = find_session(&state, &caller, &session).await?;
    let after = page.after.as_deref().map(seq_of).transpose()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let direction = page.order.into();
    let found = state.engine().checkpoints(&caller, &row.id, after, direction, limit).await?;
    let data = found.checkpoints.into_iter().map(CheckpointObject::from).collect();
    Ok(Json(List::page(data, found.has_more, |checkpoint: &CheckpointObject| &checkpoint.id)))
}

/// The entry that a checkpoint's id names.
pub(crate) fn seq_of(id: &str) -> Result<Seq, ApiError> {
    let seq = id.strip_prefix(PREFIX).and_then(|seq| seq.parse().ok());
    seq.ok_or_else(invalid_cursor)
}
