//! One entry in a few words.
//!
//! Invariant: an entry of a kind or shape that is not known is shown as it is, never an error.

use mainstay_core::effect::{Awaits, EffectRequest, Outcome, UnknownNext};
use mainstay_core::fact::{Disposition, Fact, RequiredAction, SandboxOperation, TurnEnd};
use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_core::policy::Ruling;
use mainstay_core::tool::Safety;
use mainstay_protocol::{EffectId, Entry, Usage};

/// How much of an effect's id is shown: its end, which differs.
const ID_CHARS: usize = 6;

/// What an entry says.
pub(crate) fn summary(entry: &Entry) -> String {
    match Fact::read(entry) {
        Ok(fact) => fact_summary(&fact),
        Err(_) => entry.payload.get().to_owned(),
    }
}

fn fact_summary(fact: &Fact) -> String {
    match fact {
        Fact::SessionCreated(created) => {
            let agent = created.agent.name.as_deref().unwrap_or(created.agent.id.as_str());
            format!("agent {agent}, model {}", created.agent.model)
        }
        Fact::SessionUpdated(updated) => match &updated.agent {
            Some(agent) => format!("agent {} from now on, model {}", agent.id, agent.model),
            None => "settings changed".to_owned(),
        },
        Fact::SessionFailed(failed) => format!("{}: {}", failed.code, failed.message),
        Fact::SessionDeleted(_) => String::new(),
        Fact::InputReceived(input) => {
            let what = match input.disposition {
                Disposition::Starts => "",
                Disposition::Steers => "steers: ",
                Disposition::Queues => "queued: ",
            };
            format!("{what}{}", items(&input.items))
        }
        Fact::TurnStarted(started) => started.turn.to_string(),
        Fact::TurnWaiting(waiting) => {
            waiting.required.iter().map(required).collect::<Vec<_>>().join("; ")
        }
        Fact::TurnResumed(_) => String::new(),
        Fact::TurnEnded(ended) => match &ended.end {
            TurnEnd::Completed => format!("completed, {}", tokens(ended.usage)),
            TurnEnd::Failed { code, message } => format!("failed, {code}: {message}"),
            TurnEnd::Cancelled => "cancelled".to_owned(),
        },
        Fact::EffectRequested(requested) => {
            let decision = requested.decision.as_ref().map(|decision| match decision.decision {
                Ruling::Allow => format!(", allowed by {}", decision.policy),
                Ruling::Ask => format!(", {} asks", decision.policy),
                Ruling::Deny => format!(", denied by {}", decision.policy),
            });
            let awaits = match requested.awaits {
                Awaits::Nothing => "",
                Awaits::Client => ", the client runs it",
                Awaits::Approval => ", awaits approval",
            };
            let request = request(&requested.request);
            let safety = safety(requested.safety);
            let decision = decision.unwrap_or_default();
            format!("{} {request} ({safety}{decision}{awaits})", short(&requested.effect))
        }
        Fact::EffectAttempted(attempted) => {
            format!("{} attempt {}", short(&attempted.effect), attempted.attempt)
        }
        Fact::EffectCompleted(completed) => {
            format!("{} {}", short(&completed.effect), outcome(&completed.outcome))
        }
        Fact::EffectFailed(failed) => {
            let next = match (&failed.asks, failed.retry_at_ms) {
                (Some(_), _) => ", tried again when it is answered",
                (None, Some(_)) => ", tried again",
                (None, None) => "",
            };
            let failure = &failed.failure;
            format!("{} {}: {}{next}", short(&failed.effect), failure.code, failure.message)
        }
        Fact::EffectUnknown(unknown) => {
            let next = match unknown.next {
                UnknownNext::Reconcile => "the tool is asked",
                UnknownNext::Ask { .. } => "a person is asked",
                UnknownNext::Report { .. } => "the model is told",
                UnknownNext::Retry => "attempted again",
            };
            format!("{} {}: {next}", short(&unknown.effect), unknown.reason)
        }
        Fact::ApprovalResolved(resolved) => {
            format!("{} {}", short(&resolved.effect), word(&resolved.answer))
        }
        Fact::ResponseRequested(requested) => match &requested.previous {
            Some(previous) => format!("{} after {previous}", requested.response),
            None => requested.response.to_string(),
        },
        Fact::ResponseRemoved(removed) => removed.response.to_string(),
        Fact::ItemsAdded(added) => items(&added.items),
        Fact::ItemRemoved(removed) => removed.item.to_string(),
        Fact::SandboxOperated(done) => operation(&done.operation),
        Fact::SessionForked(origin) | Fact::SessionImported(origin) => {
            format!("from {} at {} ({})", origin.from, origin.seq, origin.hash)
        }
        Fact::SessionClosed(_) | Fact::SessionReopened(_) => String::new(),
        Fact::SubagentReported(report) => {
            format!("{} ({})", report.subagent, tokens(report.usage))
        }
        Fact::EffectParked(parked) => {
            format!("{} #{} until {}", short(&parked.effect), parked.attempt, parked.until_ms)
        }
        Fact::CallRefused(refused) => {
            format!("{}: {}", word(&refused.reason), item(&refused.item))
        }
    }
}

fn operation(operation: &SandboxOperation) -> String {
    match operation {
        SandboxOperation::ExecBegun { effect, argv, has_terminal, .. } => {
            let what = if *has_terminal { "a terminal with" } else { "runs" };
            format!("{} {what} {}", short(effect), argv.join(" "))
        }
        SandboxOperation::ExecEnded { effect, end, error } => match (end, error) {
            (Some(end), _) => format!("{} {end:?}", short(effect)),
            (None, error) => format!("{}: {}", short(effect), error.as_deref().unwrap_or("?")),
        },
        SandboxOperation::Parked => "parked".to_owned(),
        SandboxOperation::Restored { seq, lost_calls, .. } => {
            format!("back to the checkpoint at {seq}, without the last {lost_calls} calls")
        }
        SandboxOperation::Removed => "removed".to_owned(),
        SandboxOperation::Arrived => "the executor connected".to_owned(),
        SandboxOperation::Left => "the executor left".to_owned(),
        SandboxOperation::Collected { before, checkpoint_count, blob_count, .. } => format!(
            "{checkpoint_count} checkpoints before {before} are kept no longer, {blob_count} blobs are gone"
        ),
    }
}

fn request(request: &EffectRequest) -> String {
    match request {
        EffectRequest::Model { model, context, .. } => format!("model {model}, {context} items"),
        EffectRequest::Tool { tool, .. } => format!("tool {tool}"),
        EffectRequest::ResolveTools => "learn the tools".to_owned(),
        EffectRequest::Checkpoint => "checkpoint".to_owned(),
        EffectRequest::Compact { model, cut } => format!("summarise {cut} items with {model}"),
    }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Model { items: produced, usage, .. } => {
            format!("→ {} ({})", items(produced), tokens(*usage))
        }
        Outcome::Tool { item: output, .. } => format!("→ {}", item(output)),
        Outcome::Checkpoint { saved } => match &saved.checkpoint {
            Some(saved) => format!("→ {} files, {} bytes", saved.file_count, saved.size_bytes),
            None => "→ there was no machine".to_owned(),
        },
        Outcome::Tools { tools } => format!("→ {} tools", tools.len()),
        Outcome::Compacted { cut, .. } => format!("→ a summary of {cut} items"),
    }
}

fn items(list: &[Item]) -> String {
    list.iter().map(item).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
}

fn item(item: &Item) -> String {
    match &item.body {
        ItemBody::UserMessage { content } => quoted(content),
        ItemBody::DeveloperMessage { content, .. } => quoted(content),
        ItemBody::Foreign { value } => value.to_string(),
        ItemBody::AssistantMessage { text } => format!("\"{text}\""),
        ItemBody::Reasoning { summary, .. } => summary.clone(),
        ItemBody::ToolCall { name, arguments, .. } => format!("{name} {arguments}"),
        ItemBody::ToolOutput { content, is_error, .. } => {
            format!("{}{}", if *is_error { "error: " } else { "" }, text(content))
        }
        ItemBody::Summary { text } => text.clone(),
    }
}

fn quoted(content: &[Content]) -> String {
    format!("\"{}\"", text(content))
}

fn text(content: &[Content]) -> String {
    let part = |part: &Content| match part {
        Content::Text { text } => text.clone(),
        Content::Image { .. } => "[image]".to_owned(),
    };
    content.iter().map(part).collect::<Vec<_>>().join(" ")
}

fn required(action: &RequiredAction) -> String {
    match action {
        RequiredAction::ToolResult { name, arguments, .. } => {
            format!("the client's result of {name} {arguments}")
        }
        RequiredAction::Approval { name, arguments, unknown_outcome: false, .. } => {
            format!("approval of {name} {arguments}")
        }
        RequiredAction::Approval { name, arguments, unknown_outcome: true, .. } => {
            format!("what became of {name} {arguments}")
        }
        RequiredAction::Question { question, .. } => {
            format!("an answer to {:?}: {}", question.server(), question.message())
        }
    }
}

fn safety(safety: Safety) -> &'static str {
    match safety {
        Safety::ReadOnly => "read only",
        Safety::Idempotent => "idempotent",
        Safety::Once => "once",
    }
}

fn tokens(usage: Usage) -> String {
    format!("{} tokens in, {} out", usage.input_tokens, usage.output_tokens)
}

/// A plain enum as its entry writes it.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().replace('_', " ")
}

fn short(effect: &EffectId) -> String {
    let text = effect.as_str();
    let start = text.len().saturating_sub(ID_CHARS);
    format!("…{}", text.get(start..).unwrap_or(text))
}
