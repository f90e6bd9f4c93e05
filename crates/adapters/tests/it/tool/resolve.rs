//! What agents' sources become together, and what is wrong with them.

use std::collections::BTreeMap;

use mainstay_core::port::Tools;
use mainstay_core::tool::{ApprovalMode, Safety, ToolSource};
use serde_json::{Value, json};

use super::openapi::{document, source};
use super::support::{Bench, Wanted};

fn function(name: &str, parameters: Value) -> ToolSource {
    let (name, description) = (name.to_owned(), "does it".to_owned());
    ToolSource::Function { name, description, parameters, strict: false }
}

#[tokio::test]
async fn functions_are_for_the_client() {
    let bench = Bench::new(Wanted::default());
    let schema =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let source = function("get_weather", schema.clone());
    let spec = bench.specs(&source).await.pop().expect("one tool");
    assert_eq!(
        (spec.name.as_str(), spec.safety, spec.approval),
        ("get_weather", Safety::Once, ApprovalMode::Never)
    );
    assert_eq!(spec.parameters, schema);
    assert_eq!(bench.tools.check_arguments(&spec, &json!({"city": "Oslo"})), Ok(()));
    let error = bench.tools.check_arguments(&spec, &json!({"town": "Oslo"})).expect_err("no city");
    assert_eq!(error, "the arguments do not fit the tool's schema:\n- city is missing");
    let error =
        bench.try_call(&source, "get_weather", json!({})).await.expect_err("not ours to run");
    assert!(!error.retryable, "{error}");
}

#[tokio::test]
async fn names_are_unique_over_all_sources() {
    let bench = Bench::new(Wanted::default());
    let files = ToolSource::Files { read_only: true };
    let all = [function("a", json!({})), files.clone(), function("b", json!({}))];
    let specs = bench.try_specs(&all).await.expect("names of their own");
    let found: Vec<_> = specs.iter().map(|spec| (spec.name.as_str(), spec.source)).collect();
    assert_eq!(
        found,
        [("a", 0), ("list_files", 1), ("read_file", 1), ("search_files", 1), ("b", 2)]
    );
    let error =
        bench.try_specs(&[files, function("read_file", json!({}))]).await.expect_err("twice");
    assert_eq!(
        error.message,
        "the tool \"read_file\" is there twice, from \"files\" (tools[0]) and from a function (tools[1])"
    );
    assert!(!error.retryable);
    let many: Vec<_> = (0..129).map(|n| function(&format!("f{n}"), json!({}))).collect();
    let error = bench.try_specs(&many).await.expect_err("too many");
    assert_eq!(error.message, "the agent has 129 tools, more than 128");
}

#[track_caller]
fn check(source: &ToolSource, expected: Result<(), (&str, &str)>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let found = Bench::new(Wanted::default()).tools.check(source);
    match (&found, expected) {
        (Ok(()), Ok(())) => {}
        (Err((member, reason)), Err((expected_member, part))) => {
            assert_eq!(member, expected_member, "{reason}");
            assert!(reason.contains(part), "{reason}");
        }
        _ => panic!("{found:?}, expected {expected:?}"),
    }
}

#[test]
fn faulty_sources_are_refused_by_member() {
    check(&function("get_weather", json!({"type": "object"})), Ok(()));
    check(&function("get weather", json!({})), Err(("name", "letters, digits")));
    check(&function(&"x".repeat(65), json!({})), Err(("name", "1 to 64")));
    check(&function("f", json!({"type": "objekt"})), Err(("parameters", "not usable")));
    check(
        &function("f", json!({"$ref": "https://example.com/s.json"})),
        Err(("parameters", "not usable")),
    );
    check(
        &function("f", json!({"description": "x".repeat(200_000)})),
        Err(("parameters", "more than 131072")),
    );
    check(&ToolSource::Files { read_only: true }, Ok(()));
    check(&ToolSource::Http { allowed_hosts: vec![] }, Err(("allowed_hosts", "no host")));
    check(
        &ToolSource::Http { allowed_hosts: vec!["https://a.example".to_owned()] },
        Err(("allowed_hosts", "is not a host")),
    );
    check(
        &ToolSource::Http { allowed_hosts: vec!["a.example".to_owned(), "[::1]:80".to_owned()] },
        Ok(()),
    );
    check(&source(document("https://a.example/v1")), Ok(()));
    check(&source(json!({"openapi": "2"})), Err(("spec", "not OpenAPI 3")));
    check(&source(document("not a url")), Err(("spec", "no operation")));
    let from = |spec: Option<Value>, spec_url: Option<&str>, headers: &[(&str, &str)]| {
        ToolSource::Openapi {
            label: "shop".to_owned(),
            spec,
            spec_url: spec_url.map(str::to_owned),
            allowed_operations: None,
            safety: BTreeMap::new(),
            reconcile: BTreeMap::new(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            approval: ApprovalMode::Never,
        }
    };
    check(&from(None, None, &[]), Err(("spec", "give `spec` or `spec_url`")));
    check(&from(Some(json!({})), Some("https://a.example"), &[]), Err(("spec_url", "not both")));
    check(&from(None, Some("ftp://a.example"), &[]), Err(("spec_url", "not an http or https URL")));
    check(
        &from(None, Some("https://a.example/s.json"), &[("host", "x")]),
        Err(("headers", "cannot be set")),
    );
    check(&from(None, Some("https://a.example/s.json"), &[("authorization", "x")]), Ok(()));
}
