//! Checkpoints on demand, and those that a journal has.

use std::borrow::Cow;

use mainstay_core::effect::{EffectRequest, Outcome};
use mainstay_core::fact::Fact;
use mainstay_core::port::{Checkpoint, Connection};
use mainstay_core::session::Command;
use mainstay_protocol::{
    ApiError, EffectId, Entry, ErrorCode, JournalId, Principal, Seq, SessionId,
};
use mainstay_store::{Direction, EntryRange};

use crate::engine::{Engine, api_error};
use crate::feed::{Feed, FeedItem, FollowFrom};
use crate::submit::Submission;

/// How many entries are read at once.
const PAGE_LIMIT_COUNT: usize = 512;
/// How long one waits for a checkpoint; the attempts themselves end before.
const WAIT_LIMIT_MS: u64 = 240_000;

/// A checkpoint as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointSeen {
    /// The entry that brought it: a fork there begins with it.
    pub seq: Seq,
    /// When.
    pub at_ms: u64,
    /// What was saved; none when there was no machine.
    pub checkpoint: Option<Checkpoint>,
    /// Whether it can be restored still.
    pub is_kept: bool,
    /// The connections that the machine made since the one before.
    pub connections: Vec<Connection>,
}

/// Part of a journal's checkpoints.
#[derive(Debug, Clone)]
pub struct CheckpointPage {
    /// In the order asked for.
    pub checkpoints: Vec<CheckpointSeen>,
    /// Whether more follow.
    pub has_more: bool,
}

impl CheckpointSeen {
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let Ok(Fact::EffectCompleted(fact)) = Fact::read(entry) else { return None };
        let Outcome::Checkpoint { saved } = fact.outcome else { return None };
        Some(Self {
            seq: entry.seq,
            at_ms: entry.at,
            is_kept: saved.checkpoint.is_some(),
            checkpoint: saved.checkpoint,
            connections: saved.connections,
        })
    }
}

impl Engine {
    /// Saves a session's machine, and answers when that has ended.
    pub async fn checkpoint(
        &self,
        caller: &Principal,
        session: &SessionId,
    ) -> Result<CheckpointSeen, ApiError> {
        let commands = vec![Command::Checkpoint];
        let submission = Submission { caller: caller.clone(), commands, idempotency: None };
        let accepted = self.submit(session, submission).await?;
        // One that was under way already is told of before this.
        let effect = self.newest_checkpoint(session, accepted.seq).await?;
        let feed = self.follow(session, FollowFrom::After(effect.0)).await?;
        let deadline = self.clock().now_ms().saturating_add(WAIT_LIMIT_MS);
        tokio::select! {
            biased;
            ended = ended(feed, &effect.1) => ended,
            () = self.clock().sleep_until(deadline) => {
                Err(ApiError::new(ErrorCode::ToolUnavailable, "the checkpoint takes too long; it is still made"))
            }
        }
    }

    /// The newest checkpoint that was asked for up to this entry, and where.
    async fn newest_checkpoint(
        &self,
        session: &SessionId,
        seq: Seq,
    ) -> Result<(Seq, EffectId), ApiError> {
        let mut after = seq + 1;
        loop {
            let page = self.page(session, after, Direction::Descending).await?;
            let found = page.iter().find_map(|entry| match Fact::read(entry) {
                Ok(Fact::EffectRequested(fact)) if fact.request == EffectRequest::Checkpoint => {
                    Some((entry.seq, fact.effect))
                }
                _ => None,
            });
            if let Some(found) = found {
                return Ok(found);
            }
            match page.last() {
                Some(last) => after = last.seq,
                None => {
                    let message = format!("session {session} made no checkpoint");
                    return Err(ApiError::new(ErrorCode::Internal, message));
                }
            }
        }
    }

    /// The checkpoints of a session's journal, behind an entry.
    pub async fn checkpoints(
        &self,
        caller: &Principal,
        session: &SessionId,
        after: Option<Seq>,
        direction: Direction,
        limit_count: usize,
    ) -> Result<CheckpointPage, ApiError> {
        let row = self.session_of(session, caller).await?;
        let before = row.workspace.map_or(0, |workspace| workspace.collected_before);
        let start = match direction {
            Direction::Ascending => 0,
            Direction::Descending => Seq::MAX,
        };
        let mut after = after.unwrap_or(start);
        let mut checkpoints = Vec::new();
        loop {
            let page = self.page(session, after, direction).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            let found = page.iter().filter(|entry| entry.kind.as_ref() == "effect.completed");
            checkpoints.extend(found.filter_map(CheckpointSeen::of));
            if checkpoints.len() > limit_count {
                break;
            }
        }
        let has_more = checkpoints.len() > limit_count;
        checkpoints.truncate(limit_count);
        for seen in &mut checkpoints {
            seen.is_kept &= seen.seq >= before;
        }
        Ok(CheckpointPage { checkpoints, has_more })
    }

    pub(super) async fn page(
        &self,
        session: &SessionId,
        after: Seq,
        direction: Direction,
    ) -> Result<Vec<Entry>, ApiError> {
        let journal: JournalId = session.as_str().into();
        let range = EntryRange { after, direction, limit_count: PAGE_LIMIT_COUNT };
        self.store().entries(&journal, range).await.map_err(|error| api_error(&error))
    }
}

/// Waits until a checkpoint ends.
async fn ended(mut feed: Feed, effect: &EffectId) -> Result<CheckpointSeen, ApiError> {
    while let Some(item) = feed.next().await {
        let FeedItem::Entry(entry) = item? else { continue };
        match entry.fact().map(Cow::into_owned) {
            Ok(Fact::EffectCompleted(fact)) if fact.effect == *effect => {
                let seen = CheckpointSeen::of(&entry);
                return seen.ok_or_else(|| {
                    ApiError::new(ErrorCode::Internal, "a checkpoint has another's outcome")
                });
            }
            Ok(Fact::EffectFailed(fact))
                if fact.effect == *effect && fact.retry_at_ms.is_none() =>
            {
                return Err(ApiError::new(fact.failure.code, fact.failure.message));
            }
            Ok(Fact::SessionDeleted(_)) => {
                return Err(ApiError::new(ErrorCode::NotFound, "the session was deleted"));
            }
            _ => {}
        }
    }
    Err(ApiError::new(ErrorCode::ShuttingDown, "the server is stopping"))
}
