#![expect(clippy::needless_pass_by_value, reason = "cases are written as values")]

use serde_json::{Value, json};

use super::{Schemas, compile};

#[track_caller]
fn check(schema: Value, arguments: Value, expected: Result<(), &str>) {
    let schemas = Schemas::new();
    for _ in 0..2 {
        let found = schemas.check(&schema, &arguments);
        assert_eq!(found.as_ref().map_err(|text| text.as_str()), expected.as_ref().map_err(|t| *t));
    }
}

fn order() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^O-[0-9]+$"},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"count": {"type": "integer", "minimum": 1}}}},
            "state": {"enum": ["open", "closed"]},
        },
        "required": ["id"],
        "additionalProperties": false,
    })
}

const HEAD: &str = "the arguments do not fit the tool's schema:";

#[test]
fn faults_name_their_place() {
    check(order(), json!({"id": "O-1", "lines": [{"count": 2}], "state": "open"}), Ok(()));
    check(order(), json!({}), Err(&format!("{HEAD}\n- id is missing")));
    check(
        order(),
        json!({"id": "7"}),
        Err(&format!("{HEAD}\n- id: \"7\" does not match \"^O-[0-9]+$\"")),
    );
    check(
        order(),
        json!({"id": "O-1", "lines": [{"count": 1}, {"count": 0}]}),
        Err(&format!("{HEAD}\n- lines.1.count: 0 is less than the minimum of 1")),
    );
    check(
        order(),
        json!({"id": "O-1", "state": "lost"}),
        Err(&format!("{HEAD}\n- state: expected one of [\"open\",\"closed\"]")),
    );
    check(
        order(),
        json!({"id": "O-1", "colour": 1}),
        Err(&format!("{HEAD}\n- there is no such argument: colour")),
    );
    check(order(), json!("text"), Err(&format!("{HEAD}\n- \"text\" is not of type \"object\"")));
}

#[test]
fn a_schema_reaches_nothing_outside_itself() {
    for reference in ["file:///etc/passwd", "http://127.0.0.1:1/schema.json", "other.json"] {
        let schema = json!({"$ref": reference});
        let text = compile(&schema).expect_err("a foreign reference is refused");
        assert!(text.starts_with("the tool's schema is not usable:"), "{text}");
    }
    check(json!({"$ref": "other.json"}), json!({"anything": 1}), Ok(()));
    let recursive = json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}});
    check(recursive.clone(), json!({"next": {"next": {}}}), Ok(()));
    check(
        recursive,
        json!({"next": {"next": 1}}),
        Err(&format!("{HEAD}\n- next.next: 1 is not of type \"object\"")),
    );
}

#[test]
fn long_faults_are_cut() {
    let text = Schemas::new()
        .check(&json!({"type": "object"}), &json!("x".repeat(10_000)))
        .expect_err("a text is no object");
    assert!(text.len() < 500, "{}", text.len());
}
