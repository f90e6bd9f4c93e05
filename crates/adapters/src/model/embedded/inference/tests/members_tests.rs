//! The order of members.

use serde_json::{Value, json};

use super::super::members::in_order;

#[test]
fn the_order_follows_from_the_content() {
    let one: Value = serde_json::from_str(
        r#"{"type":"object","properties":{"z":{"type":"string","maxLength":3},"a":{"type":"object","required":["y"],"properties":{"x":{},"y":{}}},"m":{}},"required":["m","z"]}"#,
    )
    .expect("JSON");
    let other: Value = serde_json::from_str(
        r#"{"required":["m","z"],"properties":{"a":{"required":["y"],"properties":{"y":{},"x":{}},"type":"object"},"m":{},"z":{"maxLength":3,"type":"string"}},"type":"object"}"#,
    )
    .expect("JSON");
    let ordered = in_order(&one).to_string();
    assert_eq!(ordered, in_order(&other).to_string());
    let expected = r#"{"properties":{"m":{},"z":{"maxLength":3,"type":"string"},"a":{"properties":{"y":{},"x":{}},"required":["y"],"type":"object"}},"required":["m","z"],"type":"object"}"#;
    assert_eq!(ordered, expected);
}

#[test]
fn what_is_no_schema_stays_as_it_is() {
    for value in [json!(null), json!(true), json!(["b", "a"]), json!({"enum": ["b", "a"]})] {
        assert_eq!(in_order(&value), value);
    }
}
