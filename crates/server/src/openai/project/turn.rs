//! Turns as clients read them.

use mainstay_core::session::{TurnRow, TurnStatus};

use super::seconds;
use crate::openai::wire::{self, PromptCacheOptions, Turn, TurnError};

/// A turn from its row.
pub(crate) fn show_turn(row: &TurnRow, prompt_cache_options: Option<PromptCacheOptions>) -> Turn {
    let has_ended = row.completed_at_ms.is_some();
    Turn {
        id: row.id.to_string(),
        session_id: row.session.to_string(),
        agent_id: row.agent.to_string(),
        subagent_id: None,
        status: show_status(row.status),
        created_at: seconds(row.created_at_ms),
        started_at: row.started_at_ms.map(seconds),
        completed_at: row.completed_at_ms.map(seconds),
        error: row.error.as_ref().map(|(code, message)| TurnError::new(*code, message.clone())),
        usage: has_ended.then(|| row.usage.into()),
        prompt_cache_options,
    }
}

pub(super) fn show_status(status: TurnStatus) -> wire::TurnStatus {
    match status {
        TurnStatus::Queued => wire::TurnStatus::Queued,
        TurnStatus::InProgress => wire::TurnStatus::InProgress,
        TurnStatus::Waiting => wire::TurnStatus::Waiting,
        TurnStatus::Completed => wire::TurnStatus::Completed,
        TurnStatus::Failed => wire::TurnStatus::Failed,
        TurnStatus::Cancelled => wire::TurnStatus::Cancelled,
    }
}
