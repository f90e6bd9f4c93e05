//! What the model may write: one call of one of the tools with arguments that fit its schema, or a
//! reply.
//!
//! Invariant: every text, list and number in a call has a bound, because a small model that may go
//! on for ever sometimes does. Deliberately absent: members of a schema that the grammar does not
//! know (they are left to whoever checks arguments).

use llguidance::api::TopLevelGrammar;
use mainstay_core::tool::ToolSpec;
use serde_json::{Map, Value, json};

use super::members::in_order;

/// Bound on a text in a call, characters; a schema may ask for less.
const MAX_STRING_CHARS: u64 = 2_000;
/// Bound on a list in a call; a schema may ask for less.
const MAX_LIST_ITEMS: u64 = 32;
/// How deep a schema is followed.
const MAX_SCHEMA_DEPTH: usize = 32;

/// What is decoded.
pub(super) enum Expected<'a> {
    /// Text without any form.
    FreeText,
    /// A JSON value.
    Json(&'a Value),
    /// A call of one of these tools, or the reply: one of both at least.
    CallOrReply {
        tools: Vec<&'a ToolSpec>,
        /// How a reply is marked; none where a call is due.
        reply: Option<&'a str>,
        reply_schema: Option<&'a Value>,
    },
}

/// The grammar; none where anything may be written.
pub(super) fn grammar(expected: &Expected<'_>) -> Option<TopLevelGrammar> {
    match expected {
        Expected::FreeText => None,
        Expected::Json(schema) => Some(TopLevelGrammar::from_json_schema(bounded_schema(schema))),
        Expected::CallOrReply { tools, reply, reply_schema } => {
            let mut choices: Vec<String> = tools.iter().map(|tool| call_rule(tool)).collect();
            choices.extend(reply.map(|reply| match reply_schema {
                Some(schema) => {
                    format!("{} %json {}", first_line(reply), bounded_schema(schema))
                }
                None => format!("{} /(?s:.+)/", first_line(reply)),
            }));
            Some(TopLevelGrammar::from_lark(format!("start: {}", choices.join(" | "))))
        }
    }
}

/// The same with any object for arguments, for schemas that the grammar cannot follow.
pub(super) fn loose_grammar(expected: &Expected<'_>) -> TopLevelGrammar {
    let any = json!({"type": "object"});
    match expected {
        Expected::FreeText | Expected::Json(_) => TopLevelGrammar::from_json_schema(any),
        Expected::CallOrReply { tools, reply, .. } => {
            let names = tools.iter().map(|tool| tool.name.as_str());
            let mut choices: Vec<String> =
                names.map(|name| format!("{} %json {any}", first_line(name))).collect();
            choices.extend(reply.map(|reply| format!("{} /(?s:.+)/", first_line(reply))));
            TopLevelGrammar::from_lark(format!("start: {}", choices.join(" | ")))
        }
    }
}

fn call_rule(tool: &ToolSpec) -> String {
    format!("{} %json {}", first_line(&tool.name), bounded_schema(&object(&tool.parameters)))
}

fn first_line(name: &str) -> String {
    Value::String(format!("{name}\n")).to_string()
}

/// Arguments are an object even where a schema leaves it open.
fn object(parameters: &Value) -> Value {
    let mut parameters = parameters.clone();
    match &mut parameters {
        Value::Object(members) if members.contains_key("type") || members.contains_key("$ref") => {}
        Value::Object(members) => {
            members.insert("type".to_owned(), json!("object"));
        }
        _ => parameters = json!({"type": "object"}),
    }
    parameters
}

/// The schema with bounds, in the layout that models write by themselves.
fn bounded_schema(schema: &Value) -> Value {
    let mut schema = in_order(schema);
    bound(&mut schema, MAX_SCHEMA_DEPTH);
    if let Value::Object(members) = &mut schema {
        let layout = json!({
            "whitespace_flexible": false,
            "item_separator": ", ",
            "key_separator": ": ",
            "lenient": true,
        });
        members.insert("x-guidance".to_owned(), layout);
    }
    schema
}

fn bound(schema: &mut Value, depth: usize) {
    let Value::Object(members) = schema else { return };
    let Some(depth) = depth.checked_sub(1) else { return };
    if may_be(members, "string") && !has_values(members) {
        limit(members, "maxLength", "minLength", MAX_STRING_CHARS);
    }
    if may_be(members, "array") {
        limit(members, "maxItems", "minItems", MAX_LIST_ITEMS);
    }
    // An object that names its members means only those, unless it says otherwise.
    if may_be(members, "object") && members.contains_key("properties") {
        members.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    for (keyword, inner) in members.iter_mut() {
        match (keyword.as_str(), inner) {
            (
                "properties" | "patternProperties" | "$defs" | "definitions",
                Value::Object(named),
            ) => {
                named.values_mut().for_each(|schema| bound(schema, depth));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(|schema| bound(schema, depth));
            }
            ("items" | "additionalProperties", schema) => bound(schema, depth),
            _ => {}
        }
    }
}

fn may_be(members: &Map<String, Value>, kind: &str) -> bool {
    match members.get("type") {
        Some(Value::String(only)) => only == kind,
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        _ => false,
    }
}

/// Texts that are listed or follow a pattern are bounded by that.
fn has_values(members: &Map<String, Value>) -> bool {
    ["enum", "const", "pattern", "format"].iter().any(|keyword| members.contains_key(*keyword))
}

/// Sets an upper bound, or lowers the one that is there, but not below the schema's lower bound.
fn limit(members: &mut Map<String, Value>, upper: &str, lower: &str, most: u64) {
    let number = |keyword: &str| members.get(keyword).and_then(Value::as_u64);
    let most = most.max(number(lower).unwrap_or(0));
    let bound = number(upper).unwrap_or(most).min(most);
    members.insert(upper.to_owned(), json!(bound));
}
