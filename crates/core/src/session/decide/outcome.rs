//! The world answered an effect: the ledger's rules.
//!
//! Invariant: an answer to an effect or attempt that is not open changes nothing, so that late and
//! repeated answers are harmless.

use mainstay_protocol::EffectId;

use super::draft::Draft;
use super::{checkpoint, model, tool, unknown};
use crate::effect::{EffectAnswer, EffectFailure, EffectRequest, Outcome};
use crate::fact::{EffectCompleted, EffectParked, Fact};
use crate::retry::backoff_ms;
use crate::session::open_effect::EffectPhase;

pub(super) fn answer(draft: &mut Draft<'_>, id: &EffectId, attempt: u32, answer: EffectAnswer) {
    let Some(open) = draft.state.effects.get(id).filter(|open| open.attempt == attempt) else {
        return;
    };
    let open = open.clone();
    match (answer, &open.phase, &open.request) {
        (EffectAnswer::Model(result), EffectPhase::Running, EffectRequest::Model { .. }) => {
            match result {
                Ok(reply) => model::replied(draft, id, &open, reply),
                Err(error) => model::failed(draft, id, &open, &error),
            }
        }
        (EffectAnswer::Model(result), EffectPhase::Running, EffectRequest::Compact { cut, .. }) => {
            match result {
                Ok(reply) => model::compacted(draft, id, &open, *cut, reply),
                Err(error) => model::failed(draft, id, &open, &error),
            }
        }
        (EffectAnswer::Tool(result), EffectPhase::Running, EffectRequest::Tool { .. }) => {
            match result {
                Ok(output) => tool::answered(draft, id, attempt, output),
                Err(error) => tool::failed(draft, id, &open, &error),
            }
        }
        (
            EffectAnswer::Reconciled(result),
            EffectPhase::Reconciling,
            EffectRequest::Tool { .. },
        ) => {
            unknown::reconciled(draft, id, &open, result);
        }
        (EffectAnswer::Tools(result), EffectPhase::Running, EffectRequest::ResolveTools) => {
            match result {
                Ok(tools) => tool::resolved(draft, id, attempt, tools),
                Err(error) => tool::resolve_failed(draft, id, &open, &error),
            }
        }
        (EffectAnswer::Checkpoint(result), EffectPhase::Running, EffectRequest::Checkpoint) => {
            match result {
                Ok(saved) => checkpoint::saved(draft, id, attempt, saved),
                Err(error) => checkpoint::failed(draft, id, &open, &error),
            }
        }
        (EffectAnswer::Parked { until_ms }, EffectPhase::Running, EffectRequest::Tool { .. }) => {
            let effect = id.clone();
            draft.record(Fact::EffectParked(EffectParked { effect, attempt, until_ms }));
        }
        // The attempt is over, or it was never such an effect.
        (
            EffectAnswer::Model(_)
            | EffectAnswer::Tool(_)
            | EffectAnswer::Reconciled(_)
            | EffectAnswer::Tools(_)
            | EffectAnswer::Checkpoint(_)
            | EffectAnswer::Parked { .. },
            _,
            _,
        ) => {}
    }
}

pub(super) fn complete(draft: &mut Draft<'_>, id: &EffectId, attempt: u32, outcome: Outcome) {
    let effect = id.clone();
    draft.record(Fact::EffectCompleted(EffectCompleted { effect, attempt, outcome }));
}

/// Records that an attempt failed and that another follows; `tries` of them set the wait.
pub(super) fn retry(
    draft: &mut Draft<'_>,
    id: &EffectId,
    attempt: u32,
    tries: u32,
    failure: EffectFailure,
    retry_after_ms: Option<u64>,
) {
    let wait_ms = backoff_ms(tries, retry_after_ms, &mut draft.mint);
    let retry_at_ms = draft.facts.now_ms + wait_ms;
    draft.failed(id, attempt, failure, Some(retry_at_ms), None);
}
