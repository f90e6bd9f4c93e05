//! Facts, attempts, rows and states as single lines.

use mainstay_core::effect::{Dispatch, DispatchKind, EffectRequest, Outcome, UnknownNext};
use mainstay_core::fact::{EffectFailed, EffectRequested, Fact, RequiredAction, TurnEnd};
use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_core::port::ToolCall;
use mainstay_core::session::{Rejected, SessionRow, SessionState, TurnRow};
use mainstay_protocol::{RowChange, Usage};

use super::world::START_MS;

/// Longest text shown.
const SHOWN_CHARS: usize = 90;

/// A time since the story began.
fn at(at_ms: u64) -> String {
    format!("t+{}", at_ms - START_MS)
}

fn short(text: &str) -> String {
    let count = text.chars().count();
    if count <= SHOWN_CHARS {
        return format!("{text:?}");
    }
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{shown:?}… ({count} characters)")
}

fn content(parts: &[Content]) -> String {
    let part = |part: &Content| match part {
        Content::Text { text } => short(text),
        Content::Image { url } => format!("image of {} bytes", url.len()),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(" ")
}

pub(super) fn item(item: &Item) -> String {
    match &item.body {
        ItemBody::UserMessage { content: parts } => format!("user {}", content(parts)),
        ItemBody::DeveloperMessage { content: parts, .. } => {
            format!("developer {}", content(parts))
        }
        ItemBody::AssistantMessage { text } => format!("agent {}", short(text)),
        ItemBody::Foreign { value } => format!("foreign {value}"),
        ItemBody::Reasoning { summary, .. } => format!("thought {}", short(summary)),
        ItemBody::ToolCall { call_id, name, arguments, source } => {
            let source = source.as_deref().unwrap_or("client");
            format!("call {call_id} {source}/{name}{}", arguments.replace('"', "'"))
        }
        ItemBody::ToolOutput { call_id, content: parts, is_error } => {
            let kind = if *is_error { "error" } else { "output" };
            format!("{kind} of {call_id} {}", content(parts))
        }
        ItemBody::Summary { text } => format!("summary {}", short(text)),
    }
}

fn items(items: &[Item]) -> String {
    items.iter().map(item).collect::<Vec<_>>().join(", ")
}

fn usage(usage: Usage) -> String {
    let cost = usage.cost_microusd.map_or_else(String::new, |cost| format!(" for {cost}"));
    format!("{}+{} tokens{cost}", usage.input_tokens, usage.output_tokens)
}

pub(super) fn fact_line(fact: &Fact) -> String {
    let rest = match fact {
        Fact::SessionCreated(fact) => fact.session.to_string(),
        Fact::SessionUpdated(fact) => {
            let agent =
                fact.agent.as_ref().map(|agent| format!("agent revision {}", agent.revision));
            let limit = fact.spend_limit.map(|limit| format!("spend limit {limit:?}"));
            [agent, limit].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        Fact::SessionFailed(fact) => format!("{} {:?}", fact.code, fact.message),
        Fact::SessionDeleted(_) => String::new(),
        Fact::InputReceived(fact) => {
            let how = format!("{:?}", fact.disposition).to_lowercase();
            format!("{how} {} by {}: {}", fact.turn, fact.principal, items(&fact.items))
        }
        Fact::ResponseRequested(fact) => match &fact.previous {
            Some(previous) => format!("{} after {previous}", fact.response),
            None => fact.response.to_string(),
        },
        Fact::ResponseRemoved(fact) => fact.response.to_string(),
        Fact::ItemsAdded(fact) => items(&fact.items),
        Fact::ItemRemoved(fact) => fact.item.to_string(),
        Fact::SandboxOperated(fact) => format!("{:?}", fact.operation),
        Fact::SessionForked(fact) | Fact::SessionImported(fact) => {
            format!("from {} at {}", fact.from, fact.seq)
        }
        Fact::SessionClosed(_) | Fact::SessionReopened(_) => String::new(),
        Fact::SubagentReported(fact) => {
            format!("{} {} of {}", fact.subagent, usage(fact.usage), usage(fact.total))
        }
        Fact::TurnStarted(fact) => fact.turn.to_string(),
        Fact::TurnWaiting(fact) => {
            let required: Vec<_> = fact.required.iter().map(required).collect();
            format!("{} for {}", fact.turn, required.join(", "))
        }
        Fact::TurnResumed(fact) => fact.turn.to_string(),
        Fact::TurnEnded(fact) => {
            let end = match &fact.end {
                TurnEnd::Completed => "completed".to_owned(),
                TurnEnd::Failed { code, message } => format!("failed, {code} {message:?}"),
                TurnEnd::Cancelled => "cancelled".to_owned(),
            };
            let budget = if fact.budget_reached { ", budget reached" } else { "" };
            format!("{} {end}, {}{budget}", fact.turn, usage(fact.usage))
        }
        Fact::EffectRequested(fact) => requested(fact),
        Fact::EffectAttempted(fact) => format!("{} #{}", fact.effect, fact.attempt),
        Fact::EffectCompleted(fact) => {
            format!("{} #{}: {}", fact.effect, fact.attempt, outcome(&fact.outcome))
        }
        Fact::EffectFailed(fact) => failed(fact),
        Fact::EffectParked(fact) => {
            format!("{} #{} until {}", fact.effect, fact.attempt, at(fact.until_ms))
        }
        Fact::EffectUnknown(fact) => {
            let next = match &fact.next {
                UnknownNext::Reconcile => "ask the tool".to_owned(),
                UnknownNext::Ask { approval, expires_at_ms } => {
                    format!("ask {approval} until {}", at(*expires_at_ms))
                }
                UnknownNext::Report { item: told } => item(told),
                UnknownNext::Retry => "retry".to_owned(),
            };
            format!("{} #{} {:?}: {next}", fact.effect, fact.attempt, fact.reason)
        }
        Fact::ApprovalResolved(fact) => {
            let told =
                fact.item.as_ref().map_or_else(String::new, |told| format!(": {}", item(told)));
            let reply = fact.reply.as_ref();
            let reply = reply.map_or_else(String::new, |own| {
                let content = own.content.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
                format!(": {} {:?}{content}", own.key, own.action)
            });
            let next = fact.next.as_ref();
            let next = next.map_or_else(String::new, |next| format!(", then {}", next.approval));
            format!("{} {:?} for {}{told}{reply}{next}", fact.approval, fact.answer, fact.effect)
        }
        Fact::CallRefused(fact) => {
            let policy = fact.policy.as_ref().map_or_else(String::new, |id| format!(" by {id}"));
            format!("{:?}{policy}: {}", fact.reason, item(&fact.item))
        }
    };
    format!("{} {rest}", fact.kind()).trim_end().to_owned()
}

fn required(required: &RequiredAction) -> String {
    match required {
        RequiredAction::ToolResult { call_id, name, .. } => format!("result of {call_id} {name}"),
        RequiredAction::Approval { approval, unknown_outcome, call_id, source, name, .. } => {
            let what = if *unknown_outcome { "outcome" } else { "approval" };
            format!("{what} {approval} of {call_id} {source}/{name}")
        }
        RequiredAction::Question { approval, call_id, question, .. } => {
            let about = call_id.as_ref().map_or_else(|| "tools".to_owned(), ToString::to_string);
            format!("answer {approval} for {about} to {:?}", question.message())
        }
    }
}

fn requested(fact: &EffectRequested) -> String {
    let what = match &fact.request {
        EffectRequest::Model { model, candidate, context } => {
            format!("model {model} ({candidate}) over {context}")
        }
        EffectRequest::Tool { call_id, tool } => format!("tool {tool} for {call_id}"),
        EffectRequest::ResolveTools => "sources".to_owned(),
        EffectRequest::Checkpoint => "checkpoint".to_owned(),
        EffectRequest::Compact { model, cut } => format!("summary by {model} of {cut}"),
    };
    let decision = fact.decision.as_ref();
    let decision =
        decision.map_or_else(String::new, |d| format!(", {:?} {}", d.decision, d.policy));
    let asks = fact.approval.as_ref().map_or_else(String::new, |id| format!(" {id}"));
    let awaits = format!("{:?}", fact.awaits).to_lowercase();
    let awaits = awaits.replace("nothing", "");
    let awaits = if awaits.is_empty() { awaits } else { format!(", awaits {awaits}{asks}") };
    format!("{} {what}, {:?}{decision}{awaits}", fact.effect, fact.safety)
}

fn failed(fact: &EffectFailed) -> String {
    let failure = &fact.failure;
    let next = match (fact.retry_at_ms, &fact.item) {
        _ if fact.asks.is_some() => {
            let asks = fact.asks.as_ref().expect("it was just seen");
            format!("asks {} until {}", asks.approval, at(asks.expires_at_ms))
        }
        (Some(retry_at), _) => format!("again at {}", at(retry_at)),
        (None, Some(told)) => item(told),
        (None, None) => "for good".to_owned(),
    };
    let (effect, attempt) = (&fact.effect, fact.attempt);
    format!(
        "{effect} #{attempt} {} {:?}, world {:?}: {next}",
        failure.code, failure.message, failure.world
    )
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Model { items: said, stop, .. } => format!("[{}] {stop:?}", items(said)),
        Outcome::Tool { item: told, .. } => item(told),
        Outcome::Checkpoint { saved } => {
            let checkpoint = saved.checkpoint.as_ref();
            checkpoint
                .map_or_else(|| "nothing saved".to_owned(), |c| format!("saved {}", c.workspace))
        }
        Outcome::Tools { tools } => format!("{} tools", tools.len()),
        Outcome::Compacted { item: told, cut, .. } => format!("{cut} items become {}", item(told)),
    }
}

pub(super) fn run_line(dispatch: &Dispatch) -> String {
    let what = match &dispatch.kind {
        DispatchKind::Model { name, request, live } => {
            let shown = if live.is_some() { "" } else { ", unseen" };
            let (items, tools) = (request.items.len(), request.tools.len());
            format!("model {name} with {items} items, {tools} tools{shown}")
        }
        DispatchKind::Tool(call) => {
            let label = call.source.label().unwrap_or("client");
            format!(
                "tool {label}/{}{} for {}{}",
                call.spec.remote_name,
                call.arguments,
                call.context.principal,
                machine(call)
            )
        }
        DispatchKind::Subagent(work) => {
            let left = work.left_microusd.map_or_else(String::new, |left| format!(", {left} left"));
            let until = work.until_ms.map_or_else(String::new, |ms| format!(", until {}", at(ms)));
            let (name, arguments) = (&work.call.spec.remote_name, &work.call.arguments);
            format!("subagents/{name}{arguments} for {}{left}{until}", work.call.context.principal)
        }
        DispatchKind::Reconcile(call) => {
            format!(
                "reconcile {}/{}",
                call.source.label().unwrap_or("client"),
                call.spec.remote_name
            )
        }
        DispatchKind::Checkpoint { connections_after, .. } => {
            format!("checkpoint, connections after {connections_after}")
        }
        DispatchKind::ResolveTools { sources, .. } => {
            let labels: Vec<_> = sources.iter().map(|s| s.label().unwrap_or("client")).collect();
            format!("sources {}", labels.join(", "))
        }
    };
    format!("{} #{} {what}", dispatch.effect, dispatch.attempt).replace('"', "'")
}

/// What a call is told of the session's machine.
fn machine(call: &ToolCall) -> String {
    let Some(sandbox) = &call.context.sandbox else { return String::new() };
    let from = sandbox.checkpoint.as_ref().map_or("nothing", |c| c.workspace.as_str());
    format!(" in a machine from {from}, {} calls since", sandbox.calls_since)
}

pub(super) fn row_lines(rows: &[RowChange]) -> Vec<String> {
    rows.iter().map(row_line).collect()
}

fn row_line(change: &RowChange) -> String {
    let row = match change {
        RowChange::Put(row) | RowChange::Insert(row) => row,
        RowChange::Delete(key) => return format!("{} deleted", key.spec),
    };
    match row.key.spec.as_ref() {
        "sessions" => {
            let row: SessionRow = row.read().expect("a session's row");
            let required: Vec<_> = row.required.iter().map(required).collect();
            let required = if required.is_empty() {
                String::new()
            } else {
                format!(", {}", required.join(", "))
            };
            format!("session {}{required}", text(&row.status))
        }
        "turns" => {
            let row: TurnRow = row.read().expect("a turn's row");
            let last = row.last_seq.map_or_else(String::new, |seq| seq.to_string());
            format!("{} {} {}..{last}", row.id, text(&row.status), row.first_seq)
        }
        other => other.to_owned(),
    }
}

fn text(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).expect("a status is a text");
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn status_line(state: &SessionState) -> String {
    let due = state.due_at_ms().map_or_else(String::new, |due| format!(", due {}", at(due)));
    let queued = state.queue.len();
    let queued = if queued == 0 { String::new() } else { format!(", {queued} queued") };
    format!("{}, {} entries{queued}{due}", text(&state.status), state.seq)
}

pub(super) fn rejection_line(rejected: &Rejected) -> String {
    format!("  refused: {}", rejected.0)
}
