//! Which calls tell nothing new.

use mainstay_core::item::ItemBody;
use mainstay_core::tool::Safety;

use super::super::history::TurnCalls;
use super::support::{call, failure, output, request, tool, user};

fn check(items: Vec<ItemBody>, name: &str, arguments: &str, is_known: bool) {
    let tools = vec![tool("read", Safety::ReadOnly), tool("pay", Safety::Once)];
    let request = request(items, tools);
    assert_eq!(TurnCalls::new(&request).contains(name, arguments), is_known, "{:?}", request.items);
}

fn read_a() -> Vec<ItemBody> {
    vec![user("go"), call("c1", "read", r#"{"id": "a"}"#), output("c1", "1")]
}

#[test]
fn the_same_reading_again_tells_nothing_new() {
    check(read_a(), "read", r#"{"id": "a"}"#, true);
    check(read_a(), "read", r#"{"id":"a"}"#, true);
    check(read_a(), "read", r#"{"id": "b"}"#, false);
    check(read_a(), "pay", r#"{"id": "a"}"#, false);
    check(read_a(), "read", "{", false);
}

#[test]
fn reading_again_makes_sense_after_a_change() {
    let mut items = read_a();
    items.extend([call("c2", "pay", r#"{"id": "a"}"#), output("c2", "ok")]);
    check(items.clone(), "read", r#"{"id": "a"}"#, false);
    check(items, "pay", r#"{"id": "a"}"#, true);
}

#[test]
fn a_failed_call_may_be_made_again() {
    let items = vec![user("go"), call("c1", "pay", r#"{"id": "a"}"#), failure("c1", "busy")];
    check(items, "pay", r#"{"id": "a"}"#, false);
}

#[test]
fn another_turn_may_do_the_same() {
    let mut items = read_a();
    items.push(user("and again"));
    check(items, "read", r#"{"id": "a"}"#, false);
}
