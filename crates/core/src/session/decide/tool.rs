//! A tool answered, or did not; and what tools there are.

use mainstay_protocol::{EffectId, ErrorCode};

use super::draft::Draft;
use super::outcome::{complete, retry};
use super::question;
use super::unknown::outcome_unknown;
use crate::effect::{EffectFailure, Outcome};
use crate::port::{ToolError, ToolOutput, WorldChange};
use crate::retry::RESOLVE_MAX_ATTEMPTS;
use crate::session::open_effect::OpenEffect;
use crate::tool::{Safety, ToolSpec};

pub(super) fn answered(draft: &mut Draft<'_>, id: &EffectId, attempt: u32, output: ToolOutput) {
    let (exec, subagent) = (output.exec.clone(), output.subagent.clone());
    let asked_seq = draft.state.effects.get(id).map_or(0, |open| open.seq);
    let seen = output.machine.as_ref();
    let machine = seen.and_then(|seen| draft.state.workspace.news(seen, asked_seq));
    if let Some(item) = draft.output_item(id, output) {
        complete(draft, id, attempt, Outcome::Tool { item, exec, subagent, machine });
    }
}

pub(super) fn failed(draft: &mut Draft<'_>, id: &EffectId, open: &OpenEffect, error: &ToolError) {
    if let Some(needs) = &error.needs {
        return question::ask(draft, id, open, &needs.inquiry);
    }
    if open.safety == Safety::Once && error.world == WorldChange::Maybe {
        return outcome_unknown(draft, id, &error.message);
    }
    let (code, message) = (ErrorCode::ToolUnavailable, error.message.clone());
    let attempt = open.attempt;
    if error.retryable && attempt < open.max_attempts() {
        let failure = EffectFailure { code, message, world: error.world };
        return retry(draft, id, attempt, attempt, failure, error.retry_after_ms);
    }
    // This attempt did nothing, but one before it may have.
    let is_maybe = open.safety != Safety::ReadOnly
        && (error.world == WorldChange::Maybe || open.world == WorldChange::Maybe);
    let (world, note) = if is_maybe {
        (WorldChange::Maybe, "; the call may have taken effect")
    } else {
        (WorldChange::No, "")
    };
    let text = format!("the tool failed: {message}{note}");
    let item = draft.output_item(id, ToolOutput::error(text));
    draft.failed(id, attempt, EffectFailure { code, message, world }, None, item);
}

pub(super) fn resolved(draft: &mut Draft<'_>, id: &EffectId, attempt: u32, tools: Vec<ToolSpec>) {
    complete(draft, id, attempt, Outcome::Tools { tools: tools.into() });
}

pub(super) fn resolve_failed(
    draft: &mut Draft<'_>,
    id: &EffectId,
    open: &OpenEffect,
    error: &ToolError,
) {
    if let Some(needs) = &error.needs {
        return question::ask(draft, id, open, &needs.inquiry);
    }
    let (code, message) = (ErrorCode::ToolUnavailable, error.message.clone());
    let failure = EffectFailure { code, message, world: WorldChange::No };
    let attempt = open.attempt;
    if error.retryable && attempt < RESOLVE_MAX_ATTEMPTS + open.rounds_count() {
        return retry(draft, id, attempt, attempt, failure, error.retry_after_ms);
    }
    draft.failed(id, attempt, failure, None, None);
}
