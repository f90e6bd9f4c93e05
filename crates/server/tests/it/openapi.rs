//! The document of the API: it is as the code is, and the routes are as it says.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Method;
use mainstay_server::openapi_document;
use serde_json::Value;

use crate::support::{ADMIN, Harness, request};

const KEPT: &str = include_str!("../../../../docs/openapi.json");
/// Every method that any path could take.
const METHODS: [&str; 5] = ["get", "post", "delete", "put", "patch"];

fn document() -> Value {
    serde_json::from_str(&openapi_document()).expect("the document is JSON")
}

/// Every operation, with its method and path.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("there are paths");
    let of = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().expect("a path has methods").clone();
        let path = path.clone();
        methods.into_iter().map(move |(method, operation)| (method, path.clone(), operation))
    };
    paths.iter().flat_map(of).collect()
}

#[test]
fn the_document_that_is_kept_is_as_the_code_is() {
    let current = openapi_document();
    let differs = current.lines().zip(KEPT.lines()).find(|(current, kept)| current != kept);
    assert!(
        current == KEPT,
        "docs/openapi.json is not as the code is; it begins to differ at {differs:?}\n\
         to bring it up to date: cargo xtask openapi"
    );
}

#[tokio::test]
async fn the_routes_take_the_methods_of_the_document_and_no_others() {
    let server = Harness::start().await;
    let document = document();
    for (path, documented) in document["paths"].as_object().expect("there are paths") {
        // Literal parts beside a parameter are paths of their own.
        let place = path.replace('{', "no_").replace('}', "");
        for method in METHODS {
            let name = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let asked = request(name, &place, ADMIN, Body::empty());
            let answer = server.send(asked).await;
            let status = answer.status().as_u16();
            if documented.get(method).is_none() {
                assert_eq!(status, 405, "{method} {path} is not in the document");
                continue;
            }
            assert_ne!(status, 405, "{method} {path} is in the document");
            let statuses = documented[method]["responses"].as_object().expect("there are some");
            assert!(statuses.contains_key(&status.to_string()), "{method} {path} gave {status}");
        }
    }
}

#[tokio::test]
async fn what_needs_no_key_says_so_and_the_rest_is_refused_without_one() {
    let server = Harness::start().await;
    for (method, path, operation) in operations(&document()) {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
        let place = path.replace('{', "no_").replace('}', "");
        let mut asked = request(method, &place, ADMIN, Body::empty());
        asked.headers_mut().remove("authorization");
        let status = server.send(asked).await.status().as_u16();
        let is_open = operation["security"] == serde_json::json!([]);
        assert_eq!(status != 401, is_open, "{path}: {status}");
    }
}

#[tokio::test]
async fn the_document_is_served() {
    let server = Harness::start().await;
    let mut asked = request(Method::GET, "/v1/openapi.json", ADMIN, Body::empty());
    asked.headers_mut().remove("authorization");
    let reply = server.call(asked).await;
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.body, document());
}

#[test]
fn every_operation_is_whole() {
    let document = document();
    let schema = |value: &Value| match value["$ref"].as_str() {
        Some(name) => document
            .pointer(name.trim_start_matches('#'))
            .expect("a reference leads somewhere")
            .clone(),
        None => value.clone(),
    };
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = operation["operationId"].as_str().expect("an operation has a name");
        assert!(names.insert(name.to_owned()), "{name} is the name of two operations");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
        for (status, answer) in operation["responses"].as_object().expect("there are some") {
            let content = &answer["content"]["application/json"]["schema"];
            if status.starts_with('2') && !content.is_null() {
                let shown = schema(content);
                assert_eq!(shown["type"], "object", "{method} {path} answers an object");
                assert!(shown["required"].is_array(), "{method} {path} says what is always there");
            }
        }
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            assert_refuses_more(&schema(body), name);
        }
    }
}

/// A body, in each of its forms, has no members that are not named.
fn assert_refuses_more(body: &Value, name: &str) {
    match body["oneOf"].as_array() {
        Some(forms) => forms.iter().for_each(|form| assert_refuses_more(form, name)),
        None => assert_eq!(body["additionalProperties"], false, "{name} takes members by name"),
    }
}
