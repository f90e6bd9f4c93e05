//! OpenAPI tools against a real server.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_core::port::{Reconciliation, ToolCall, Tools, WorldChange};
use mainstay_core::tool::{ApprovalMode, Safety, ToolSource};
use mainstay_protocol::EffectId;
use serde_json::{Value, json};

use super::server::Server;
use super::support::{Bench, text};

/// A shop at `url`.
pub(super) fn document(url: &str) -> Value {
    let status = json!([{"name": "status", "in": "path", "required": true, "schema": {"type": "integer"}}, {"name": "retry-after", "in": "query", "schema": {}}]);
    json!({
        "openapi": "3.0.3",
        "servers": [{"url": url}],
        "paths": {
            "/orders/{order}": {
                "get": {"operationId": "get_order", "parameters": [
                    {"name": "order", "in": "path", "required": true, "schema": {"type": "string"}},
                    {"name": "fields", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                ]},
                "post": {"operationId": "refund", "parameters": [
                    {"name": "order", "in": "path", "required": true, "schema": {"type": "string"}},
                ], "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refund"}}}}},
            },
            "/status/{status}": {
                "get": {"operationId": "read_status", "parameters": status},
                "put": {"operationId": "put_status", "parameters": status},
                "post": {"operationId": "post_status", "parameters": status},
            },
            "/silent": {"get": {"operationId": "read_silent"}, "post": {"operationId": "post_silent"}},
        },
        "components": {"schemas": {"Refund": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}, "reason": {"type": "string"}}}}},
    })
}

pub(super) fn source(spec: Value) -> ToolSource {
    ToolSource::Openapi {
        label: "shop".to_owned(),
        spec: Some(spec),
        spec_url: None,
        allowed_operations: None,
        safety: BTreeMap::new(),
        reconcile: BTreeMap::new(),
        headers: BTreeMap::from([("authorization".to_owned(), "Bearer secret".to_owned())]),
        approval: ApprovalMode::Never,
    }
}

#[tokio::test]
async fn operations_become_requests() {
    let server = Server::start().await;
    let bench = Bench::reaching(&server.address.to_string());
    let source = source(document(&server.url("/v1")));
    let found =
        bench.call(&source, "get_order", json!({"order": "O-1/2", "fields": ["a", "b c"]})).await;
    assert_eq!(
        found,
        r#"{"body":"","method":"GET","uri":"/v1/orders/O-1%2F2?fields=a&fields=b%20c"}"#
    );
    let found = bench
        .call(&source, "refund", json!({"order": "O-1", "amount": 12.5, "reason": "late"}))
        .await;
    assert_eq!(
        found,
        r#"{"body":"{\"amount\":12.5,\"reason\":\"late\"}","method":"POST","uri":"/v1/orders/O-1"}"#
    );
    for asked in server.asked() {
        assert_eq!(asked.header("idempotency-key"), Some("eff_1"));
        assert_eq!(asked.header("authorization"), Some("Bearer secret"));
        assert_eq!(asked.header("accept-encoding"), Some("identity"));
    }
}

#[tokio::test]
async fn every_attempt_has_the_key_of_its_effect() {
    let server = Server::start().await;
    let bench = Bench::reaching(&server.address.to_string());
    let call = bench
        .prepare(&source(document(&server.url(""))), "refund", json!({"order": "1", "amount": 1}))
        .await;
    for (effect, attempt) in [("eff_a", 1), ("eff_a", 2), ("eff_b", 1)] {
        let effect = EffectId::parse(effect).expect("an id");
        bench.tools.call(ToolCall { effect, attempt, ..call.clone() }).await.expect("an answer");
    }
    let keys: Vec<String> = server
        .asked()
        .iter()
        .filter_map(|asked| asked.header("idempotency-key").map(str::to_owned))
        .collect();
    assert_eq!(keys, ["eff_a", "eff_a", "eff_b"]);
}

#[tokio::test]
async fn only_chosen_operations_are_offered() {
    let server = Server::start().await;
    let bench = Bench::reaching(&server.address.to_string());
    let ToolSource::Openapi { label, spec, spec_url, headers, approval, .. } =
        source(document(&server.url("")))
    else {
        unreachable!("made above")
    };
    let chosen = ToolSource::Openapi {
        label,
        spec,
        spec_url,
        headers,
        approval,
        allowed_operations: Some(vec!["refund".to_owned(), "get_order".to_owned()]),
        safety: BTreeMap::from([("get_order".to_owned(), Safety::Once)]),
        reconcile: BTreeMap::from([("refund".to_owned(), "read_status".to_owned())]),
    };
    let specs = bench.specs(&chosen).await;
    let found: Vec<_> =
        specs.iter().map(|spec| (spec.name.as_str(), spec.safety, spec.reconcile)).collect();
    assert_eq!(found, [("get_order", Safety::Once, false), ("refund", Safety::Once, true)]);
}

#[tokio::test]
async fn a_document_is_fetched_once_and_again_when_it_is_old() {
    let server = Server::start().await;
    let bench = Bench::reaching(&server.address.to_string());
    let source = ToolSource::Openapi {
        label: "shop".to_owned(),
        spec: None,
        spec_url: Some(server.url("/spec.json")),
        allowed_operations: None,
        safety: BTreeMap::new(),
        reconcile: BTreeMap::new(),
        headers: BTreeMap::new(),
        approval: ApprovalMode::Always,
    };
    let fetched = || server.asked().iter().filter(|asked| asked.uri == "/spec.json").count();
    let (one, other) = tokio::join!(bench.specs(&source), bench.specs(&source));
    assert_eq!(one, other);
    assert_eq!((one[0].name.as_str(), one[0].approval), ("list_orders", ApprovalMode::Always));
    assert_eq!(fetched(), 1);
    assert_eq!(
        bench.call(&source, "list_orders", json!({})).await,
        r#"{"body":"","method":"GET","uri":"/v1/orders"}"#
    );
    assert_eq!(fetched(), 1);
    bench.clock.advance(60_000);
    bench.specs(&source).await;
    assert_eq!(fetched(), 2);
    // A session that goes on after a restart knows its source and nothing else.
    let call = bench.prepare(&source, "list_orders", json!({})).await;
    let after = Bench::reaching(&server.address.to_string());
    let output = after.tools.call(call).await.expect("an answer");
    assert_eq!(text(&output), r#"{"body":"","method":"GET","uri":"/v1/orders"}"#);
    assert_eq!(fetched(), 3);
}

#[tokio::test]
async fn documents_and_servers_obey_the_same_rules() {
    let server = Server::start().await;
    let bench = Bench::reaching("127.0.0.1:1");
    let found =
        bench.call(&source(document(&server.url(""))), "get_order", json!({"order": "1"})).await;
    assert!(
        found.starts_with("error: ") && found.contains("leads to the private address"),
        "{found}"
    );
    let elsewhere = ToolSource::Openapi {
        label: "shop".to_owned(),
        spec: None,
        spec_url: Some(server.url("/spec.json")),
        allowed_operations: None,
        safety: BTreeMap::new(),
        reconcile: BTreeMap::new(),
        headers: BTreeMap::new(),
        approval: ApprovalMode::Never,
    };
    let error = bench.try_specs(&[elsewhere]).await.expect_err("a private host");
    assert!(!error.retryable && error.message.contains("leads to the private address"), "{error}");
    let bench = Bench::reaching(&server.address.to_string());
    let found = bench.call(&source(document(&server.url("/away"))), "read_silent", json!({})).await;
    assert!(found.starts_with("error: the host \"169.254.169.254:80\" is not allowed"), "{found}");
}

#[tokio::test]
async fn reconciling_asks_another_operation() {
    let server = Server::start().await;
    let bench = Bench::reaching(&server.address.to_string());
    let mut source = source(document(&server.url("")));
    let ToolSource::Openapi { reconcile, .. } = &mut source else { unreachable!("made above") };
    reconcile.insert("post_status".to_owned(), "read_status".to_owned());
    let ask = async |status: u16| {
        let call = bench.prepare(&source, "post_status", json!({"status": status})).await;
        assert!(call.spec.reconcile);
        bench.tools.reconcile(call).await
    };
    assert!(
        matches!(ask(200).await, Ok(Reconciliation::Done(output)) if text(&output) == "answer 200 OK")
    );
    assert_eq!(ask(404).await, Ok(Reconciliation::NotDone));
    assert_eq!(ask(403).await, Ok(Reconciliation::Unknown));
    let error = ask(503).await.expect_err("it may tell later");
    assert_eq!((error.retryable, error.world), (true, WorldChange::No));
    let asked = server.asked();
    assert!(
        asked
            .iter()
            .all(|asked| asked.method == "GET" && asked.header("idempotency-key") == Some("eff_1"))
    );
    let call = bench.prepare(&source, "put_status", json!({"status": 200})).await;
    assert_eq!(bench.tools.reconcile(call).await, Ok(Reconciliation::Unknown));
}

/// What the model may do with one source is nobody else's: two agents with one document and other
/// headers do not share them.
#[tokio::test]
async fn sources_share_nothing() {
    let server = Server::start().await;
    let bench = Bench::reaching(&server.address.to_string());
    let first = source(document(&server.url("")));
    let mut second = first.clone();
    let ToolSource::Openapi { headers, .. } = &mut second else { unreachable!("made above") };
    headers.clear();
    let shared = Arc::new(first);
    let call = bench.prepare(&shared, "get_order", json!({"order": "1"})).await;
    for source in [&shared, &Arc::new(second), &shared] {
        let call = ToolCall { source: Arc::clone(source), ..call.clone() };
        bench.tools.call(call).await.expect("an answer");
    }
    let sent: Vec<bool> =
        server.asked().iter().map(|asked| asked.header("authorization").is_some()).collect();
    assert_eq!(sent, [true, false, true]);
}
