//! Questions that a session asks a person, and results of functions that nobody else runs.

use mainstay_client::RequiredAction;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::input;
use crate::live::action_line;
use crate::output;

/// Asks for everything that a session waits for; the answer is what to send.
pub(super) async fn ask(actions: &[RequiredAction]) -> Result<Vec<Value>, Failure> {
    let mut inputs = Vec::new();
    for action in actions {
        match action {
            RequiredAction::FunctionCall { turn_id, call_id, .. } => {
                let output = line(&format!("{}\n  result: ", action_line(action))).await?;
                inputs.push(json!({
                    "type": "agent.session.input.tool_result",
                    "turn_id": turn_id,
                    "call_id": call_id,
                    "success": true,
                    "output": output,
                }));
            }
            RequiredAction::McpApprovalRequest { request_id, request } => {
                let is_unknown = request.kind.as_deref() == Some("unknown_outcome");
                inputs.push(if is_unknown {
                    let choices = ["done", "not_done", "retry"];
                    let decision = choose(&action_line(action), &choices).await?;
                    json!({
                        "type": "agent.session.input.approval_result",
                        "request_id": request_id,
                        "decision": decision,
                    })
                } else {
                    let choices = ["approve", "deny"];
                    let decision = choose(&action_line(action), &choices).await?;
                    let mut response = json!({ "type": "mcp_tool_call", "decision": decision });
                    if let Some(schema) =
                        request.requested_schema.as_ref().filter(|_| decision == "approve")
                    {
                        response["content"] = form(schema).await?;
                    }
                    json!({
                        "type": "agent.session.input.mcp_approval_request_result",
                        "request_id": request_id,
                        "response": response,
                    })
                });
            }
            RequiredAction::Other => {
                return Err(Failure::new(
                    "the session waits for something this version does not know",
                ));
            }
        }
    }
    Ok(inputs)
}

/// The members of a form, one after the other; nothing typed leaves a member to its default.
async fn form(schema: &Value) -> Result<Value, Failure> {
    let none = Map::new();
    let mut content = Map::new();
    for (name, member) in schema["properties"].as_object().unwrap_or(&none) {
        let about = member["description"].as_str().or(member["title"].as_str()).unwrap_or_default();
        let typed = line(&format!("  {name} {about}: ")).await?;
        let typed = typed.trim();
        if typed.is_empty() {
            continue;
        }
        let is_text = member["type"] == "string";
        let value = if is_text { None } else { serde_json::from_str(typed).ok() };
        content.insert(name.clone(), value.unwrap_or_else(|| typed.into()));
    }
    Ok(Value::Object(content))
}

/// One of several answers, asked for until it is one of them.
async fn choose(question: &str, choices: &[&str]) -> Result<String, Failure> {
    loop {
        let answer = line(&format!("{question}\n  {}: ", choices.join(" / "))).await?;
        if choices.contains(&answer.trim()) {
            return Ok(answer.trim().to_owned());
        }
    }
}

async fn line(question: &str) -> Result<String, Failure> {
    output::text(question)?;
    input::line().await?.ok_or_else(|| {
        Failure::new("the session waits for an answer and none was given").hint(
            "it goes on waiting: `mainstay chat --session ID` asks again, and `mainstay \
             sessions cancel ID` ends the turn",
        )
    })
}
