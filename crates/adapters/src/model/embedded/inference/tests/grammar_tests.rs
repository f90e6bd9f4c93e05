//! Schemas with bounds. Whether the library follows them is shown with a vocabulary of single bytes.

use llguidance::toktrie::{ApproximateTokEnv, TokEnv};
use llguidance::{Matcher, ParserFactory};
use mainstay_core::tool::{Safety, ToolSpec};
use serde_json::{Value, json};

use super::super::grammar::{Expected, grammar, loose_grammar};
use super::support::with_parameters;

fn bytes_as_tokens() -> TokEnv {
    ApproximateTokEnv::single_byte_env()
}

/// Whether the text is a whole answer.
fn fits(expected: &Expected<'_>, text: &str) -> bool {
    let parsers = ParserFactory::new_simple(&bytes_as_tokens()).expect("a vocabulary");
    let grammar = grammar(expected).expect("an answer with a form");
    let mut matcher = Matcher::new(parsers.create_parser(grammar));
    let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
    let taken = matcher.try_consume_tokens(&tokens).expect("no token is impossible to check");
    taken == tokens.len() && matcher.is_accepting().expect("the grammar is sound")
}

fn fits_call(parameters: Value, text: &str) -> bool {
    let tool = with_parameters("pay", Safety::Once, parameters);
    let expected =
        Expected::CallOrReply { tools: vec![&tool], reply: Some("reply"), reply_schema: None };
    fits(&expected, text)
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

#[test]
fn a_call_fits_its_schema_or_is_impossible() {
    let parameters = object(
        &json!({
            "to": {"type": "string"},
            "cents": {"type": "integer", "minimum": 1, "maximum": 500},
            "how": {"enum": ["cash", "card"]},
        }),
        &["to", "cents"],
    );
    for (text, is_possible) in [
        ("pay\n{\"to\": \"Ann\", \"cents\": 12}", true),
        ("pay\n{\"to\": \"Ann\", \"cents\": 12, \"how\": \"card\"}", true),
        ("reply\nPaid.\n\nAnything else?", true),
        ("pay\n{\"to\": \"Ann\", \"cents\": 501}", false),
        ("pay\n{\"to\": \"Ann\", \"cents\": \"12\"}", false),
        ("pay\n{\"to\": \"Ann\"}", false),
        ("pay\n{\"to\": \"Ann\", \"cents\": 12, \"how\": \"gold\"}", false),
        ("pay\n{\"to\": \"Ann\", \"cents\": 12, \"more\": 1}", false),
        ("pay\n{\"to\": \"Ann\", \"cents\": 12} and so on", false),
        ("steal\n{\"to\": \"Ann\", \"cents\": 12}", false),
        ("Paid.", false),
        ("reply\n", false),
    ] {
        assert_eq!(fits_call(parameters.clone(), text), is_possible, "{text}");
    }
}

#[test]
fn texts_and_lists_have_bounds() {
    let text = |length: usize| format!("pay\n{{\"to\": \"{}\"}}", "x".repeat(length));
    let list = |length: usize| format!("pay\n{{\"to\": [{}]}}", vec!["1"; length].join(", "));
    let text_of = |schema: Value| object(&json!({"to": schema}), &["to"]);
    for (schema, answer, is_possible) in [
        (json!({"type": "string"}), text(2_000), true),
        (json!({"type": "string"}), text(2_001), false),
        (json!({"type": ["string", "null"]}), text(2_001), false),
        (json!({"type": "string", "maxLength": 5}), text(5), true),
        (json!({"type": "string", "maxLength": 5}), text(6), false),
        (json!({"type": "string", "maxLength": 1_000_000}), text(2_001), false),
        (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), text(2_001), false),
        (json!({"type": "array", "items": {"type": "integer"}}), list(32), true),
        (json!({"type": "array", "items": {"type": "integer"}}), list(33), false),
    ] {
        assert_eq!(fits_call(text_of(schema.clone()), &answer), is_possible, "{schema}");
    }
}

#[test]
fn tools_without_a_schema_take_an_object() {
    for parameters in [json!({}), json!(null), json!({"type": "object"})] {
        assert!(fits_call(parameters.clone(), "pay\n{}"), "{parameters}");
        assert!(!fits_call(parameters.clone(), "pay\n7"), "{parameters}");
    }
}

#[test]
fn a_reply_may_have_a_schema() {
    let schema = object(&json!({"sum": {"type": "integer"}}), &["sum"]);
    let alone = Expected::Json(&schema);
    assert!(fits(&alone, "{\"sum\": 7}"));
    assert!(!fits(&alone, "seven"));
    let tools: Vec<&ToolSpec> = Vec::new();
    let marked = Expected::CallOrReply { tools, reply: Some("reply"), reply_schema: Some(&schema) };
    assert!(fits(&marked, "reply\n{\"sum\": 7}"));
    assert!(!fits(&marked, "reply\nseven"));
}

#[test]
fn a_call_may_be_due() {
    let tool = with_parameters("pay", Safety::Once, json!({"type": "object"}));
    let expected = Expected::CallOrReply { tools: vec![&tool], reply: None, reply_schema: None };
    assert!(fits(&expected, "pay\n{}"));
    assert!(!fits(&expected, "reply\nPaid."));
}

#[test]
fn a_schema_that_cannot_be_followed_leaves_an_object() {
    let tool = with_parameters("pay", Safety::Once, json!({"type": "object", "$ref": "#/nowhere"}));
    let expected =
        Expected::CallOrReply { tools: vec![&tool], reply: Some("reply"), reply_schema: None };
    let parsers = ParserFactory::new_simple(&bytes_as_tokens()).expect("a vocabulary");
    let strict = Matcher::new(parsers.create_parser(grammar(&expected).expect("has a form")));
    assert!(strict.is_error(), "the reference leads nowhere");
    let loose = Matcher::new(parsers.create_parser(loose_grammar(&expected)));
    assert!(!loose.is_error(), "{:?}", loose.get_error());
}
