//! What of a session's checkpoints is needed, read from its journal and its blobs.
//!
//! Invariant: bytes of files are not read, only what names them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mainstay_core::effect::Outcome;
use mainstay_core::fact::{Fact, SandboxOperation};
use mainstay_core::port::{Checkpoint, NamedBlobs};
use mainstay_core::session::{TURNS, TurnRow, TurnStatus};
use mainstay_protocol::{ApiError, Entry, JournalId, Seq, SessionId};
use mainstay_store::{Direction, EntryRange, RowScan};

use super::plan::{Batch, Point, batches};
use crate::engine::{Engine, api_error};
use crate::sandbox::sandbox_error;

/// The folder of a workspace whose files are artifacts.
pub const ARTIFACTS_FOLDER: &str = "artifacts";
/// How many turns are read at once.
const TURN_PAGE_COUNT: usize = 64;

/// What a journal says of checkpoints from an entry on.
pub(super) struct Saved {
    /// Those that are kept, oldest first.
    pub(super) points: Vec<Point>,
    /// What the workspace was at which entry: what was saved, and what it was set back to.
    marks: Vec<(Seq, Checkpoint)>,
    /// The last entry.
    pub(super) head: Seq,
}

impl Engine {
    /// What the journal says of checkpoints from an entry on.
    pub(super) async fn saved_since(
        &self,
        session: &SessionId,
        first: Seq,
    ) -> Result<Saved, ApiError> {
        let mut saved = Saved { points: Vec::new(), marks: Vec::new(), head: 0 };
        saved.marks.extend(self.mark_before(session, first).await?);
        let mut after = first.saturating_sub(1);
        loop {
            let page = self.page(session, after, Direction::Ascending).await?;
            let Some(last) = page.last() else { return Ok(saved) };
            (after, saved.head) = (last.seq, last.seq);
            for entry in &page {
                let Some((checkpoint, is_new)) = mark(entry) else { continue };
                saved.marks.push((entry.seq, checkpoint.clone()));
                if is_new {
                    saved.points.push(Point { seq: entry.seq, at_ms: entry.at, checkpoint });
                }
            }
        }
    }

    /// What the workspace was before an entry.
    async fn mark_before(
        &self,
        session: &SessionId,
        first: Seq,
    ) -> Result<Option<(Seq, Checkpoint)>, ApiError> {
        let mut after = first;
        while after > 1 {
            let page = self.page(session, after, Direction::Descending).await?;
            let found = page.iter().find_map(|entry| Some((entry.seq, mark(entry)?.0)));
            if found.is_some() {
                return Ok(found);
            }
            after = page.last().map_or(0, |last| last.seq);
        }
        Ok(None)
    }
}

/// The checkpoint that an entry names, and whether it brought it.
fn mark(entry: &Entry) -> Option<(Checkpoint, bool)> {
    if !matches!(entry.kind.as_ref(), "effect.completed" | "sandbox.operated") {
        return None;
    }
    match Fact::read(entry).ok()? {
        Fact::EffectCompleted(fact) => match fact.outcome {
            Outcome::Checkpoint { saved } => saved.checkpoint.map(|found| (found, true)),
            _ => None,
        },
        Fact::SandboxOperated(fact) => match fact.operation {
            SandboxOperation::Restored { checkpoint, .. } => Some((checkpoint, false)),
            _ => None,
        },
        _ => None,
    }
}

/// What is to stay, by the checkpoint that it is of.
pub(super) struct Stays {
    held: BTreeSet<String>,
    of: BTreeMap<usize, Vec<String>>,
}

impl Stays {
    fn keep(&mut self, index: usize, blobs: Vec<String>) {
        self.held.extend(blobs.iter().cloned());
        self.of.entry(index).or_default().extend(blobs);
    }
}

/// Reads what names what.
pub(super) struct Needs<'a> {
    engine: &'a Engine,
    session: &'a SessionId,
    /// What layers name: checkpoints share them.
    known: HashMap<String, NamedBlobs>,
}

impl<'a> Needs<'a> {
    pub(super) fn new(engine: &'a Engine, session: &'a SessionId) -> Self {
        Self { engine, session, known: HashMap::new() }
    }

    /// The blobs of a checkpoint: those that name others, and those that hold bytes.
    async fn names(&mut self, root: &str) -> Result<NamedBlobs, ApiError> {
        let mut waiting = vec![root.to_owned()];
        let (mut inner, mut leaves) = (BTreeSet::new(), BTreeSet::new());
        while let Some(hash) = waiting.pop() {
            if !inner.insert(hash.clone()) {
                continue;
            }
            let named = match self.known.get(&hash) {
                Some(named) => named.clone(),
                None => self.read(&hash).await?,
            };
            waiting.extend(named.inner.iter().cloned());
            leaves.extend(named.leaves.iter().cloned());
            // A root is met once.
            if hash != root {
                self.known.insert(hash, named);
            }
        }
        Ok(NamedBlobs { inner: inner.into_iter().collect(), leaves: leaves.into_iter().collect() })
    }

    async fn read(&self, hash: &str) -> Result<NamedBlobs, ApiError> {
        let journal: JournalId = self.session.as_str().into();
        let found = self.engine.store().blob(&journal, hash).await;
        let Some(bytes) = found.map_err(|error| api_error(&error))? else {
            tracing::warn!(session = %self.session, hash, "a checkpoint's blob is not there");
            return Ok(NamedBlobs::default());
        };
        self.engine.sandboxes().blobs_of(&bytes).map_err(|error| sandbox_error(&error))
    }

    /// What stays of the first `going` checkpoints, and what earlier ones left, by the chain of entries that
    /// say so.
    pub(super) async fn stays(
        &mut self,
        saved: &Saved,
        going: usize,
        collected_seq: Seq,
    ) -> Result<Stays, ApiError> {
        let held = self.stayed(collected_seq).await?;
        let mut stays = Stays { held, of: BTreeMap::new() };
        for (index, turn) in self.turns(&saved.points[..going]).await? {
            let checkpoint = &saved.points[index].checkpoint;
            let before = saved.marks.iter().rev().find(|(seq, _)| *seq < turn.first_seq);
            let sandboxes = self.engine.sandboxes();
            let before = before.map(|(_, before)| before);
            let needed = sandboxes
                .blobs_of_files(self.session, checkpoint, before, ARTIFACTS_FOLDER)
                .await
                .map_err(|error| sandbox_error(&error))?;
            stays.keep(index, needed);
        }
        // What the first turn that is kept left is what is different from this.
        let last = self.names(&saved.points[going - 1].checkpoint.workspace).await?;
        stays.keep(going - 1, last.inner);
        Ok(stays)
    }

    /// What earlier collections left.
    async fn stayed(&self, collected_seq: Seq) -> Result<BTreeSet<String>, ApiError> {
        let journal: JournalId = self.session.as_str().into();
        let (mut held, mut next) = (BTreeSet::new(), collected_seq);
        while next > 0 {
            let range = EntryRange::following(next - 1, 1);
            let found = self.engine.store().entries(&journal, range).await;
            let found = found.map_err(|error| api_error(&error))?;
            let fact = found.first().and_then(|entry| Fact::read(entry).ok());
            next = match fact {
                Some(Fact::SandboxOperated(fact)) => match fact.operation {
                    SandboxOperation::Collected { stays, previous, .. } => {
                        held.extend(stays);
                        // It goes back, so it ends.
                        previous.min(next - 1)
                    }
                    _ => 0,
                },
                _ => 0,
            };
        }
        Ok(held)
    }

    /// Which of the checkpoints are the last of a completed turn, and of which.
    async fn turns(&self, points: &[Point]) -> Result<Vec<(usize, TurnRow)>, ApiError> {
        let mut scan = RowScan {
            spec: TURNS.name.into(),
            index: Vec::new(),
            prefix: vec![self.session.as_str().into()],
            after: None,
            direction: Direction::Descending,
            limit_count: TURN_PAGE_COUNT,
        };
        let oldest = points.first().map_or(0, |point| point.seq);
        let mut found = Vec::new();
        loop {
            let page = self.engine.store().rows(scan.clone()).await;
            let page = page.map_err(|error| api_error(&error))?;
            for row in &page.rows {
                let Ok(turn) = row.read::<TurnRow>() else { continue };
                let (TurnStatus::Completed, Some(last_seq)) = (turn.status, turn.last_seq) else {
                    continue;
                };
                if last_seq < oldest {
                    return Ok(found);
                }
                let of_turn = |point: &Point| (turn.first_seq..=last_seq).contains(&point.seq);
                if let Some(index) = points.iter().rposition(of_turn) {
                    found.push((index, turn));
                }
            }
            if !page.has_more {
                return Ok(found);
            }
            scan.after = page.rows.last().map(|row| row.key.clone());
        }
    }

    /// What goes with the first `going` checkpoints, commit by commit.
    pub(super) async fn batches(
        &mut self,
        points: &[Point],
        going: usize,
        stays: Stays,
    ) -> Result<Vec<Batch>, ApiError> {
        let mut last = BTreeMap::new();
        for (index, point) in points.iter().enumerate() {
            let named = self.names(&point.checkpoint.workspace).await?;
            last.extend(named.inner.into_iter().chain(named.leaves).map(|blob| (blob, index)));
        }
        Ok(batches(points, going, last, &stays.held, stays.of))
    }
}
