//! Questions of a tool's server: asked when an attempt ends with them, and the next attempt made when
//! the last is answered.
//!
//! Invariant: an attempt that asks is over, and its server said that it goes on only with an answer;
//! what a form gets fits its schema. Whatever the answer is, the tool is told it and decides.

use mainstay_protocol::{ApprovalId, EffectId, ErrorCode};
use serde_json::Value;

use super::call::APPROVAL_TTL_MS;
use super::draft::Draft;
use crate::effect::EffectFailure;
use crate::fact::{
    Answer, ApprovalResolved, EffectFailed, Fact, NextQuestion, QuestionAsked, TurnResumed,
};
use crate::port::{ToolOutput, WorldChange};
use crate::question::{
    Asked, Inquiry, MAX_QUESTION_BYTES, MAX_QUESTIONS, MAX_REPLY_BYTES, Question, Reply,
    ReplyAction, with_defaults,
};
use crate::session::command::{ApprovalAnswer, Rejected};
use crate::session::open_effect::OpenEffect;
use crate::session::state::TurnStatus;
use crate::tool::ToolSpec;

/// An attempt ended with questions.
pub(super) fn ask(draft: &mut Draft<'_>, id: &EffectId, open: &OpenEffect, inquiry: &Inquiry) {
    if let Err(message) = check(open, inquiry) {
        let failure =
            EffectFailure { code: ErrorCode::ToolUnavailable, message, world: WorldChange::No };
        let text = format!("the tool failed: {}", failure.message);
        let item = draft.output_item(id, ToolOutput::error(text));
        return draft.failed(id, open.attempt, failure, None, item);
    }
    let asks = QuestionAsked {
        approval: ApprovalId::mint(&mut draft.mint),
        inquiry: inquiry.clone(),
        expires_at_ms: draft.facts.now_ms + APPROVAL_TTL_MS,
    };
    let failure = EffectFailure {
        code: ErrorCode::ToolUnavailable,
        message: "the tool's server asks a person".to_owned(),
        world: WorldChange::No,
    };
    draft.record(Fact::EffectFailed(EffectFailed {
        effect: id.clone(),
        attempt: open.attempt,
        failure,
        retry_at_ms: None,
        item: None,
        asks: Some(Box::new(asks)),
    }));
}

fn check(open: &OpenEffect, inquiry: &Inquiry) -> Result<(), String> {
    if inquiry.asked.is_empty() || inquiry.asked.len() > MAX_QUESTIONS {
        return Err(format!("its server asks {} questions at once", inquiry.asked.len()));
    }
    if open.rounds_count() as usize >= MAX_QUESTIONS {
        return Err("its server asks again and again".to_owned());
    }
    let size = serde_json::to_vec(inquiry).map_or(usize::MAX, |bytes| bytes.len());
    if size > MAX_QUESTION_BYTES {
        return Err(format!("its server's questions have more than {MAX_QUESTION_BYTES} bytes"));
    }
    Ok(())
}

/// A person answered.
pub(super) fn answer(
    draft: &mut Draft<'_>,
    approval: &ApprovalId,
    effect: &EffectId,
    answer: ApprovalAnswer,
) -> Result<(), Rejected> {
    let (action, content) = match answer {
        ApprovalAnswer::Approve => (ReplyAction::Accept, None),
        ApprovalAnswer::Deny => (ReplyAction::Decline, None),
        ApprovalAnswer::Reply(action, content) => (action, content),
        ApprovalAnswer::Done(_) | ApprovalAnswer::NotDone | ApprovalAnswer::Retry => {
            let message = "this question is of a tool's server: answer accept, decline or cancel";
            return Err(Rejected::new(ErrorCode::InvalidParameter, message));
        }
    };
    let Some(open) = draft.state.effects.get(effect) else { return Ok(()) };
    let Some(asked) = open.asked() else { return Ok(()) };
    let content = checked(draft, open, asked, action, content)?;
    let reply = Reply { key: asked.key.clone(), action, content };
    let answer = match action {
        ReplyAction::Accept => Answer::Approve,
        ReplyAction::Decline | ReplyAction::Cancel => Answer::Deny,
    };
    record(draft, approval, effect, answer, reply);
    Ok(())
}

/// A person consented, and came back to say so.
pub(super) fn consented(draft: &mut Draft<'_>, effect: &EffectId) {
    let Some(open) = draft.state.effects.get(effect) else { return };
    let (Some(asked), Some((approval, ..))) = (open.asked(), open.phase.question()) else { return };
    // What follows a question of a response is a response, which its client asks for.
    let is_clients = draft.state.response.is_some();
    if is_clients || !matches!(asked.question, Question::Authorize { .. }) {
        return;
    }
    let reply = Reply { key: asked.key.clone(), action: ReplyAction::Accept, content: None };
    let approval = approval.clone();
    record(draft, &approval, effect, Answer::Approve, reply);
}

/// A form's content with its defaults; it fits the form.
fn checked(
    draft: &Draft<'_>,
    open: &OpenEffect,
    asked: &Asked,
    action: ReplyAction,
    content: Option<Value>,
) -> Result<Option<Value>, Rejected> {
    let invalid = |message: String| Rejected::new(ErrorCode::InvalidParameter, message);
    let (Question::Form { schema, .. }, ReplyAction::Accept) = (&asked.question, action) else {
        if content.is_some() {
            return Err(invalid("this answer takes no content".to_owned()));
        }
        return Ok(None);
    };
    let content = with_defaults(schema, content);
    let size = serde_json::to_vec(&content).map_or(usize::MAX, |bytes| bytes.len());
    if size > MAX_REPLY_BYTES {
        return Err(invalid(format!("the content has more than {MAX_REPLY_BYTES} bytes")));
    }
    if !content.is_object() {
        return Err(invalid("the content is not an object".to_owned()));
    }
    let Some(call) = &open.call else { return Ok(Some(content)) };
    let form = ToolSpec { parameters: schema.clone(), ..ToolSpec::clone(&call.spec) };
    let fits = draft.facts.rules.check_arguments(&form, &content);
    fits.map_err(|why| invalid(format!("the content does not fit the form: {why}")))?;
    Ok(Some(content))
}

/// Nobody answered in time: the tool is told so.
pub(super) fn lapse(draft: &mut Draft<'_>, approval: &ApprovalId, effect: &EffectId) {
    let Some(asked) = draft.state.effects.get(effect).and_then(OpenEffect::asked) else { return };
    let reply = Reply { key: asked.key.clone(), action: ReplyAction::Cancel, content: None };
    record(draft, approval, effect, Answer::Lapsed, reply);
}

fn record(
    draft: &mut Draft<'_>,
    approval: &ApprovalId,
    effect: &EffectId,
    answer: Answer,
    reply: Reply,
) {
    let Some(open) = draft.state.effects.get(effect) else { return };
    let attempt = open.attempt;
    let has_more = open.questions.as_ref().is_some_and(|questions| questions.left.len() > 1);
    let next = has_more.then(|| NextQuestion {
        approval: ApprovalId::mint(&mut draft.mint),
        expires_at_ms: draft.facts.now_ms + APPROVAL_TTL_MS,
    });
    let (approval, effect_id) = (approval.clone(), effect.clone());
    draft.record(Fact::ApprovalResolved(ApprovalResolved {
        approval,
        effect: effect_id,
        answer,
        item: None,
        reply: Some(reply),
        next,
    }));
    if !has_more {
        return draft.attempt(effect, attempt + 1);
    }
    // The turn begins to wait anew, so that everybody sees what is asked now.
    if let Some(turn) = draft.state.turn.as_ref().filter(|turn| turn.status == TurnStatus::Waiting)
    {
        let turn = turn.id.clone();
        draft.record(Fact::TurnResumed(TurnResumed { turn }));
    }
}
