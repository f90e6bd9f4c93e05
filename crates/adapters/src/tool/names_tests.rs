use super::{is_tool_name, tool_name};

#[track_caller]
fn check(remote: &str, expected: &str) {
    let name = tool_name(remote);
    assert_eq!(name, expected, "{remote}");
    assert!(is_tool_name(&name), "{name}");
}

#[test]
fn names_fit_every_provider() {
    check("listOrders", "listOrders");
    check("GET /orders/{id}", "GET__orders__id_");
    check("größe", "gr__e");
    check("", "_e3b0c442");
    check(&"a".repeat(64), &"a".repeat(64));
    check(&"a".repeat(65), &format!("{}_635361c4", "a".repeat(55)));
    assert_ne!(tool_name(&"b".repeat(70)), tool_name(&"b".repeat(71)));
}
