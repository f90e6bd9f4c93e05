//! The fold from a session's entries to a response and the events of its stream.
//!
//! Invariant: given each entry once, in order, from the one that requested the response; the response
//! it shows at its end is the same however it was read. Deliberately absent: calls that were refused
//! before they became effects, which are between the runtime and the model.

use std::collections::{BTreeMap, VecDeque};

use mainstay_core::effect::{Awaits, EffectRequest, Outcome, UnknownNext};
use mainstay_core::fact::{Answer, EffectRequested, Fact, TurnEnd};
use mainstay_core::item::{Item, ItemBody};
use mainstay_core::port::{PartKind, StopReason};
use mainstay_core::question::Asked;
use mainstay_protocol::{ApiError, CallId, EffectId, Entry, ErrorCode, Seq, Usage};
use mainstay_runtime::Delta;
use serde_json::{Value, json};

use super::call::Call;
use super::head::{Body, Head, Status};
use super::live::Live;
use super::out::Out;
use super::place::Place;
use super::text::Text;
use super::{item, listed};
use crate::openai::project::{CallEnd, CallView, read};

/// How far apart the outputs of two attempts of one step are: clients take no index twice.
const INDEXES_PER_ATTEMPT: u32 = 1_000;

/// The fold. One per connection.
pub(crate) struct ResponseFold {
    head: Head,
    body: Body,
    next_index: u32,
    calls: BTreeMap<CallId, Call>,
    effects: BTreeMap<EffectId, CallId>,
    /// What a tool's server asks and was not asked yet.
    questions: VecDeque<Asked>,
    live: Live,
    seen: Option<Place>,
    last_seq: Seq,
    is_over: bool,
}

impl ResponseFold {
    /// A fold that shows what comes behind `seen`, or all.
    pub(crate) fn new(head: Head, seen: Option<Place>) -> Self {
        let body = Body {
            status: if head.echo.background { Status::Queued } else { Status::InProgress },
            output: BTreeMap::new(),
            usage: Usage::default(),
            error: None,
            completed_at_ms: None,
        };
        Self {
            last_seq: head.row.first_seq.saturating_sub(1),
            head,
            body,
            next_index: 0,
            calls: BTreeMap::new(),
            effects: BTreeMap::new(),
            questions: VecDeque::new(),
            live: Live::default(),
            seen,
            is_over: false,
        }
    }

    /// Learns of a call that was asked for before this response began.
    pub(crate) fn prime(&mut self, entry: &Entry) -> Result<(), ApiError> {
        match read(entry)? {
            Fact::EffectCompleted(fact) => {
                if let Outcome::Model { items, .. } = &fact.outcome {
                    self.calls.clear();
                    for view in items.iter().filter_map(CallView::of) {
                        self.know(view, 0);
                    }
                }
            }
            Fact::EffectRequested(fact) => {
                if let EffectRequest::Tool { call_id, .. } = &fact.request {
                    self.effects.insert(fact.effect, call_id.clone());
                }
            }
            Fact::EffectFailed(fact) => {
                if let Some(asks) = fact.asks {
                    self.questions = asks.inquiry.asked.into_iter().skip(1).collect();
                }
            }
            Fact::ApprovalResolved(fact) if fact.next.is_some() => {
                self.questions.pop_front();
            }
            _ => {}
        }
        Ok(())
    }

    /// The events of an entry, which says this.
    pub(crate) fn entry(&mut self, entry: &Entry, fact: &Fact) -> Vec<Value> {
        if self.is_over || entry.seq <= self.last_seq {
            return Vec::new();
        }
        self.last_seq = entry.seq;
        let mut out = Out::new(entry.seq - self.head.row.first_seq, self.seen);
        self.fact(fact, entry, &mut out);
        out.into_events()
    }

    /// The events of a piece of an answer that is still being written.
    pub(crate) fn delta(&mut self, delta: &Delta) -> Vec<Value> {
        let mut out = Out::new(0, self.seen);
        let base = self.base();
        self.live.delta(delta, base, &mut out);
        out.into_events()
    }

    /// Whether nothing follows.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The response as it is now.
    pub(crate) fn show(&self) -> Value {
        self.head.show(&self.body)
    }

    /// The index of the first output of the answer that is being written.
    fn base(&self) -> u32 {
        self.next_index + INDEXES_PER_ATTEMPT * (self.live.attempt_count() - 1)
    }

    fn offset(&self) -> u64 {
        self.last_seq - self.head.row.first_seq
    }

    fn know(&mut self, view: CallView, index: u32) {
        let call = Call::new(view, index);
        self.calls.insert(call.view.call_id.clone(), call);
    }

    fn fact(&mut self, fact: &Fact, entry: &Entry, out: &mut Out) {
        if let Some(end) = CallEnd::of(fact) {
            self.call_ended(&end, out);
        }
        match fact {
            Fact::ResponseRequested(_) => self.requested(out),
            Fact::EffectRequested(fact) => self.effect_requested(fact, entry.seq, out),
            Fact::EffectAttempted(fact) => self.retry(&fact.effect, fact.attempt, out),
            Fact::EffectFailed(fact) if fact.retry_at_ms.is_some() => {
                self.retry(&fact.effect, fact.attempt + 1, out);
            }
            Fact::EffectFailed(fact) => {
                self.live.end(&fact.effect);
                if let Some(asks) = &fact.asks {
                    self.questions = asks.inquiry.asked.iter().cloned().collect();
                    self.ask_next(&fact.effect, asks.approval.as_str(), out);
                }
            }
            Fact::EffectCompleted(fact) => match &fact.outcome {
                Outcome::Model { items, usage, stop, model: _ } => {
                    self.body.usage.add(*usage);
                    self.answered(&fact.effect, items, *stop, out);
                }
                Outcome::Compacted { usage, .. } => self.body.usage.add(*usage),
                Outcome::Tools { tools } => {
                    let (index, shown) = (&mut self.next_index, &mut self.body.output);
                    let asked = &self.head.echo.tools;
                    listed::show(&fact.effect, tools, asked, index, shown, out);
                }
                Outcome::Tool { .. } | Outcome::Checkpoint { .. } => {}
            },
            Fact::EffectUnknown(fact) => {
                if let UnknownNext::Ask { approval, .. } = &fact.next {
                    self.ask_about(&fact.effect, approval.as_str(), out);
                }
            }
            Fact::ApprovalResolved(fact) if fact.reply.is_some() => match &fact.next {
                Some(next) => self.ask_next(&fact.effect, next.approval.as_str(), out),
                None => self.approved(&fact.effect, fact.approval.as_str(), out),
            },
            Fact::ApprovalResolved(fact) => {
                if matches!(fact.answer, Answer::Approve | Answer::Retry) {
                    self.approved(&fact.effect, fact.approval.as_str(), out);
                }
            }
            Fact::TurnWaiting(_) => self.end(Status::Completed, entry.at, out),
            Fact::TurnEnded(fact) => {
                let status = self.ended(&fact.end);
                self.end(status, entry.at, out);
            }
            Fact::SessionFailed(fact) => {
                self.body.error = Some((fact.code, fact.message.clone()));
                self.end(Status::Failed, entry.at, out);
            }
            _ => {}
        }
    }

    fn requested(&mut self, out: &mut Out) {
        out.push("response.created", json!({ "response": self.show() }));
        if self.body.status == Status::Queued {
            out.push("response.queued", json!({ "response": self.show() }));
        }
        self.body.status = Status::InProgress;
        out.push("response.in_progress", json!({ "response": self.show() }));
    }

    fn retry(&mut self, effect: &EffectId, attempt: u32, out: &mut Out) {
        let (offset, base) = (self.offset(), self.base());
        self.live.retry(effect, attempt, offset, base, out);
    }

    fn effect_requested(&mut self, fact: &EffectRequested, seq: Seq, out: &mut Out) {
        match &fact.request {
            EffectRequest::Model { .. } => self.live.begin(&fact.effect, seq, self.offset()),
            EffectRequest::Tool { call_id, .. } => {
                self.effects.insert(fact.effect.clone(), call_id.clone());
                let Some(call) = self.calls.get_mut(call_id) else { return };
                match (fact.awaits, &fact.approval) {
                    (Awaits::Approval, Some(approval)) => {
                        call.approval = Some(approval.to_string());
                        let call = call.clone();
                        self.ask(&call, call.index, approval.as_str(), out);
                    }
                    (Awaits::Client, _) => self.function_call(call_id, out),
                    (Awaits::Approval | Awaits::Nothing, _) => self.own_call(call_id, out),
                }
            }
            EffectRequest::ResolveTools
            | EffectRequest::Compact { .. }
            | EffectRequest::Checkpoint => {}
        }
    }

    /// The model answered. What of its texts was not shown comes before what ends them, so that a
    /// client which has seen an end has seen every text.
    fn answered(&mut self, effect: &EffectId, items: &[Item], stop: StopReason, out: &mut Out) {
        let base = self.base();
        let mut texts = Vec::new();
        for (position, item) in (0..).zip(items) {
            let index = base + position;
            if let Some(view) = CallView::of(item) {
                self.know(view, index);
            }
            if let Some(text) = self.text(items, position, index, stop) {
                text.begin(self.live.known(self.seen, position, text.text.len()), out);
                texts.push(text);
            }
        }
        for text in texts {
            text.end(out);
            self.body.output.insert(text.index, text.whole);
        }
        self.next_index = base + u32::try_from(items.len()).unwrap_or(u32::MAX);
        self.live.end(effect);
    }

    /// An output that is a text.
    fn text<'a>(
        &self,
        items: &'a [Item],
        position: u32,
        index: u32,
        stop: StopReason,
    ) -> Option<Text<'a>> {
        let item = items.get(position as usize)?;
        let id = item.id.as_str();
        match &item.body {
            ItemBody::AssistantMessage { text } => {
                let is_last = position as usize + 1 == items.len();
                let is_cut = stop != StopReason::End && is_last;
                let status = if is_cut { "incomplete" } else { "completed" };
                let is_call = |item: &Item| matches!(item.body, ItemBody::ToolCall { .. });
                let has_calls = items.iter().any(is_call);
                let mut whole = item::assistant(id, Some(text), status);
                whole["phase"] = if has_calls { "commentary" } else { "final_answer" }.into();
                Some(Text { id, kind: PartKind::Text, text, index, whole })
            }
            ItemBody::Reasoning { summary: text, provider_data } => {
                let with_data = self.head.echo.with_reasoning_data();
                let whole = item::reasoning(id, Some(text), provider_data.as_ref(), with_data);
                Some(Text { id, kind: PartKind::Reasoning, text, index, whole })
            }
            ItemBody::ToolCall { .. }
            | ItemBody::UserMessage { .. }
            | ItemBody::DeveloperMessage { .. }
            | ItemBody::ToolOutput { .. }
            | ItemBody::Summary { .. }
            | ItemBody::Foreign { .. } => None,
        }
    }

    /// A call that the client runs.
    fn function_call(&mut self, call_id: &CallId, out: &mut Out) {
        let Some(call) = self.calls.get_mut(call_id) else { return };
        let whole = call.function_call(out);
        self.body.output.insert(call.index, whole);
    }

    /// A call that this server runs begins.
    fn own_call(&mut self, call_id: &CallId, out: &mut Out) {
        let Some(call) = self.calls.get_mut(call_id) else { return };
        let begun = call.own_call(out);
        self.body.output.insert(call.index, begun);
    }

    /// A person is asked whether a call may be made.
    fn ask(&mut self, call: &Call, index: u32, approval: &str, out: &mut Out) {
        let item = call.mcp(&call.view.arguments).ask(approval);
        out.push("response.output_item.added", json!({"output_index": index, "item": item}));
        out.push("response.output_item.done", json!({"output_index": index, "item": item}));
        self.body.output.insert(index, item);
    }

    /// A person is asked what became of a call.
    fn ask_about(&mut self, effect: &EffectId, approval: &str, out: &mut Out) {
        let call = self.effects.get(effect).and_then(|id| self.calls.get(id)).cloned();
        let Some(call) = call else { return };
        let index = self.take_index();
        self.ask(&call, index, approval, out);
    }

    /// A tool's server asks a person.
    fn ask_next(&mut self, effect: &EffectId, approval: &str, out: &mut Out) {
        let Some(asked) = self.questions.pop_front() else { return };
        let call_id = self.effects.get(effect).cloned();
        if let Some(call) = call_id.as_ref().and_then(|id| self.calls.get_mut(id))
            && let Some(whole) = call.paused(out)
        {
            self.body.output.insert(call.index, whole);
        }
        let index = self.take_index();
        let call = call_id.and_then(|id| self.calls.get(&id));
        let call = call.map(|call| (call.view.name.as_str(), call.view.arguments.as_str()));
        let item = item::question(approval, call, &asked.question);
        out.push("response.output_item.added", json!({"output_index": index, "item": item}));
        out.push("response.output_item.done", json!({"output_index": index, "item": item}));
        self.body.output.insert(index, item);
    }

    /// A person agreed: the call is made in this response.
    fn approved(&mut self, effect: &EffectId, approval: &str, out: &mut Out) {
        let Some(call_id) = self.effects.get(effect).cloned() else { return };
        let index = self.take_index();
        let Some(call) = self.calls.get_mut(&call_id) else { return };
        call.approval = Some(approval.to_owned());
        call.index = index;
        if call.view.is_clients() {
            self.function_call(&call_id, out);
        } else {
            self.own_call(&call_id, out);
        }
    }

    fn take_index(&mut self) -> u32 {
        self.next_index += 1;
        self.next_index - 1
    }

    fn call_ended(&mut self, end: &CallEnd, out: &mut Out) {
        let Some(call) = self.calls.remove(&end.call_id) else { return };
        if call.view.is_clients() || !call.is_shown {
            return;
        }
        let whole = call.ended(end, out);
        self.body.output.insert(call.index, whole);
    }

    fn ended(&mut self, end: &TurnEnd) -> Status {
        match end {
            TurnEnd::Completed => Status::Completed,
            TurnEnd::Cancelled => Status::Cancelled,
            TurnEnd::Failed { code: ErrorCode::OutputLimitReached, .. } => {
                Status::Incomplete("max_output_tokens")
            }
            TurnEnd::Failed { code: ErrorCode::ModelRefused, .. }
                if !self.body.output.is_empty() =>
            {
                Status::Incomplete("content_filter")
            }
            TurnEnd::Failed { code, message } => {
                self.body.error = Some((*code, message.clone()));
                Status::Failed
            }
        }
    }

    fn end(&mut self, status: Status, at_ms: u64, out: &mut Out) {
        self.body.status = status;
        self.body.completed_at_ms = Some(at_ms);
        self.is_over = true;
        for (index, item) in &mut self.body.output {
            if item["status"] == "in_progress" {
                item["status"] = "incomplete".into();
                out.push("response.output_item.done", json!({"output_index": index, "item": item}));
            }
        }
        out.push(status.end_event(), json!({ "response": self.show() }));
    }
}
