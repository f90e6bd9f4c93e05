//! A turn's entries as spans: the turn, its steps, and in each the model call and the tool calls.
//!
//! Invariant: a span's id depends on its session and on the turn or effect alone, so that the same
//! entries give the same trace wherever and however often they are read. What has not ended is not
//! shown. Names and attributes are those of OpenTelemetry's conventions for generative AI.
//! Deliberately absent: what was said; a trace tells who did what for how long, at what price.

use std::collections::HashMap;

use mainstay_core::effect::{EffectFailure, EffectRequest, Outcome};
use mainstay_core::fact::{
    Disposition, EffectCompleted, EffectFailed, EffectRequested, Fact, TurnEnd, TurnEnded,
};
use mainstay_core::item::{Item, ItemBody};
use mainstay_core::port::StopReason;
use mainstay_core::session::TurnRow;
use mainstay_protocol::{EffectId, SessionId, Usage, sha256_hex};

use crate::openai::wire::{OtlpAttribute as Attribute, OtlpEvent, OtlpSpan, OtlpStatus};

/// Something done here.
const INTERNAL: u8 = 1;
/// Something asked of somebody else.
const CLIENT: u8 = 3;
/// A span that ended well.
const WELL: u8 = 1;
/// A span that did not.
const BADLY: u8 = 2;

/// Collects a turn's spans from its journal's entries, told in order.
pub(crate) struct TraceFold<'a> {
    turn: &'a TurnRow,
    agent_name: Option<&'a str>,
    trace_id: String,
    is_begun: bool,
    root: OtlpSpan,
    step: Option<OtlpSpan>,
    step_count: u64,
    effects: HashMap<EffectId, OtlpSpan>,
    spans: Vec<OtlpSpan>,
}

impl<'a> TraceFold<'a> {
    pub(crate) fn new(turn: &'a TurnRow, agent_name: Option<&'a str>) -> Self {
        let trace_id = id(&turn.session, "trace", turn.id.as_str(), 32);
        let began_at_ms = turn.started_at_ms.unwrap_or(turn.created_at_ms);
        let root = OtlpSpan {
            trace_id: trace_id.clone(),
            span_id: id(&turn.session, "turn", turn.id.as_str(), 16),
            parent_span_id: None,
            name: format!("invoke_agent {}", agent_name.unwrap_or(turn.agent.as_str())),
            kind: INTERNAL,
            start_time_unix_nano: nanos(began_at_ms),
            end_time_unix_nano: String::new(),
            attributes: Vec::new(),
            events: Vec::new(),
            status: OtlpStatus::default(),
        };
        Self {
            turn,
            agent_name,
            trace_id,
            is_begun: false,
            root,
            step: None,
            step_count: 0,
            effects: HashMap::new(),
            spans: Vec::new(),
        }
    }

    /// The spans that have ended, in the order of their ends.
    pub(crate) fn into_spans(self) -> Vec<OtlpSpan> {
        self.spans
    }

    /// Takes the next entry.
    pub(crate) fn take(&mut self, at_ms: u64, fact: Fact) {
        if !self.is_begun {
            self.is_begun = match &fact {
                Fact::InputReceived(input) => {
                    input.turn == self.turn.id && input.disposition == Disposition::Starts
                }
                Fact::TurnStarted(started) => started.turn == self.turn.id,
                _ => false,
            };
            return;
        }
        match fact {
            Fact::EffectRequested(requested) => self.requested(at_ms, requested),
            Fact::EffectAttempted(attempted) if attempted.attempt > 1 => {
                let number = Attribute::number("mainstay.attempt", attempted.attempt.into());
                self.note(&attempted.effect, at_ms, "attempt", vec![number]);
            }
            Fact::EffectCompleted(completed) => self.completed(at_ms, completed),
            Fact::EffectFailed(failed) => self.failed(at_ms, failed),
            Fact::EffectUnknown(unknown) => {
                let reason = Attribute::text("exception.message", unknown.reason);
                self.note(&unknown.effect, at_ms, "outcome_unknown", vec![reason]);
            }
            Fact::ApprovalResolved(resolved) => {
                self.note(&resolved.effect, at_ms, "approval_resolved", Vec::new());
                if resolved.item.is_some() {
                    self.end_effect(&resolved.effect, at_ms, well());
                }
            }
            Fact::CallRefused(refused) => {
                if let Some(step) = &mut self.step {
                    let policy = refused.policy.unwrap_or_else(|| "none".to_owned());
                    let policy = Attribute::text("mainstay.policy", policy);
                    step.events.push(event(at_ms, "call_refused", vec![policy]));
                }
            }
            Fact::TurnWaiting(_) => self.root.events.push(event(at_ms, "waiting", Vec::new())),
            Fact::TurnResumed(_) => self.root.events.push(event(at_ms, "resumed", Vec::new())),
            Fact::TurnEnded(ended) if ended.turn == self.turn.id => self.ended(at_ms, ended),
            _ => {}
        }
    }

    fn requested(&mut self, at_ms: u64, requested: EffectRequested) {
        let parent = match &requested.request {
            EffectRequest::Model { .. } => {
                self.end_step(at_ms);
                self.begin_step(at_ms)
            }
            EffectRequest::Tool { .. } => self.step.as_ref().map(|step| step.span_id.clone()),
            EffectRequest::ResolveTools
            | EffectRequest::Compact { .. }
            | EffectRequest::Checkpoint => None,
        };
        let parent = parent.unwrap_or_else(|| self.root.span_id.clone());
        let effect = requested.effect;
        let (name, kind, mut attributes) = described(requested.request);
        attributes.push(Attribute::text("mainstay.effect.id", effect.as_str()));
        if let Some(decision) = requested.decision {
            attributes.push(Attribute::text("mainstay.policy", decision.policy));
        }
        let mut span = self.span("effect", effect.as_str(), name, at_ms, Some(parent));
        (span.kind, span.attributes) = (kind, attributes);
        self.effects.insert(effect, span);
    }

    fn completed(&mut self, at_ms: u64, completed: EffectCompleted) {
        let Some(open) = self.effects.get_mut(&completed.effect) else { return };
        let attributes = &mut open.attributes;
        let mut status = well();
        match completed.outcome {
            Outcome::Model { items, usage, model, stop } => {
                attributes.push(Attribute::text("gen_ai.response.model", model));
                let reason = [finish_reason(stop, &items)];
                attributes.push(Attribute::texts("gen_ai.response.finish_reasons", &reason));
                attributes.extend(usage_attributes(usage));
            }
            Outcome::Compacted { usage, model, .. } => {
                attributes.push(Attribute::text("gen_ai.response.model", model));
                attributes.extend(usage_attributes(usage));
            }
            // What the tool said of its failure is for the model.
            Outcome::Tool { item, .. } if is_failure(&item) => {
                attributes.push(Attribute::text("error.type", "tool_error"));
                status = OtlpStatus { code: BADLY, message: None };
            }
            Outcome::Tool { .. } | Outcome::Tools { .. } | Outcome::Checkpoint { .. } => {}
        }
        self.end_effect(&completed.effect, at_ms, status);
    }

    fn failed(&mut self, at_ms: u64, failed: EffectFailed) {
        if failed.retry_at_ms.is_some() || failed.asks.is_some() {
            let attributes = failure_attributes(&failed.failure);
            return self.note(&failed.effect, at_ms, "attempt_failed", attributes);
        }
        if let Some(open) = self.effects.get_mut(&failed.effect) {
            let kind = Attribute::text("error.type", failed.failure.code.as_str());
            open.attributes.push(kind);
        }
        let status = OtlpStatus { code: BADLY, message: Some(failed.failure.message) };
        self.end_effect(&failed.effect, at_ms, status);
    }

    fn ended(&mut self, at_ms: u64, ended: TurnEnded) {
        let cancelled = || OtlpStatus { code: BADLY, message: Some("cancelled".to_owned()) };
        let open: Vec<EffectId> = self.effects.keys().cloned().collect();
        for effect in open {
            self.end_effect(&effect, at_ms, cancelled());
        }
        self.end_step(at_ms);
        let (status, kind) = match ended.end {
            TurnEnd::Completed => (well(), None),
            TurnEnd::Cancelled => (cancelled(), Some("cancelled")),
            TurnEnd::Failed { code, message } => {
                (OtlpStatus { code: BADLY, message: Some(message) }, Some(code.as_str()))
            }
        };
        let mut root = self.root.clone();
        root.attributes = vec![
            Attribute::text("gen_ai.operation.name", "invoke_agent"),
            Attribute::text("gen_ai.agent.id", self.turn.agent.as_str()),
            Attribute::text("gen_ai.conversation.id", self.turn.session.as_str()),
            Attribute::text("mainstay.turn.id", self.turn.id.as_str()),
            Attribute::number("mainstay.steps", self.step_count),
        ];
        root.attributes
            .extend(self.agent_name.map(|name| Attribute::text("gen_ai.agent.name", name)));
        root.attributes.extend(usage_attributes(ended.usage));
        root.attributes.extend(kind.map(|kind| Attribute::text("error.type", kind)));
        (root.status, root.end_time_unix_nano) = (status, nanos(at_ms));
        self.spans.push(root);
    }

    fn begin_step(&mut self, at_ms: u64) -> Option<String> {
        self.step_count += 1;
        let number = self.step_count;
        let parent = Some(self.root.span_id.clone());
        let key = format!("{}/{number}", self.turn.id);
        let mut span = self.span("step", &key, format!("step {number}"), at_ms, parent);
        span.attributes = vec![Attribute::number("mainstay.step", number)];
        let id = span.span_id.clone();
        self.step = Some(span);
        Some(id)
    }

    fn end_step(&mut self, at_ms: u64) {
        if let Some(step) = self.step.take() {
            self.end(step, at_ms, well());
        }
    }

    fn end_effect(&mut self, effect: &EffectId, at_ms: u64, status: OtlpStatus) {
        if let Some(open) = self.effects.remove(effect) {
            self.end(open, at_ms, status);
        }
    }

    fn end(&mut self, open: OtlpSpan, at_ms: u64, status: OtlpStatus) {
        let end_time_unix_nano = nanos(at_ms);
        self.spans.push(OtlpSpan { status, end_time_unix_nano, ..open });
    }

    fn note(&mut self, effect: &EffectId, at_ms: u64, name: &str, attributes: Vec<Attribute>) {
        if let Some(open) = self.effects.get_mut(effect) {
            open.events.push(event(at_ms, name, attributes));
        }
    }

    fn span(
        &self,
        what: &str,
        key: &str,
        name: String,
        at_ms: u64,
        parent_span_id: Option<String>,
    ) -> OtlpSpan {
        OtlpSpan {
            trace_id: self.trace_id.clone(),
            span_id: id(&self.turn.session, what, key, 16),
            parent_span_id,
            name,
            kind: INTERNAL,
            start_time_unix_nano: nanos(at_ms),
            end_time_unix_nano: String::new(),
            attributes: Vec::new(),
            events: Vec::new(),
            status: OtlpStatus::default(),
        }
    }
}

/// The name of an effect's span, its kind, and what is known when it begins.
fn described(request: EffectRequest) -> (String, u8, Vec<Attribute>) {
    let operation = |name| Attribute::text("gen_ai.operation.name", name);
    match request {
        EffectRequest::Model { model, .. } => (
            format!("chat {model}"),
            CLIENT,
            vec![operation("chat"), Attribute::text("gen_ai.request.model", model)],
        ),
        EffectRequest::Compact { model, .. } => (
            format!("compact {model}"),
            CLIENT,
            vec![operation("chat"), Attribute::text("gen_ai.request.model", model)],
        ),
        EffectRequest::Tool { call_id, tool } => (
            format!("execute_tool {tool}"),
            INTERNAL,
            vec![
                operation("execute_tool"),
                Attribute::text("gen_ai.tool.name", tool),
                Attribute::text("gen_ai.tool.call.id", call_id.as_str()),
            ],
        ),
        EffectRequest::ResolveTools => ("resolve_tools".to_owned(), CLIENT, Vec::new()),
        EffectRequest::Checkpoint => ("checkpoint".to_owned(), INTERNAL, Vec::new()),
    }
}

fn is_failure(output: &Item) -> bool {
    matches!(output.body, ItemBody::ToolOutput { is_error: true, .. })
}

fn usage_attributes(usage: Usage) -> Vec<Attribute> {
    let cost = usage.cost_microusd.map(|cost| Attribute::number("mainstay.cost_microusd", cost));
    let counts = [
        ("gen_ai.usage.input_tokens", usage.input_tokens),
        ("gen_ai.usage.output_tokens", usage.output_tokens),
        ("gen_ai.usage.cache_read.input_tokens", usage.cached_input_tokens),
        ("gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens),
    ];
    counts.into_iter().map(|(name, n)| Attribute::number(name, n)).chain(cost).collect()
}

fn failure_attributes(failure: &EffectFailure) -> Vec<Attribute> {
    vec![
        Attribute::text("error.type", failure.code.as_str()),
        Attribute::text("exception.message", failure.message.as_str()),
    ]
}

fn finish_reason(stop: StopReason, items: &[Item]) -> &'static str {
    let calls = items.iter().any(|item| matches!(item.body, ItemBody::ToolCall { .. }));
    match stop {
        StopReason::End if calls => "tool_calls",
        StopReason::End => "stop",
        StopReason::Length => "length",
        StopReason::Refusal => "content_filter",
    }
}

fn event(at_ms: u64, name: &str, attributes: Vec<Attribute>) -> OtlpEvent {
    OtlpEvent { time_unix_nano: nanos(at_ms), name: name.to_owned(), attributes }
}

fn well() -> OtlpStatus {
    OtlpStatus { code: WELL, message: None }
}

fn nanos(at_ms: u64) -> String {
    (u128::from(at_ms) * 1_000_000).to_string()
}

/// An id of so many hexadecimal characters. It is never all zeros, which OTLP calls no id.
fn id(session: &SessionId, what: &str, key: &str, chars: usize) -> String {
    let mut hash = sha256_hex(format!("{session}\n{what}\n{key}").as_bytes());
    hash.truncate(chars);
    hash
}
