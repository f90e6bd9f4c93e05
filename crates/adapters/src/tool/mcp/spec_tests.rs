#![expect(clippy::needless_pass_by_value, reason = "cases are written as values")]

use std::collections::BTreeMap;

use mainstay_core::tool::{ApprovalMode, McpTransport, Safety, ToolSpec};
use rmcp::model::Tool;
use serde_json::{Value, json};

use super::{Parts, specs};

fn map(
    tool: Value,
    allowed: Option<&[String]>,
    safety: &BTreeMap<String, Safety>,
) -> Vec<ToolSpec> {
    let tool: Tool = serde_json::from_value(tool).expect("a tool");
    let transport = McpTransport::Stdio { server: "x".to_owned() };
    let approval = ApprovalMode::Always;
    let parts =
        Parts { label: "x", transport: &transport, allowed, safety, approval, required: false };
    specs(&[tool], parts, 7)
}

#[track_caller]
fn check_safety(annotations: Value, expected: Safety) {
    let tool = json!({"name": "a", "inputSchema": {}, "annotations": annotations});
    assert_eq!(map(tool, None, &BTreeMap::new())[0].safety, expected, "{annotations}");
}

#[test]
fn annotations_become_safety() {
    check_safety(json!({}), Safety::Once);
    check_safety(json!({"readOnlyHint": true}), Safety::ReadOnly);
    check_safety(json!({"readOnlyHint": true, "idempotentHint": false}), Safety::ReadOnly);
    check_safety(json!({"readOnlyHint": false, "idempotentHint": true}), Safety::Idempotent);
    check_safety(json!({"idempotentHint": true, "destructiveHint": true}), Safety::Idempotent);
    check_safety(json!({"readOnlyHint": false, "idempotentHint": false}), Safety::Once);
    check_safety(json!({"destructiveHint": false}), Safety::Once);
}

#[test]
fn the_agent_knows_better_than_the_server() {
    let tool = json!({"name": "a", "inputSchema": {}, "annotations": {"readOnlyHint": true}});
    let safety = BTreeMap::from([("a".to_owned(), Safety::Once)]);
    assert_eq!(map(tool.clone(), None, &safety)[0].safety, Safety::Once);
    assert_eq!(map(tool.clone(), Some(&["b".to_owned()]), &safety), []);
    assert_eq!(map(tool, Some(&["a".to_owned()]), &safety).len(), 1);
}

#[test]
fn tools_are_mapped() {
    let tool = json!({"name": "find.order", "title": "Find", "inputSchema": {"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"id": {"type": "string"}}}});
    let spec = map(tool, None, &BTreeMap::new()).pop().expect("one tool");
    assert_eq!(
        (spec.name.as_str(), spec.remote_name.as_str(), spec.source),
        ("find_order", "find.order", 7)
    );
    assert_eq!((spec.description.as_str(), spec.approval), ("Find", ApprovalMode::Always));
    assert_eq!(
        spec.parameters,
        json!({"type": "object", "properties": {"id": {"type": "string"}}})
    );
    let huge = json!({"name": "a", "description": "x".repeat(9_000), "inputSchema": {"description": "x".repeat(200_000)}});
    let spec = map(huge, None, &BTreeMap::new()).pop().expect("one tool");
    assert_eq!(spec.parameters, json!({"type": "object"}));
    assert!(spec.description.len() <= 2_048);
}
