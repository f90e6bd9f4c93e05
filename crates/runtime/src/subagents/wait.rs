//! Waiting for subagents.
//!
//! Invariant: a wait holds nothing: it looks, and is asked again when one that it names has come to
//! rest, or when its time is over.

use std::sync::Arc;

use mainstay_core::session::{MAX_TOOL_OUTPUT_BYTES, clip};
use mainstay_core::subagent::{
    MAX_WAIT_SECONDS, SubagentEnd, SubagentRow, SubagentWork, SubagentWorkState, WaitFor,
};
use serde_json::{Value, json};

use super::call::{Refused, Told, output, own, unknown};
use crate::engine::Inner;

/// What of a tool's output is for answers; the rest is for what stands around them.
const ANSWERS_BYTES: usize = MAX_TOOL_OUTPUT_BYTES / 4 * 3;

pub(super) async fn wait(
    inner: &Arc<Inner>,
    work: &SubagentWork,
    subagents: &[String],
    wait_for: WaitFor,
    timeout_seconds: u64,
) -> Result<Told, Refused> {
    let mut found = Vec::with_capacity(subagents.len());
    for id in subagents {
        found.push((id, own(inner, work, id).await?));
    }
    if let (Some(first), true) = (subagents.first(), found.iter().all(|(_, row)| row.is_none())) {
        return Err(Refused::Told(unknown(inner, work, first).await?));
    }
    let mut rests = found.iter().map(|(_, row)| row.as_ref().is_none_or(|row| !row.is_busy()));
    let is_over = match wait_for {
        WaitFor::All => rests.all(|rests| rests),
        WaitFor::Any => rests.any(|rests| rests),
    };
    let now_ms = inner.parts.clock.now_ms();
    let wait_ms = timeout_seconds.min(MAX_WAIT_SECONDS) * 1_000;
    let until_ms = work.until_ms.unwrap_or_else(|| now_ms.saturating_add(wait_ms));
    if !is_over && now_ms < until_ms {
        return Ok(Told::Parked { until_ms });
    }
    let room_bytes = ANSWERS_BYTES / subagents.len().max(1);
    let shown: Vec<Value> = found
        .iter()
        .map(|(id, row)| match row {
            Some(row) => told(row, room_bytes),
            None => json!({"subagent_id": id, "status": "not_found"}),
        })
        .collect();
    Ok(Told::Output(output(&json!({"timed_out": !is_over, "subagents": shown}))))
}

/// A subagent as a model reads of it.
pub(super) fn told(row: &SubagentRow, room_bytes: usize) -> Value {
    let mut shown = json!({"subagent_id": row.id, "status": status(row)});
    if let Some(name) = &row.parent.name {
        shown["name"] = json!(name);
    }
    if let Some(SubagentEnd::Failed { message }) = &row.end {
        shown["error"] = json!(message);
    }
    if let Some(answer) = &row.answer {
        shown["answer"] = json!(clip(answer, room_bytes));
    }
    shown
}

fn status(row: &SubagentRow) -> &'static str {
    match (row.closed_at_ms, row.work, &row.end) {
        (Some(_), _, _) => "closed",
        (None, SubagentWorkState::Working, _) => "working",
        (None, SubagentWorkState::RequiresAction, _) => "waits_for_a_person",
        (None, SubagentWorkState::Resting, Some(SubagentEnd::Completed)) => "completed",
        (None, SubagentWorkState::Resting, Some(SubagentEnd::Failed { .. })) => "failed",
        (None, SubagentWorkState::Resting, Some(SubagentEnd::Interrupted)) => "interrupted",
        (None, SubagentWorkState::Resting, None) => "idle",
    }
}
