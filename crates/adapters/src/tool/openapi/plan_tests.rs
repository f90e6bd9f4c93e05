#![expect(clippy::needless_pass_by_value, reason = "cases are written as values")]

use std::collections::BTreeMap;

use mainstay_core::tool::{ApprovalMode, Safety, ToolSpec};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{Choice, Fault, Plan};

/// A document with one operation in it.
fn document(operation: Value) -> Value {
    json!({
        "openapi": "3.0.3",
        "servers": [{"url": "https://api.example.com/v1/"}],
        "paths": {"/orders/{id}": {"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}], "post": operation}},
    })
}

fn compile(
    root: &Value,
    allowed: Option<&[String]>,
    reconcile: &BTreeMap<String, String>,
) -> Result<Plan, Fault> {
    let none = BTreeMap::new();
    let choice = Choice {
        allowed,
        safety: &BTreeMap::new(),
        reconcile,
        headers: &none,
        approval: ApprovalMode::Never,
    };
    Plan::compile(root, None, choice, None)
}

fn only_spec(operation: Value) -> ToolSpec {
    let plan = compile(&document(operation), None, &BTreeMap::new()).expect("a usable document");
    plan.specs(3).pop().expect("one operation")
}

/// What a call with these arguments requests: URL, headers, body.
#[track_caller]
fn check_request(operation: Value, arguments: Value, expected: Result<(&str, &str, &str), &str>) {
    let id = operation
        .get("operationId")
        .and_then(Value::as_str)
        .unwrap_or("POST /orders/{id}")
        .to_owned();
    let plan = compile(&document(operation), None, &BTreeMap::new()).expect("a usable document");
    let made = plan.operation(&id).expect("the operation").request(&arguments, &HeaderMap::new());
    let made = made.map(|request| {
        let headers: Vec<String> = request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
            .collect();
        let body = request.body.map(|body| String::from_utf8(body.to_vec()).expect("text"));
        (request.url.to_string(), headers.join("\n"), body.unwrap_or_default())
    });
    let found =
        made.as_ref().map(|(url, headers, body)| (url.as_str(), headers.as_str(), body.as_str()));
    assert_eq!(
        found,
        expected.as_ref().map(|e| *e).map_err(|e| (*e).to_owned()).as_ref().map(|e| *e)
    );
}

fn json_body(schema: Value) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

#[test]
fn specs_say_what_the_document_says() {
    let spec = only_spec(
        json!({"operationId": "orders.pay", "summary": "Pay an order.", "description": "Takes the money.",
            "parameters": [{"name": "dry", "in": "query", "schema": {"type": "boolean"}, "description": "only check"}],
            "requestBody": json_body(json!({"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}})),
        }),
    );
    assert_eq!(spec.name, "orders_pay");
    assert_eq!(spec.remote_name, "orders.pay");
    assert_eq!(spec.description, "Pay an order.\nTakes the money.");
    assert_eq!((spec.source, spec.safety, spec.reconcile), (3, Safety::Once, false));
    let expected = json!({
        "type": "object",
        "properties": {"id": {"type": "string"}, "dry": {"type": "boolean", "description": "only check"}, "amount": {"type": "number"}},
        "required": ["id", "amount"],
        "additionalProperties": false,
    });
    assert_eq!(spec.parameters, expected);
}

#[test]
fn safety_comes_from_the_method_unless_the_document_knows_better() {
    let key = json!([{"name": "Idempotency-Key", "in": "header", "required": true, "schema": {"type": "string"}}]);
    assert_eq!(only_spec(json!({})).safety, Safety::Once);
    let keyed = only_spec(json!({"parameters": key}));
    assert_eq!(keyed.safety, Safety::Idempotent);
    assert_eq!(keyed.parameters["properties"], json!({"id": {"type": "string"}}));
    assert_eq!(only_spec(json!({"x-mainstay-safety": "read_only"})).safety, Safety::ReadOnly);
    let plan = |method: &str| {
        let mut root = document(json!({}));
        let item = root["paths"]["/orders/{id}"].as_object_mut().expect("a path");
        let operation = item.remove("post").expect("an operation");
        item.insert(method.to_owned(), operation);
        compile(&root, None, &BTreeMap::new()).expect("usable").specs(0).pop().expect("one").safety
    };
    assert_eq!(plan("get"), Safety::ReadOnly);
    assert_eq!(plan("put"), Safety::Idempotent);
    assert_eq!(plan("delete"), Safety::Idempotent);
    assert_eq!(plan("patch"), Safety::Once);
}

#[test]
fn requests_are_written_as_the_document_asks() {
    check_request(
        json!({}),
        json!({"id": "a b/c?d#e"}),
        Ok(("https://api.example.com/v1/orders/a%20b%2Fc%3Fd%23e", "", "")),
    );
    check_request(
        json!({"parameters": [
            {"name": "tag", "in": "query", "schema": {"type": "array", "items": {}}},
            {"name": "ids", "in": "query", "explode": false, "schema": {}},
            {"name": "page", "in": "query", "style": "deepObject", "schema": {}},
            {"name": "filter", "in": "query", "content": {"application/json": {"schema": {}}}},
            {"name": "X-Trace", "in": "header", "schema": {}},
            {"name": "none", "in": "query", "schema": {}},
        ]}),
        json!({"id": "1", "tag": ["a&b", 2], "ids": [1, 2], "page": {"size": 5}, "filter": {"x": [true]}, "X-Trace": 7, "none": null}),
        Ok((
            "https://api.example.com/v1/orders/1?tag=a%26b&tag=2&ids=1%2C2&page%5Bsize%5D=5&filter=%7B%22x%22%3A%5Btrue%5D%7D",
            "x-trace: 7",
            "",
        )),
    );
    check_request(
        json!({"requestBody": json_body(json!({"type": "object", "properties": {"a": {}, "b": {}}}))}),
        json!({"id": "1", "b": {"c": 1.50}, "a": "x"}),
        Ok((
            "https://api.example.com/v1/orders/1",
            "content-type: application/json",
            r#"{"a":"x","b":{"c":1.5}}"#,
        )),
    );
    check_request(
        json!({"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": {"a": {}, "m": {}}}}}}}),
        json!({"id": "1", "a": "x y&z", "m": {"k": 1}}),
        Ok((
            "https://api.example.com/v1/orders/1",
            "content-type: application/x-www-form-urlencoded",
            "a=x+y%26z&m%5Bk%5D=1",
        )),
    );
    check_request(
        json!({"requestBody": json_body(json!({"type": "array", "items": {}}))}),
        json!({"id": "1", "body": [1, 2]}),
        Ok(("https://api.example.com/v1/orders/1", "content-type: application/json", "[1,2]")),
    );
    check_request(
        json!({"requestBody": json_body(json!({"type": "object", "properties": {"id": {}}}))}),
        json!({"id": "1", "body": {"id": 2}}),
        Ok((
            "https://api.example.com/v1/orders/1",
            "content-type: application/json",
            r#"{"id":2}"#,
        )),
    );
    check_request(
        json!({"requestBody": json_body(json!({"type": "object", "additionalProperties": {"type": "integer"}}))}),
        json!({"id": "1", "any": 2}),
        Ok((
            "https://api.example.com/v1/orders/1",
            "content-type: application/json",
            r#"{"any":2}"#,
        )),
    );
    check_request(
        json!({"requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"a": {}}}}}}}),
        json!({"id": "1"}),
        Ok(("https://api.example.com/v1/orders/1", "", "")),
    );
}

#[test]
fn arguments_never_lead_elsewhere() {
    for id in ["..", ".", "%2e%2e"] {
        let expected = match id {
            // The per cent sign is encoded again, and so the text stays a text.
            "%2e%2e" => Ok(("https://api.example.com/v1/orders/%252e%252e", "", "")),
            _ => Err("an argument leads to another path"),
        };
        check_request(json!({}), json!({"id": id}), expected);
    }
    check_request(
        json!({}),
        json!({"id": "../../admin"}),
        Ok(("https://api.example.com/v1/orders/..%2F..%2Fadmin", "", "")),
    );
    check_request(json!({}), json!({"id": ""}), Err("\"id\" is missing or empty"));
    check_request(
        json!({}),
        json!({"id": "@evil.org"}),
        Ok(("https://api.example.com/v1/orders/%40evil.org", "", "")),
    );
    check_request(
        json!({"parameters": [{"name": "x", "in": "header", "schema": {}}]}),
        json!({"id": "1", "x": "a\r\nhost: evil.org"}),
        Err("\"x\" cannot be written as a header"),
    );
}

#[track_caller]
fn check_fault(root: Value, allowed: Option<&[&str]>, member: &str, reason: &str) {
    let allowed: Option<Vec<String>> =
        allowed.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
    let found = compile(&root, allowed.as_deref(), &BTreeMap::new()).expect_err("it is not usable");
    assert_eq!(found.0, member, "{found:?}");
    assert!(found.1.contains(reason), "{found:?}");
}

#[test]
fn faults_name_the_member() {
    check_fault(json!({}), None, "spec", "not OpenAPI 3.0 or 3.1");
    check_fault(json!({"swagger": "2.0"}), None, "spec", "Swagger 2");
    check_fault(json!({"openapi": "3.1.0"}), None, "spec", "no `paths`");
    check_fault(json!({"openapi": "3.1.0", "paths": {}}), None, "spec", "no operation");
    check_fault(
        document(json!({"operationId": "a"})),
        Some(&["b"]),
        "allowed_operations",
        "no operation \"b\"",
    );
    let multipart = json!({"operationId": "a", "requestBody": {"required": true, "content": {"multipart/form-data": {}}}});
    check_fault(document(multipart), Some(&["a"]), "spec.paths./orders/{id}.post", "neither JSON");
    let mut relative = document(json!({"operationId": "a"}));
    relative["servers"] = json!([{"url": "/v1"}]);
    check_fault(relative, Some(&["a"]), "spec.paths./orders/{id}.post", "is not a URL");
    let paths: serde_json::Map<String, Value> =
        (0..129).map(|n| (format!("/{n}"), json!({"get": {}}))).collect();
    let many =
        json!({"openapi": "3.1.0", "servers": [{"url": "https://a.example"}], "paths": paths});
    check_fault(many.clone(), None, "allowed_operations", "more than 128 operations");
    assert!(compile(&many, Some(&["GET /7".to_owned()]), &BTreeMap::new()).is_ok());
}

#[test]
fn a_reconciling_operation_need_not_be_offered() {
    let mut root = document(json!({"operationId": "pay"}));
    root["paths"]["/orders/{id}"]["get"] = json!({"operationId": "paid"});
    let reconcile = BTreeMap::from([("pay".to_owned(), "paid".to_owned())]);
    let plan = compile(&root, Some(&["pay".to_owned()]), &reconcile).expect("usable");
    let specs = plan.specs(0);
    assert_eq!(specs.len(), 1);
    assert!(specs[0].reconcile);
    assert_eq!(plan.reconciler("pay").map(|operation| operation.id.as_str()), Some("paid"));
}
