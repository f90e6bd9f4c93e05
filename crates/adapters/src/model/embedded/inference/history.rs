//! The calls of a turn that would tell nothing new if they were made again.
//!
//! Invariant: a call that only reads counts until something else than reading happened; a call that
//! changes the world counts for the whole turn, because a second one is more likely a slip of a
//! small model than a wish. A call that failed does not count.

use mainstay_core::item::ItemBody;
use mainstay_core::port::ModelRequest;
use mainstay_core::tool::Safety;
use mainstay_protocol::CallId;
use serde_json::Value;

/// Calls since the user last spoke.
#[derive(Default)]
pub(super) struct TurnCalls<'a> {
    calls: Vec<Call<'a>>,
}

struct Call<'a> {
    id: &'a CallId,
    name: &'a str,
    arguments: &'a str,
    safety: Safety,
}

impl<'a> TurnCalls<'a> {
    /// Reads them from a request's transcript.
    pub(super) fn new(request: &'a ModelRequest) -> Self {
        let mut known = Self::default();
        let safety_of = |name: &str| {
            request.tools.iter().find(|tool| tool.name == name).map(|tool| tool.safety)
        };
        for item in &request.items {
            match &item.body {
                ItemBody::UserMessage { .. } => known.calls.clear(),
                ItemBody::ToolCall { call_id, name, arguments, .. } => {
                    let Some(safety) = safety_of(name) else { continue };
                    known.add(Call { id: call_id, name, arguments, safety });
                }
                ItemBody::ToolOutput { call_id, is_error: true, .. } => {
                    known.calls.retain(|call| call.id != call_id);
                }
                ItemBody::ToolOutput { .. }
                | ItemBody::AssistantMessage { .. }
                | ItemBody::Reasoning { .. }
                | ItemBody::DeveloperMessage { .. }
                | ItemBody::Summary { .. }
                | ItemBody::Foreign { .. } => {}
            }
        }
        known
    }

    fn add(&mut self, call: Call<'a>) {
        if call.safety != Safety::ReadOnly {
            self.calls.retain(|known| known.safety != Safety::ReadOnly);
        }
        self.calls.push(call);
    }

    /// Whether a call of this tool is known.
    pub(super) fn names(&self, name: &str) -> bool {
        self.calls.iter().any(|call| call.name == name)
    }

    /// Whether this very call is known.
    pub(super) fn contains(&self, name: &str, arguments: &str) -> bool {
        let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
        let new = parse(arguments);
        let mut of_tool = self.calls.iter().filter(|call| call.name == name);
        let same = |known: &Call<'_>| new.is_some() && parse(known.arguments) == new;
        of_tool.any(|known| known.arguments == arguments || same(known))
    }
}
