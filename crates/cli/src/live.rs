//! A session as it goes, for a person in front of a screen.
//!
//! Invariant: text of a message, and what a call prints, are printed as they come; everything else is a
//! line of its own.

use std::collections::BTreeSet;

use mainstay_client::{CallItem, CommandItem, Event, EventBody, Item, RequiredAction};
use serde_json::Value;

use crate::output;
use crate::screen;
use crate::table;

/// The longest arguments or output of a tool call in a line, characters.
const MAX_CALL_CHARS: usize = 100;

/// Prints events.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// The message or call whose text is being printed.
    message: Option<String>,
    /// Calls whose output was printed as it came.
    printed: BTreeSet<String>,
}

impl Live {
    /// Prints what an event says, if it says something to a person.
    pub(crate) fn show(&mut self, event: &Event) -> std::io::Result<()> {
        match &event.body {
            EventBody::TextDelta { item_id, delta } => {
                if self.message.as_deref() != Some(item_id) {
                    self.end_line()?;
                    self.message = Some(item_id.clone());
                }
                output::text(screen::harmless(delta))
            }
            EventBody::OutputDelta { item_id, delta } => {
                if self.message.as_deref() != Some(item_id) {
                    self.end_line()?;
                    self.message = Some(item_id.clone());
                    self.printed.insert(item_id.clone());
                }
                output::text(screen::harmless(delta))
            }
            EventBody::ItemDone(done) => self.done(&done.item),
            EventBody::ItemAdded(added) => match &added.item {
                Item::McpCall(call) => self.line(&format!("→ {}", call_line(call))),
                Item::FunctionCall(call) => {
                    self.line(&format!("→ {} (yours to run)", call_line(call)))
                }
                Item::CommandExecution(command) => {
                    self.line(&format!("$ {}", table::cut(&command.command, MAX_CALL_CHARS)))
                }
                Item::Message(message) if message.role == "user" => {
                    self.line(&format!("> {}", message.text()))
                }
                Item::Message(_) | Item::Other => Ok(()),
            },
            EventBody::TurnFailed(failed) => {
                let error = failed.turn.error.as_ref().map_or("", |error| error.message.as_str());
                self.line(&format!("✗ the turn failed: {error}"))
            }
            EventBody::TurnCancelled(_) => self.line("✗ the turn was cancelled"),
            EventBody::SessionRequiresAction(waits) => {
                for action in &waits.session.required_actions {
                    self.line(&format!("? {}", action_line(action)))?;
                }
                Ok(())
            }
            EventBody::SessionBudgetReached(_) => self.line("✗ the spend limit is reached"),
            EventBody::SessionFailed(failed) => {
                let error = failed.session.error.as_deref().unwrap_or_default();
                self.line(&format!("✗ the session failed: {error}"))
            }
            _ => Ok(()),
        }
    }

    fn done(&mut self, item: &Item) -> std::io::Result<()> {
        match item {
            Item::Message(message) => {
                let was_shown = self.message.as_deref() == Some(&message.id);
                if message.status.as_deref() == Some("incomplete") {
                    return self.line("… broken off");
                }
                if was_shown {
                    return self.end_line();
                }
                self.line(&message.text())
            }
            Item::McpCall(call) => {
                let failed = call.status.as_deref() == Some("failed");
                let result = if failed { &call.error } else { &call.output };
                let mark = if failed { "✗" } else { "✓" };
                self.printed.remove(&call.id);
                self.line(&format!("{mark} {}: {}", call.name, short(result)))
            }
            Item::CommandExecution(command) => {
                if self.printed.remove(&command.id) {
                    return self.line(&command_end(command));
                }
                self.line(&format!("{}: {}", command_end(command), command_output(command)))
            }
            Item::FunctionCall(_) | Item::Other => Ok(()),
        }
    }

    fn line(&mut self, text: &str) -> std::io::Result<()> {
        self.end_line()?;
        output::line(screen::harmless(text))
    }

    /// Ends the line of a message that is being printed.
    pub(crate) fn end_line(&mut self) -> std::io::Result<()> {
        if self.message.take().is_some() { output::line("") } else { Ok(()) }
    }
}

/// An item as one line, for lists; none for what a person need not see.
pub(crate) fn item_line(item: &Item) -> Option<String> {
    match item {
        Item::Message(message) if message.role == "user" => Some(format!("> {}", message.text())),
        Item::Message(message) => Some(message.text()),
        Item::McpCall(call) => {
            let failed = call.status.as_deref() == Some("failed");
            let result = if failed { &call.error } else { &call.output };
            let mark = if failed { "✗" } else { "✓" };
            Some(format!("{mark} {}: {}", call_line(call), short(result)))
        }
        Item::FunctionCall(call) => Some(format!("→ {} (yours to run)", call_line(call))),
        Item::CommandExecution(command) => {
            let asked = table::cut(&command.command, MAX_CALL_CHARS);
            Some(format!("$ {asked}\n{}: {}", command_end(command), command_output(command)))
        }
        Item::Other => None,
    }
}

/// What a session waits for, as one line.
pub(crate) fn action_line(action: &RequiredAction) -> String {
    match action {
        RequiredAction::FunctionCall { call_id, name, arguments, .. } => {
            format!("the result of {name}({}) for call {call_id}", short(arguments))
        }
        RequiredAction::McpApprovalRequest { request_id, request } => {
            let name = request.name.as_deref().unwrap_or_default();
            let call = format!("{name}({})", short(&request.arguments));
            if request.kind.as_deref() == Some("unknown_outcome") {
                return format!("what became of {call}: done, not done or retry ({request_id})");
            }
            if matches!(request.kind.as_deref(), Some("consent" | "form" | "visit")) {
                return format!(
                    "an answer to {:?}: {} ({request_id})",
                    request.server_label, request.message
                );
            }
            format!("approval of {call} ({request_id})")
        }
        RequiredAction::Other => "something that this version does not know".to_owned(),
    }
}

fn command_end(command: &CommandItem) -> String {
    match (command.exit_code, command.status.as_deref()) {
        (Some(0), _) => "✓ the command ended".to_owned(),
        (Some(code), _) => format!("✗ the command ended with exit code {code}"),
        (None, Some("in_progress")) => "… the command runs".to_owned(),
        (None, _) => "✗ the command did not end by itself".to_owned(),
    }
}

fn command_output(command: &CommandItem) -> String {
    table::cut(command.output.as_deref().unwrap_or_default(), MAX_CALL_CHARS)
}

fn call_line(call: &CallItem) -> String {
    format!("{}({})", call.name, short(&call.arguments))
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    table::cut(&text, MAX_CALL_CHARS)
}
