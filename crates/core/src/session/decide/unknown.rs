//! The outcome of a `once` call is not known: the tool is asked, else the agent's rule is followed.
//!
//! Invariant: no further attempt is made before the tool said that nothing happened, or a person or
//! the agent's rule said to try again.

use mainstay_protocol::{ApprovalId, EffectId, ErrorCode};

use super::call::APPROVAL_TTL_MS;
use super::draft::Draft;
use super::outcome::retry;
use super::tool;
use crate::effect::{EffectFailure, UnknownNext};
use crate::fact::{EffectUnknown, Fact};
use crate::port::{Reconciliation, ToolError, ToolOutput, WorldChange};
use crate::retry::RECONCILE_MAX_ATTEMPTS;
use crate::session::open_effect::OpenEffect;
use crate::tool::UnknownRule;

/// An attempt of a `once` call has no outcome.
pub(super) fn outcome_unknown(draft: &mut Draft<'_>, id: &EffectId, reason: &str) {
    let Some(open) = draft.state.effects.get(id) else { return };
    let attempt = open.attempt;
    let can_reconcile = open.call.as_ref().is_some_and(|call| call.spec.reconcile);
    if can_reconcile && open.reconcile_count == 0 {
        return ask_tool(draft, id, reason);
    }
    let has_attempts = attempt < open.max_attempts();
    match draft.state.config().agent.unknown_outcome {
        UnknownRule::Ask => {
            let approval = ApprovalId::mint(&mut draft.mint);
            let expires_at_ms = draft.facts.now_ms + APPROVAL_TTL_MS;
            unknown(draft, id, attempt, reason, UnknownNext::Ask { approval, expires_at_ms });
        }
        UnknownRule::Retry if has_attempts => {
            unknown(draft, id, attempt, reason, UnknownNext::Retry);
            draft.attempt(id, attempt + 1);
        }
        UnknownRule::Report | UnknownRule::Retry => {
            let text =
                format!("the outcome of this call is unknown: {reason}; it may have taken effect");
            report(draft, id, reason, &text);
        }
    }
}

/// The tool is asked what became of the call.
pub(super) fn ask_tool(draft: &mut Draft<'_>, id: &EffectId, reason: &str) {
    let attempt = draft.state.effects.get(id).map_or(1, |open| open.attempt);
    unknown(draft, id, attempt, reason, UnknownNext::Reconcile);
    draft.dispatch_reconcile(id);
}

/// Closes an effect whose outcome stays unknown, and tells the model so.
pub(super) fn report(draft: &mut Draft<'_>, id: &EffectId, reason: &str, text: &str) {
    let Some(item) = draft.output_item(id, ToolOutput::error(text)) else { return };
    let attempt = draft.state.effects.get(id).map_or(1, |open| open.attempt);
    unknown(draft, id, attempt, reason, UnknownNext::Report { item: Box::new(item) });
}

fn unknown(draft: &mut Draft<'_>, id: &EffectId, attempt: u32, reason: &str, next: UnknownNext) {
    let (effect, reason) = (id.clone(), reason.to_owned());
    draft.record(Fact::EffectUnknown(EffectUnknown { effect, attempt, reason, next }));
}

/// The tool said what it knows of the call.
pub(super) fn reconciled(
    draft: &mut Draft<'_>,
    id: &EffectId,
    open: &OpenEffect,
    result: Result<Reconciliation, ToolError>,
) {
    let attempt = open.attempt;
    match result {
        Ok(Reconciliation::Done(output)) => tool::answered(draft, id, attempt, output),
        Ok(Reconciliation::NotDone) if attempt < open.max_attempts() => {
            draft.attempt(id, attempt + 1);
        }
        Ok(Reconciliation::NotDone) => {
            let failure = EffectFailure {
                code: ErrorCode::ToolUnavailable,
                message: "the tool says that the call was not done".to_owned(),
                world: WorldChange::No,
            };
            let text = "the call was not carried out, and its attempts are exhausted";
            let item = draft.output_item(id, ToolOutput::error(text));
            draft.failed(id, attempt, failure, None, item);
        }
        Ok(Reconciliation::Unknown) => {
            outcome_unknown(draft, id, "the tool cannot tell what became of the call");
        }
        Err(error) if error.retryable && open.reconcile_count < RECONCILE_MAX_ATTEMPTS => {
            let failure = EffectFailure {
                code: ErrorCode::ToolUnavailable,
                message: error.message,
                world: WorldChange::Maybe,
            };
            retry(draft, id, attempt, open.reconcile_count, failure, error.retry_after_ms);
        }
        Err(error) => {
            let message = error.message;
            let reason = format!("the tool could not be asked what became of the call: {message}");
            outcome_unknown(draft, id, &reason);
        }
    }
}
