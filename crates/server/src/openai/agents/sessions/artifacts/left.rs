//! What a turn left under `artifacts/`: what it wrote, as its entries say, and what it changed in its
//! machine, as its checkpoint says.
//!
//! Invariant: a turn's artifacts never change: they are what was saved when it ended, whatever becomes of
//! the machine.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path};
use std::sync::Arc;

use bytes::Bytes;
use mainstay_core::effect::Outcome;
use mainstay_core::fact::{EffectCompleted, Fact, SandboxOperated, SandboxOperation};
use mainstay_core::item::ItemBody;
use mainstay_core::port::{Checkpoint, SandboxError, Saved, SavedFile};
use mainstay_core::resource::ResourceRow;
use mainstay_core::session::{SESSIONS, SessionRow, TurnRow, TurnStatus};
use mainstay_protocol::{
    ApiError, CallId, Entry, ErrorCode, JournalId, Principal, RowKey, Seq, SessionId,
};
use mainstay_runtime::ARTIFACTS_FOLDER;
use mainstay_store::{Direction, EntryRange};
use serde::Deserialize;

use crate::error::not_found;
use crate::openai::agents::page::read_row;
use crate::openai::agents::sessions::turn_of;
use crate::openai::project::{read, seconds, turn_scan};
use crate::openai::wire::SessionArtifact;
use crate::state::{AppState, store_error};

/// The kind of the resource that says that an artifact was deleted.
pub(super) const DELETED: &str = "session_artifact_deleted";
/// How many entries are read at once.
const ENTRY_BATCH_COUNT: usize = 256;
/// How many turns are looked at at once.
const TURN_BATCH_COUNT: usize = 32;
/// The label and the tool whose writes count.
const WRITER: (&str, &str) = ("files", "write_file");
/// Where a workspace is, as clients see it.
const WORKSPACE: &str = "/workspace";

/// The most that is read of one file of a machine.
const MAX_CONTENT_BYTES: u64 = 64 * 1024 * 1024;

/// A file that a turn left.
pub(super) struct Left {
    /// The entry that says so.
    seq: Seq,
    /// Its place among those of the entry; none where an entry says one file.
    index: Option<usize>,
    /// Within the workspace.
    path: String,
    size_bytes: u64,
    content: LeftContent,
}

/// Where a file's bytes are.
enum LeftContent {
    /// In the entry.
    Written(String),
    /// In what was saved of the machine.
    Saved(Arc<Checkpoint>),
}

/// The arguments of a write.
#[derive(Deserialize)]
struct Written {
    path: String,
    content: String,
}

impl Left {
    pub(super) fn id(&self) -> String {
        match self.index {
            None => format!("art_{:x}", self.seq),
            Some(index) => format!("art_{:x}_{index:x}", self.seq),
        }
    }

    /// Its bytes.
    pub(super) async fn content(
        self,
        state: &AppState,
        session: &SessionId,
    ) -> Result<Bytes, ApiError> {
        let checkpoint = match self.content {
            LeftContent::Written(text) => return Ok(Bytes::from(text)),
            LeftContent::Saved(checkpoint) => checkpoint,
        };
        if self.size_bytes > MAX_CONTENT_BYTES {
            let message = format!(
                "the artifact has {} bytes, more than the {MAX_CONTENT_BYTES} that are read at once",
                self.size_bytes
            );
            return Err(ApiError::new(ErrorCode::LimitReached, message));
        }
        let path = format!("{WORKSPACE}/{}", self.path);
        let sandboxes = state.engine().sandboxes();
        let read = sandboxes.read_saved_file(session, &checkpoint, &path, MAX_CONTENT_BYTES).await;
        let bytes = read.map_err(|error| unreadable(&error))?;
        bytes.ok_or_else(|| {
            ApiError::new(ErrorCode::JournalCorrupt, format!("the artifact {path} is not there"))
        })
    }

    pub(super) fn show(&self, turn: &TurnRow) -> SessionArtifact {
        SessionArtifact {
            id: self.id(),
            created_at: seconds(turn.completed_at_ms.unwrap_or(turn.created_at_ms)),
            environment_id: environment_id(&turn.session),
            path: format!("{WORKSPACE}/{}", self.path),
            session_id: turn.session.to_string(),
            size_bytes: self.size_bytes,
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
    let (seq, _) = place_of(id).ok_or_else(missing)?;
    let journal: JournalId = session.id.as_str().into();
    let range = EntryRange::following(seq.saturating_sub(1), 1);
    let entries =
        state.store().entries(&journal, range).await.map_err(|error| store_error(&error))?;
    let entry = entries.first().filter(|entry| entry.seq == seq).ok_or_else(missing)?;
    let Fact::EffectCompleted(completed) = read(entry)? else { return Err(missing()) };
    let turn = match completed.outcome {
        Outcome::Tool { item, .. } => turn_of(state, &session.id, &item.turn).await?,
        Outcome::Checkpoint { .. } => turn_around(state, &session.id, seq).await?,
        Outcome::Model { .. } | Outcome::Tools { .. } | Outcome::Compacted { .. } => None,
    };
    let turn = turn.ok_or_else(missing)?;
    let mut budget = usize::MAX;
    let left = left_by(state, &turn, &mut budget).await?;
    let left = left.into_iter().find(|left| left.id() == id).ok_or_else(missing)?;
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
    let mut writes =
        Writes { turn, calls: HashMap::new(), left: BTreeMap::new(), checkpoint: None };
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
    let Writes { mut left, checkpoint, .. } = writes;
    if let Some((seq, checkpoint)) = checkpoint {
        let before = checkpoint_before(state, turn, budget).await?;
        match changed(state, turn, seq, &checkpoint, before.as_deref()).await {
            Ok(changed) => left.extend(changed.into_iter().map(|one| (one.path.clone(), one))),
            // Of a checkpoint that is kept no longer what artifacts need is there: there are none.
            Err(_) if is_collected(state, &turn.session, seq).await? => {}
            Err(error) => return Err(error),
        }
    }
    let mut left: Vec<Left> = left.into_values().collect();
    left.sort_by_key(|left| (left.seq, left.index));
    Ok(left)
}

/// The entry and the place in it that an artifact's id names.
fn place_of(id: &str) -> Option<(Seq, Option<usize>)> {
    let rest = id.strip_prefix("art_")?;
    let (seq, index) = match rest.split_once('_') {
        Some((seq, index)) => (seq, Some(usize::from_str_radix(index, 16).ok()?)),
        None => (rest, None),
    };
    Some((Seq::from_str_radix(seq, 16).ok()?, index))
}

/// The files that a checkpoint has and the one before had not, or not so.
async fn changed(
    state: &AppState,
    turn: &TurnRow,
    seq: Seq,
    checkpoint: &Arc<Checkpoint>,
    before: Option<&Checkpoint>,
) -> Result<Vec<Left>, ApiError> {
    let sandboxes = state.engine().sandboxes();
    let read = async |checkpoint: &Checkpoint| {
        let files = sandboxes.saved_files(&turn.session, checkpoint, ARTIFACTS_FOLDER).await;
        files.map_err(|error| unreadable(&error))
    };
    let now = read(checkpoint).await?;
    let was = match before {
        Some(before) => read(before).await?,
        None => Arc::from([]),
    };
    let was: HashMap<&str, &str> =
        was.iter().map(|file| (file.path.as_str(), file.digest.as_str())).collect();
    let is_new = |file: &&SavedFile| was.get(file.path.as_str()) != Some(&file.digest.as_str());
    let left = now.iter().filter(is_new).enumerate().map(|(index, file)| Left {
        seq,
        index: Some(index),
        path: file.path.trim_start_matches(WORKSPACE).trim_start_matches('/').to_owned(),
        size_bytes: file.size_bytes,
        content: LeftContent::Saved(Arc::clone(checkpoint)),
    });
    Ok(left.collect())
}

/// Whether the checkpoint that an entry brought is kept no longer.
async fn is_collected(state: &AppState, session: &SessionId, seq: Seq) -> Result<bool, ApiError> {
    let key = RowKey::new(&SESSIONS, &[session.as_str()]);
    let row = state.store().row(&key).await.map_err(|error| store_error(&error))?;
    let row: Option<SessionRow> = row.as_ref().map(read_row).transpose()?;
    let workspace = row.and_then(|row| row.workspace);
    Ok(workspace.is_some_and(|workspace| seq < workspace.collected_before))
}

/// What was saved last before a turn began.
async fn checkpoint_before(
    state: &AppState,
    turn: &TurnRow,
    budget: &mut usize,
) -> Result<Option<Arc<Checkpoint>>, ApiError> {
    let journal: JournalId = turn.session.as_str().into();
    let mut after = turn.first_seq;
    loop {
        let range =
            EntryRange { after, direction: Direction::Descending, limit_count: ENTRY_BATCH_COUNT };
        let entries =
            state.store().entries(&journal, range).await.map_err(|error| store_error(&error))?;
        *budget = budget.saturating_sub(entries.len());
        for entry in &entries {
            match read(entry)? {
                Fact::EffectCompleted(EffectCompleted {
                    outcome: Outcome::Checkpoint { saved: Saved { checkpoint: Some(found), .. } },
                    ..
                })
                | Fact::SandboxOperated(SandboxOperated {
                    operation: SandboxOperation::Restored { checkpoint: found, .. },
                }) => return Ok(Some(Arc::new(found))),
                _ => {}
            }
        }
        match entries.last() {
            Some(last) => after = last.seq,
            None => return Ok(None),
        }
    }
}

/// The turn that an entry lies in.
async fn turn_around(
    state: &AppState,
    session: &SessionId,
    seq: Seq,
) -> Result<Option<TurnRow>, ApiError> {
    let mut scan = turn_scan(session, Direction::Descending, TURN_BATCH_COUNT);
    loop {
        let page = state.store().rows(scan.clone()).await.map_err(|error| store_error(&error))?;
        for row in &page.rows {
            let turn: TurnRow = read_row(row)?;
            let is_around =
                turn.last_seq.is_some_and(|last| (turn.first_seq..=last).contains(&seq));
            if is_around {
                return Ok(Some(turn));
            }
        }
        if !page.has_more {
            return Ok(None);
        }
        scan.after = page.rows.last().map(|row| row.key.clone());
    }
}

fn unreadable(error: &SandboxError) -> ApiError {
    ApiError::new(ErrorCode::ToolUnavailable, format!("what was saved cannot be read: {error}"))
}

/// The writes of a turn.
struct Writes<'a> {
    turn: &'a TurnRow,
    /// What the model asked to write.
    calls: HashMap<CallId, String>,
    /// What was written, by path.
    left: BTreeMap<String, Left>,
    /// What was saved last, and by which entry.
    checkpoint: Option<(Seq, Arc<Checkpoint>)>,
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
            Outcome::Checkpoint { saved } => {
                if let Some(checkpoint) = saved.checkpoint {
                    self.checkpoint = Some((entry.seq, Arc::new(checkpoint)));
                }
            }
            Outcome::Tools { .. } | Outcome::Compacted { .. } => {}
        }
        Ok(())
    }

    fn written(&mut self, seq: Seq, arguments: &str) {
        let Ok(written) = serde_json::from_str::<Written>(arguments) else { return };
        if let Some(path) = artifact_path(&written.path) {
            let left = Left {
                seq,
                index: None,
                path: path.clone(),
                size_bytes: written.content.len() as u64,
                content: LeftContent::Written(written.content),
            };
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
    (names.len() > 1 && names[0] == ARTIFACTS_FOLDER).then(|| names.join("/"))
}
