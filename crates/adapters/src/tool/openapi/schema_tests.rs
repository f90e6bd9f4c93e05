#![expect(clippy::needless_pass_by_value, reason = "cases are written as values")]

use serde_json::{Value, json};

use super::Inliner;
use crate::tool::openapi::document::Document;

fn inline(schemas: Value, schema: &str) -> Result<Value, String> {
    let root = json!({"openapi": "3.0.3", "components": {"schemas": schemas}});
    let document = Document::new(&root).expect("a document");
    let reference = json!({"$ref": format!("#/components/schemas/{schema}")});
    Inliner::new(document).inline(&reference)
}

#[track_caller]
fn check(schema: Value, expected: Value) {
    assert_eq!(inline(json!({"A": schema}), "A"), Ok(expected));
}

#[test]
fn openapi_3_0_becomes_json_schema() {
    check(json!({"type": "string", "nullable": true}), json!({"type": ["string", "null"]}));
    check(
        json!({"type": "string", "enum": ["a"], "nullable": true}),
        json!({"type": ["string", "null"], "enum": ["a", null]}),
    );
    check(
        json!({"type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": false}),
        json!({"type": "number", "exclusiveMinimum": 0, "maximum": 9}),
    );
    check(
        json!({"type": "integer", "example": 3, "xml": {}, "x-order": 1}),
        json!({"type": "integer"}),
    );
    check(
        json!({"type": "number", "exclusiveMinimum": 5}),
        json!({"type": "number", "exclusiveMinimum": 5}),
    );
}

#[test]
fn what_only_the_server_sets_is_left_out() {
    check(
        json!({"type": "object", "required": ["id", "name"], "properties": {"id": {"type": "string", "readOnly": true}, "name": {"type": "string"}}}),
        json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}),
    );
}

#[test]
fn references_are_written_out() {
    let schemas = json!({
        "Order": {"type": "object", "properties": {"lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}}}},
        "Line": {"type": "object", "properties": {"sku": {"$ref": "#/components/schemas/Sku", "description": "of the line"}}},
        "Sku": {"type": "string", "description": "of anything"},
    });
    let expected = json!({"type": "object", "properties": {"lines": {"type": "array", "items":
        {"type": "object", "properties": {"sku": {"type": "string", "description": "of the line"}}}}}});
    assert_eq!(inline(schemas, "Order"), Ok(expected));
}

#[test]
fn circles_are_cut() {
    let schemas = json!({"Node": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}, "all": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}}}});
    let expected = json!({"type": "object", "properties": {"next": {}, "all": {"type": "array", "items": {}}}});
    assert_eq!(inline(schemas, "Node"), Ok(expected));
}

#[test]
fn a_document_made_to_explode_is_cut() {
    // Each level doubles: written out in full it would have 2^40 schemas.
    let mut schemas = serde_json::Map::new();
    for level in 0..40 {
        let next = json!({"$ref": format!("#/components/schemas/L{}", level + 1)});
        schemas.insert(
            format!("L{level}"),
            json!({"type": "object", "properties": {"a": next, "b": next}}),
        );
    }
    schemas.insert("L40".to_owned(), json!({"type": "string"}));
    let inlined = inline(Value::Object(schemas), "L0").expect("it is cut, not refused");
    assert!(inlined.to_string().len() < 200_000);
}

#[test]
fn foreign_references_are_refused() {
    for reference in ["https://example.com/a.json", "other.json#/A", "#/components/schemas/None"] {
        let found = inline(json!({"A": {"type": "array", "items": {"$ref": reference}}}), "A");
        let reason = found.expect_err("it leads nowhere");
        assert!(reason.contains(reference), "{reason}");
    }
}
