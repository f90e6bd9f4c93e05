//! What a turn left under `artifacts/`, read from its entries.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path};

use mainstay_core::effect::Outcome;
use mainstay_core::fact::Fact;
use mainstay_core::item::ItemBody;
use mainstay_core::resource::ResourceRow;
use mainstay_core::session::{SessionRow, TurnRow, TurnStatus};
use mainstay_protocol::{ApiError, CallId, Entry, JournalId, Principal, Seq, SessionId};
use mainstay_store::EntryRange;
use serde::Deserialize;

use crate::error::not_found;
use crate::openai::agents::sessions::turn_of;
use crate::openai::project::{read, seconds};
use crate::openai::wire::SessionArtifact;
use crate::state::{AppState, store_error};

/// The kind of the resource that says that an artifact was deleted.
pub(super) const DELETED: &str = "session_artifact_deleted";
/// How many entries are read at once.
const ENTRY_BATCH_COUNT: usize = 256;
/// The label and the tool whose writes count.
const WRITER: (&str, &str) = ("files", "write_file");
/// The folder of the workspace whose files are artifacts.
const FOLDER: &str = "artifacts";
/// Where a workspace is, as clients see it.
const WORKSPACE: &str = "/workspace";

/// A file that a turn left.
pub(super) struct Left {
    /// The entry that says so.
    seq: Seq,
    path: String,
    pub(super) content: String,
}

/// The arguments of a write.
#[derive(Deserialize)]
struct Written {
    path: String,
    content: String,
}

impl Left {
    pub(super) fn id(&self) -> String {
        format!("art_{:x}", self.seq)
    }

    pub(super) fn show(&self, turn: &TurnRow) -> SessionArtifact {
        SessionArtifact {
            id: self.id(),
            created_at: seconds(turn.completed_at_ms.unwrap_or(turn.created_at_ms)),
            environment_id: environment_id(&turn.session),
            path: format!("{WORKSPACE}/{}", self.path),
            session_id: turn.session.to_string(),
            size_bytes: self.content.len() as u64,
            turn_id: turn.id.to_string(),
        }
    }
}

/// What stands for the workspace of a session where the API wants an environment.
pub(super) fn environment_id(session: &SessionId) -> String {
    format!("env_{session}")
}

/// The artifact of this id, with the turn that left it.
pub(super) async fn find_left(
    state: &AppState,
    caller: &Principal,
    session: &SessionRow,
    id: &str,
) -> Result<(TurnRow, Left), ApiError> {
    let missing = || not_found("artifact", id);
    let seq = id.strip_prefix("art_").and_then(|hex| Seq::from_str_radix(hex, 16).ok());
    let seq = seq.ok_or_else(missing)?;
    let journal: JournalId = session.id.as_str().into();
    let range = EntryRange::following(seq.saturating_sub(1), 1);
    let entries =
        state.store().entries(&journal, range).await.map_err(|error| store_error(&error))?;
    let entry = entries.first().filter(|entry| entry.seq == seq).ok_or_else(missing)?;
    let Fact::EffectCompleted(completed) = read(entry)? else { return Err(missing()) };
    let Outcome::Tool { item, .. } = completed.outcome else { return Err(missing()) };
    let turn = turn_of(state, &session.id, &item.turn).await?.ok_or_else(missing)?;
    let mut budget = usize::MAX;
    let left = left_by(state, &turn, &mut budget).await?;
    let left = left.into_iter().find(|left| left.seq == seq).ok_or_else(missing)?;
    if is_deleted(state, caller, &session.id, &left.id()).await? {
        return Err(missing());
    }
    Ok((turn, left))
}

/// The name of an artifact among all of a tenant's.
pub(super) fn deleted_id(session: &SessionId, artifact: &str) -> String {
    format!("{session}.{artifact}")
}

pub(super) async fn is_deleted(
    state: &AppState,
    caller: &Principal,
    session: &SessionId,
    artifact: &str,
) -> Result<bool, ApiError> {
    let id = deleted_id(session, artifact);
    let row: Option<ResourceRow> =
        state.engine().control().resource(&caller.tenant, DELETED, &id).await?;
    Ok(row.is_some())
}

/// What a turn left, in the order of the journal; `budget` is how many entries may still be read.
pub(super) async fn left_by(
    state: &AppState,
    turn: &TurnRow,
    budget: &mut usize,
) -> Result<Vec<Left>, ApiError> {
    let (TurnStatus::Completed, Some(last_seq)) = (turn.status, turn.last_seq) else {
        return Ok(Vec::new());
    };
    let journal: JournalId = turn.session.as_str().into();
    let mut writes = Writes { turn, calls: HashMap::new(), left: BTreeMap::new() };
    let mut after = turn.first_seq.saturating_sub(1);
    while after < last_seq {
        let range = EntryRange::following(after, ENTRY_BATCH_COUNT);
        let entries =
            state.store().entries(&journal, range).await.map_err(|error| store_error(&error))?;
        let Some(last) = entries.last() else { break };
        after = last.seq;
        *budget = budget.saturating_sub(entries.len());
        for entry in entries.iter().filter(|entry| entry.seq <= last_seq) {
            writes.take(entry)?;
        }
    }
    let mut left: Vec<Left> = writes.left.into_values().collect();
    left.sort_by_key(|left| left.seq);
    Ok(left)
}

/// The writes of a turn.
struct Writes<'a> {
    turn: &'a TurnRow,
    /// What the model asked to write.
    calls: HashMap<CallId, String>,
    /// What was written, by path.
    left: BTreeMap<String, Left>,
}

impl Writes<'_> {
    fn take(&mut self, entry: &Entry) -> Result<(), ApiError> {
        let Fact::EffectCompleted(completed) = read(entry)? else { return Ok(()) };
        match completed.outcome {
            Outcome::Model { items, .. } => {
                for item in items.into_iter().filter(|item| item.turn == self.turn.id) {
                    if let ItemBody::ToolCall { call_id, name, arguments, source } = item.body
                        && (source.as_deref(), name.as_str()) == (Some(WRITER.0), WRITER.1)
                    {
                        self.calls.insert(call_id, arguments);
                    }
                }
            }
            Outcome::Tool { item, .. } => {
                if let ItemBody::ToolOutput { call_id, is_error: false, .. } = &item.body
                    && let Some(arguments) = self.calls.remove(call_id)
                {
                    self.written(entry.seq, &arguments);
                }
            }
            Outcome::Tools { .. } | Outcome::Compacted { .. } | Outcome::Checkpoint { .. } => {}
        }
        Ok(())
    }

    fn written(&mut self, seq: Seq, arguments: &str) {
        let Ok(written) = serde_json::from_str::<Written>(arguments) else { return };
        if let Some(path) = artifact_path(&written.path) {
            let left = Left { seq, path: path.clone(), content: written.content };
            self.left.insert(path, left);
        }
    }
}

/// The path within the workspace, if it is an artifact's. The tool has refused what leads out of it.
fn artifact_path(path: &str) -> Option<String> {
    let names: Vec<_> = Path::new(path)
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_string_lossy()),
            Component::CurDir
            | Component::ParentDir
            | Component::RootDir
            | Component::Prefix(_) => None,
        })
        .collect();
    (names.len() > 1 && names[0] == FOLDER).then(|| names.join("/"))
}
