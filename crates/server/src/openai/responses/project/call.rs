//! A tool call in a response, and the events that tell of it.

use serde_json::{Value, json};

use super::item::{self, McpCall};
use super::out::Out;
use crate::openai::project::{CallEnd, CallView};

/// A call that was asked for in this response or shortly before.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) view: CallView,
    pub(super) index: u32,
    pub(super) approval: Option<String>,
    /// Whether it is an item of the response.
    pub(super) is_shown: bool,
}

impl Call {
    pub(super) fn new(view: CallView, index: u32) -> Self {
        Self { view, index, approval: None, is_shown: false }
    }

    /// The call as one that this server runs.
    pub(super) fn mcp<'a>(&'a self, arguments: &'a str) -> McpCall<'a> {
        McpCall {
            id: self.view.item_id.as_str(),
            name: &self.view.name,
            arguments,
            label: self.view.source.as_deref().unwrap_or("client"),
            approval: self.approval.as_deref(),
        }
    }

    /// The client is to run it: all of it is known.
    pub(super) fn function_call(&mut self, out: &mut Out) -> Value {
        self.is_shown = true;
        let (view, index) = (&self.view, self.index);
        let id = view.item_id.as_str();
        let show = |arguments: &str, status: &str| {
            item::function_call(id, view.call_id.as_str(), &view.name, arguments, status)
        };
        let begun = show("", "in_progress");
        out.push("response.output_item.added", json!({"output_index": index, "item": begun}));
        let members = json!({"item_id": id, "output_index": index, "delta": view.arguments});
        out.push("response.function_call_arguments.delta", members);
        let members = json!({
            "item_id": id, "output_index": index, "name": view.name, "arguments": view.arguments,
        });
        out.push("response.function_call_arguments.done", members);
        let whole = show(&view.arguments, "completed");
        out.push("response.output_item.done", json!({"output_index": index, "item": whole}));
        whole
    }

    /// This server runs it from now on.
    pub(super) fn own_call(&mut self, out: &mut Out) -> Value {
        self.is_shown = true;
        let (id, index) = (self.view.item_id.as_str(), self.index);
        let arguments = &self.view.arguments;
        let begun = self.mcp("").show("in_progress", None);
        out.push("response.output_item.added", json!({"output_index": index, "item": begun}));
        let place = json!({"item_id": id, "output_index": index});
        out.push("response.mcp_call.in_progress", place);
        let members = json!({"item_id": id, "output_index": index, "delta": arguments});
        out.push("response.mcp_call_arguments.delta", members);
        let members = json!({"item_id": id, "output_index": index, "arguments": arguments});
        out.push("response.mcp_call_arguments.done", members);
        self.mcp(arguments).show("in_progress", None)
    }

    /// A person is asked before it goes on: its item ends here, and the call has another later.
    pub(super) fn paused(&mut self, out: &mut Out) -> Option<Value> {
        if !std::mem::take(&mut self.is_shown) {
            return None;
        }
        let whole = self.mcp(&self.view.arguments).show("incomplete", None);
        let index = self.index;
        out.push("response.output_item.done", json!({"output_index": index, "item": whole}));
        Some(whole)
    }

    /// What it gave.
    pub(super) fn ended(&self, end: &CallEnd, out: &mut Out) -> Value {
        let (id, index) = (self.view.item_id.as_str(), self.index);
        let text = item::text_of(&end.content);
        let (kind, status) = match end.is_error {
            true => ("response.mcp_call.failed", "failed"),
            false => ("response.mcp_call.completed", "completed"),
        };
        let whole = self.mcp(&self.view.arguments).show(status, Some((&text, end.is_error)));
        out.push(kind, json!({"item_id": id, "output_index": index}));
        out.push("response.output_item.done", json!({"output_index": index, "item": whole}));
        whole
    }
}
