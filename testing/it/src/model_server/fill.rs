//! What a script takes from the outputs of its tools: `{{2.subagent_id}}` is a member of the third
//! output behind the script, `{{2}}` the whole of it.
//!
//! Invariant: a script without such a place is not copied, and its request is not read as JSON.

use serde_json::Value;

use super::script::Step;

/// How a text begins that is a script.
const SCRIPT_START: &str = r#"{"script":"#;

/// The step with what it takes from the request's last `count` outputs; none when it takes nothing.
pub(super) fn filled(step: &Step, body: &[u8], count: usize) -> Option<Step> {
    let mut value = serde_json::to_value(step).expect("a step has text keys");
    if !value.to_string().contains("{{") {
        return None;
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    let mut all = outputs(&body);
    let outputs = all.split_off(all.len().saturating_sub(count));
    fill(&mut value, &outputs);
    serde_json::from_value(value).ok()
}

/// The texts of the tool outputs of a request of either form.
fn outputs(body: &Value) -> Vec<String> {
    let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
    let chat = list("messages").into_iter().filter(|message| message["role"] == "tool");
    let chat = chat.map(|message| message["content"].clone());
    let items = list("input").into_iter().filter(|item| item["type"] == "function_call_output");
    let items = items.map(|item| item["output"].clone());
    chat.chain(items).map(|output| text(&output)).collect()
}

fn text(output: &Value) -> String {
    match output {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        other => other.to_string(),
    }
}

fn fill(value: &mut Value, outputs: &[String]) {
    match value {
        // A script for somebody else has places of its own.
        Value::String(text) if text.starts_with(SCRIPT_START) => {}
        Value::String(text) => *text = filled_text(text, outputs),
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, outputs)),
        Value::Object(members) => members.values_mut().for_each(|value| fill(value, outputs)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn filled_text(text: &str, outputs: &[String]) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, place, after)) = next_place(rest) {
        filled.push_str(before);
        filled.push_str(&taken(place, outputs));
        rest = after;
    }
    filled + rest
}

fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (place, after) = rest.split_once("}}")?;
    Some((before, place, after))
}

fn taken(place: &str, outputs: &[String]) -> String {
    let (index, member) = place.split_once('.').unwrap_or((place, ""));
    let output = index.parse().ok().and_then(|index: usize| outputs.get(index));
    let output = output.map_or("", String::as_str);
    if member.is_empty() {
        return output.to_owned();
    }
    let output: Value = serde_json::from_str(output).unwrap_or_default();
    output[member].as_str().unwrap_or_default().to_owned()
}
