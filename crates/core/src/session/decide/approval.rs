//! A person answered a question.
//!
//! Invariant: a question is answered once; the answer must be one that the question allows.

use mainstay_protocol::{ApprovalId, EffectId, ErrorCode};

use super::call::begin;
use super::draft::Draft;
use super::question;
use crate::fact::{Answer, ApprovalResolved, Fact};
use crate::port::ToolOutput;
use crate::question::ReplyAction;
use crate::session::command::{ApprovalAnswer, Rejected};
use crate::session::open_effect::EffectPhase;

pub(super) fn resolve(
    draft: &mut Draft<'_>,
    approval: &ApprovalId,
    answer: ApprovalAnswer,
) -> Result<(), Rejected> {
    let now_ms = draft.facts.now_ms;
    let asked = draft.state.effects.iter().find_map(|(id, open)| {
        let (asked, expires_at_ms, is_unknown) = open.phase.question()?;
        // One that lapses now is closed by the next tick.
        let is_it = asked == approval && expires_at_ms > now_ms;
        is_it.then(|| (id.clone(), open.attempt, is_unknown, open.asked().is_some()))
    });
    let Some((effect, attempt, is_unknown, is_question)) = asked else {
        let message = format!("no question {approval} waits for an answer");
        return Err(Rejected::new(ErrorCode::CallNotWaiting, message));
    };
    if is_question {
        return question::answer(draft, approval, &effect, answer);
    }
    match (answer, is_unknown) {
        (ApprovalAnswer::Reply(ReplyAction::Accept, None), false) => {
            approve(draft, approval, &effect);
        }
        (ApprovalAnswer::Reply(ReplyAction::Decline | ReplyAction::Cancel, None), false) => {
            let output = ToolOutput::error("a person denied this call; it was not carried out");
            settle(draft, approval, &effect, Answer::Deny, output);
        }
        (ApprovalAnswer::Reply(..), _) => {
            let message = "this question asks about a call, and takes no content";
            return Err(Rejected::new(ErrorCode::InvalidParameter, message));
        }
        (ApprovalAnswer::Approve, false) => approve(draft, approval, &effect),
        (ApprovalAnswer::Deny, false) => {
            let output = ToolOutput::error("a person denied this call; it was not carried out");
            settle(draft, approval, &effect, Answer::Deny, output);
        }
        (ApprovalAnswer::Done(output), true) => {
            let known =
                "a person confirmed that this call was carried out; its answer is not known";
            let output = output.unwrap_or_else(|| ToolOutput::text(known));
            settle(draft, approval, &effect, Answer::Done, output);
        }
        (ApprovalAnswer::NotDone, true) => {
            let output = ToolOutput::error("a person says that this call was not carried out");
            settle(draft, approval, &effect, Answer::NotDone, output);
        }
        (ApprovalAnswer::Retry, true) => {
            record(draft, approval, &effect, Answer::Retry, None);
            draft.attempt(&effect, attempt + 1);
        }
        (ApprovalAnswer::Approve | ApprovalAnswer::Deny, true) => {
            let message =
                "this question asks what became of a call: answer done, not_done or retry";
            return Err(Rejected::new(ErrorCode::InvalidParameter, message));
        }
        (ApprovalAnswer::Done(_) | ApprovalAnswer::NotDone | ApprovalAnswer::Retry, false) => {
            let message = "this question asks whether to make a call: answer approve or deny";
            return Err(Rejected::new(ErrorCode::InvalidParameter, message));
        }
    }
    Ok(())
}

fn approve(draft: &mut Draft<'_>, approval: &ApprovalId, effect: &EffectId) {
    record(draft, approval, effect, Answer::Approve, None);
    let awaits_client =
        draft.state.effects.get(effect).is_some_and(|open| open.phase == EffectPhase::AwaitsClient);
    if !awaits_client {
        begin(draft, effect);
    }
}

/// Nobody answered in time.
pub(super) fn lapse(
    draft: &mut Draft<'_>,
    approval: &ApprovalId,
    effect: &EffectId,
    is_unknown: bool,
) {
    if draft.state.effects.get(effect).is_some_and(|open| open.asked().is_some()) {
        return question::lapse(draft, approval, effect);
    }
    let text = if is_unknown {
        "the outcome of this call is unknown, and nobody said what became of it in time"
    } else {
        "nobody approved this call in time; it was not carried out"
    };
    settle(draft, approval, effect, Answer::Lapsed, ToolOutput::error(text));
}

fn settle(
    draft: &mut Draft<'_>,
    approval: &ApprovalId,
    effect: &EffectId,
    answer: Answer,
    output: ToolOutput,
) {
    let item = draft.output_item(effect, output);
    record(draft, approval, effect, answer, item);
}

fn record(
    draft: &mut Draft<'_>,
    approval: &ApprovalId,
    effect: &EffectId,
    answer: Answer,
    item: Option<crate::item::Item>,
) {
    let (approval, effect) = (approval.clone(), effect.clone());
    let resolved = ApprovalResolved { approval, effect, answer, item, reply: None, next: None };
    draft.record(Fact::ApprovalResolved(resolved));
}
