//! One item of each kind.

use serde_json::{Value, json};

use super::samples::agent_content;
use crate::openai::wire::*;

/// Items that clients, models and tools make, the agent's own first.
pub(super) fn items() -> Vec<Item> {
    let mut items = output_items();
    items.push(Item::Message(MessageItem {
        id: "item_u".to_owned(),
        turn_id: "turn_1".to_owned(),
        role: Role::User,
        status: ItemStatus::Completed,
        phase: None,
        content: vec![
            InputContent::text("hello").into(),
            MessageContent::InputImage { image_url: "https://example.com/a.png".to_owned() },
        ],
    }));
    let outputs = [
        (CallStatus::Completed, Some(FunctionOutput::Text("found".to_owned())), None),
        (
            CallStatus::Completed,
            Some(FunctionOutput::Parts(vec![InputContent::text("found")])),
            None,
        ),
        (CallStatus::Failed, None, Some("no such key".to_owned())),
    ];
    items.extend(outputs.into_iter().map(|(status, output, error)| {
        Item::FunctionCallOutput(FunctionCallOutputItem {
            id: "item_o".to_owned(),
            turn_id: "turn_1".to_owned(),
            call_id: "call_1".to_owned(),
            status,
            output,
            error,
        })
    }));
    items.push(Item::AgentMessage(AgentMessageItem {
        id: "item_m".to_owned(),
        turn_id: "turn_1".to_owned(),
        sender_agent_id: "agent_1".to_owned(),
        recipient_agent_id: "agent_2".to_owned(),
        content: agent_content(),
    }));
    items
}

/// Items that an agent makes.
pub(super) fn output_items() -> Vec<Item> {
    let mut items = vec![
        message(ItemStatus::InProgress, None, Vec::new()),
        message(ItemStatus::Incomplete, None, vec![MessageContent::output_text("so fa")]),
        message(
            ItemStatus::Completed,
            Some(Phase::FinalAnswer),
            vec![MessageContent::output_text("done")],
        ),
        Item::Reasoning(ReasoningItem {
            id: "item_r".to_owned(),
            turn_id: "turn_1".to_owned(),
            status: Some(ItemStatus::Completed),
            summary: vec![SummaryText { text: "thought".to_owned() }],
        }),
        Item::FunctionCall(FunctionCallItem {
            id: "item_f".to_owned(),
            turn_id: "turn_1".to_owned(),
            call_id: "call_1".to_owned(),
            name: "lookup".to_owned(),
            arguments: json!({"key": 1}),
            status: CallStatus::InProgress,
        }),
        mcp_call(CallStatus::Completed, json!({"content": []}), Value::Null),
        mcp_call(CallStatus::Failed, Value::Null, json!("timed out")),
    ];
    let actions = [
        None,
        Some(WebSearchAction::Search { query: Some("rust".to_owned()), queries: None }),
        Some(WebSearchAction::OpenPage { url: Some("https://example.com".to_owned()) }),
        Some(WebSearchAction::FindInPage { url: None, pattern: Some("x".to_owned()) }),
        Some(WebSearchAction::Other {}),
    ];
    items.extend(actions.into_iter().map(|action| {
        Item::WebSearchCall(WebSearchCallItem {
            id: "item_w".to_owned(),
            turn_id: "turn_1".to_owned(),
            status: ItemStatus::Completed,
            action,
        })
    }));
    items.push(Item::CommandExecution(CommandExecutionItem {
        id: "item_c".to_owned(),
        turn_id: "turn_1".to_owned(),
        command: "ls".to_owned(),
        cwd: Some("/workspace".to_owned()),
        status: CallStatus::Completed,
        duration_ms: Some(12),
        exit_code: Some(0),
        output: Some("a\n".to_owned()),
    }));
    items.extend(subagent_items());
    items
}

fn message(status: ItemStatus, phase: Option<Phase>, content: Vec<MessageContent>) -> Item {
    Item::Message(MessageItem {
        id: "item_a".to_owned(),
        turn_id: "turn_1".to_owned(),
        role: Role::Assistant,
        status,
        phase,
        content,
    })
}

fn mcp_call(status: CallStatus, output: Value, error: Value) -> Item {
    Item::McpCall(McpCallItem {
        id: "item_t".to_owned(),
        turn_id: "turn_1".to_owned(),
        server_label: "files".to_owned(),
        name: "read".to_owned(),
        arguments: json!({"path": "a"}),
        status,
        output,
        error,
    })
}

fn subagent_items() -> [Item; 6] {
    let call = || SubagentCallItem {
        id: "item_s".to_owned(),
        turn_id: "turn_1".to_owned(),
        sender_agent_id: "agent_1".to_owned(),
        recipient_agent_id: "agent_2".to_owned(),
        status: CallStatus::InProgress,
    };
    let (id, turn_id, status) = ("item_s".to_owned(), "turn_1".to_owned(), CallStatus::Completed);
    [
        Item::CreateSubagentCall(CreateSubagentCallItem {
            id: id.clone(),
            turn_id: turn_id.clone(),
            agent_id: "agent_1".to_owned(),
            content: agent_content(),
            model: None,
            reasoning_effort: Some("low".to_owned()),
            status,
        }),
        Item::SendSubagentInputCall(SendSubagentInputCallItem {
            id: id.clone(),
            turn_id: turn_id.clone(),
            sender_agent_id: "agent_1".to_owned(),
            recipient_agent_id: "agent_2".to_owned(),
            content: agent_content(),
            status,
        }),
        Item::ResumeSubagentCall(call()),
        Item::WaitForSubagentsCall(WaitForSubagentsCallItem {
            id,
            turn_id,
            sender_agent_id: "agent_1".to_owned(),
            recipient_agent_ids: vec!["agent_2".to_owned()],
            status,
        }),
        Item::InterruptSubagentCall(call()),
        Item::CloseSubagentCall(call()),
    ]
}
