//! Chat Completions: what a request becomes, and which are refused.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Harness, redact};

const PATH: &str = "/v1/chat/completions";

#[tokio::test]
async fn a_request_becomes_one_to_a_model() {
    let server = Harness::start().await;
    let function = |name: &str| json!({"type": "function", "function": {"name": name}});
    let body = json!({
        "model": "scripted",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
            ]},
            {"role": "assistant", "content": null, "refusal": null, "annotations": [], "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "A dot."},
            {"role": "assistant", "content": [{"type": "text", "text": "A "}, {"type": "refusal", "refusal": "dot."}]},
            {"role": "user", "content": "Sure?"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "look", "strict": true, "parameters": {"type": "object", "properties": {}}}},
            function("wait"),
        ],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [function("wait")]}},
        "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": true}},
        "max_completion_tokens": 500, "temperature": 0.5, "top_p": 1, "reasoning_effort": "low", "verbosity": "high",
        "n": 1, "stop": null, "seed": null, "logprobs": false, "store": false, "service_tier": "auto",
        "user": "u", "metadata": {"a": "b"}, "prompt_cache_key": "k", "safety_identifier": "s",
        "frequency_penalty": 0, "presence_penalty": 0.0, "logit_bias": {}, "modalities": ["text"], "top_logprobs": 0,
    });
    let reply = server.post(PATH, &body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let asked = server.models.take_requests().pop().expect("the model was asked");
    let asked = redact(&Value::String(format!("{asked:#?}")));
    insta::assert_snapshot!(asked.as_str().expect("a text stays one"));
}

#[tokio::test]
async fn the_form_of_the_answer_and_the_choice_among_tools() {
    let server = Harness::start().await;
    let tool = json!({"type": "function", "function": {"name": "look"}});
    for (change, shown) in [
        (json!({"response_format": {"type": "text"}}), "None None"),
        (
            json!({"response_format": {"type": "json_object"}}),
            r#"Some(Object {"name": String("answer")}) None"#,
        ),
        (json!({"tool_choice": "auto"}), "None Some(Auto)"),
        (json!({"tool_choice": "none"}), "None Some(None)"),
        (json!({"tools": [tool], "tool_choice": "required"}), "None Some(Required)"),
        (json!({"tools": [tool], "tool_choice": tool}), r#"None Some(Tool { name: "look" })"#),
    ] {
        let body = asking(&change);
        let reply = server.post(PATH, &body).await;
        assert_eq!(reply.status, StatusCode::OK, "{change} {}", reply.body);
        let asked = server.models.take_requests().pop().expect("the model was asked");
        let seen = format!("{:?} {:?}", asked.response_schema, asked.options.tool_choice);
        assert_eq!(seen, shown, "{change}");
    }
}

fn asking(change: &Value) -> Value {
    let mut body = json!({"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]});
    for (member, value) in change.as_object().expect("a change is an object") {
        body[member] = value.clone();
    }
    body
}

async fn check(server: &Harness, change: &Value, code: &str, param: &str) {
    let reply = server.post(PATH, &asking(change)).await;
    assert_eq!(reply.refusal(), (400, code, param), "{change}\n{}", reply.body);
    assert_eq!(reply.body["error"]["type"], "invalid_request_error", "{change}");
    assert_eq!(reply.header("x-should-retry"), "false", "{change}");
    assert!(server.models.take_requests().is_empty(), "{change}");
}

#[tokio::test]
async fn what_is_not_supported_is_refused_by_name() {
    let server = Harness::start().await;
    for (param, value) in [
        ("audio", json!({"voice": "alloy", "format": "wav"})),
        ("frequency_penalty", json!(0.5)),
        ("function_call", json!("auto")),
        ("functions", json!([])),
        ("logit_bias", json!({"50256": -100})),
        ("logprobs", json!(true)),
        ("modalities", json!(["text", "audio"])),
        ("moderation", json!({"model": "m"})),
        ("n", json!(2)),
        ("prediction", json!({"type": "content", "content": "x"})),
        ("presence_penalty", json!(-1)),
        ("seed", json!(7)),
        ("service_tier", json!("flex")),
        ("stop", json!(["\n"])),
        ("store", json!(true)),
        ("top_logprobs", json!(3)),
        ("web_search_options", json!({})),
        ("model", json!("agent:helper")),
    ] {
        check(&server, &json!({ param: value }), "unsupported", param).await;
    }
    let named = json!([{"role": "user", "content": "Hi", "name": "Ann"}]);
    check(&server, &json!({"messages": named}), "unsupported", "messages[0].name").await;
}

#[tokio::test]
async fn parameters_that_are_wrong() {
    let server = Harness::start().await;
    for (change, code, param) in [
        (json!({"colour": "red"}), "unknown_parameter", "colour"),
        (json!({"model": null}), "invalid_parameter", "model"),
        (json!({"model": ""}), "invalid_parameter", "model"),
        (json!({"model": "unknown"}), "model_not_found", "model"),
        (json!({"temperature": 2.5}), "invalid_parameter", "temperature"),
        (json!({"top_p": -0.1}), "invalid_parameter", "top_p"),
        (json!({"max_tokens": 0}), "invalid_parameter", "max_tokens"),
        (json!({"max_tokens": 1, "max_completion_tokens": 2}), "invalid_parameter", "max_tokens"),
        (json!({"stream_options": {"include_usage": true}}), "invalid_parameter", "stream_options"),
        (
            json!({"stream": true, "stream_options": {"x": 1}}),
            "unknown_parameter",
            "stream_options.x",
        ),
        (json!({"reasoning_effort": "huge"}), "invalid_parameter", "reasoning_effort"),
        (json!({"response_format": {"type": "xml"}}), "invalid_parameter", "response_format.type"),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}),
            "missing_parameter",
            "response_format.json_schema.name",
        ),
        (json!({"metadata": {"a": 1}}), "invalid_parameter", "metadata.a"),
        (
            json!({"mainstay": {"fallback_models": ["scripted", "unknown"]}}),
            "model_not_found",
            "mainstay.fallback_models[1]",
        ),
        (json!({"mainstay": {"limits": {}}}), "unknown_parameter", "mainstay.limits"),
    ] {
        check(&server, &change, code, param).await;
    }
    for (body, message) in [
        ("[]", "request body is an array, expected an object"),
        ("null", "request body is null, expected an object"),
        ("7", "request body is a number, expected an object"),
    ] {
        let reply = server.post_text(PATH, body).await;
        assert_eq!(reply.refusal(), (400, "invalid_parameter", ""), "{body}");
        assert_eq!(reply.body["error"]["message"], message);
    }
    let reply = server.post_text(PATH, r#"{"messages": []}"#).await;
    assert_eq!(reply.refusal(), (400, "missing_parameter", "model"));
}

#[tokio::test]
async fn messages_that_are_wrong() {
    let server = Harness::start().await;
    let called = json!({"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]});
    let given = json!({"role": "tool", "tool_call_id": "a", "content": "x"});
    for (messages, code, param) in [
        (json!([]), "invalid_parameter", "messages"),
        (json!("Hi"), "invalid_parameter", "messages"),
        (json!([{"content": "Hi"}]), "missing_parameter", "messages[0].role"),
        (
            json!([{"role": "function", "name": "f", "content": ""}]),
            "invalid_parameter",
            "messages[0].role",
        ),
        (json!([{"role": "user"}]), "missing_parameter", "messages[0].content"),
        (json!([{"role": "user", "content": 7}]), "invalid_parameter", "messages[0].content"),
        (json!([{"role": "user", "content": []}]), "invalid_parameter", "messages[0].content"),
        (
            json!([{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]),
            "invalid_parameter",
            "messages[0].content[0].type",
        ),
        (
            json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///x"}}]}]),
            "invalid_parameter",
            "messages[0].content[0].image_url.url",
        ),
        (
            json!([{"role": "system", "content": [{"type": "image_url"}]}]),
            "invalid_parameter",
            "messages[0].content[0].type",
        ),
        (json!([{"role": "assistant"}]), "missing_parameter", "messages[0].content"),
        (
            json!([{"role": "assistant", "function_call": {}}]),
            "unsupported",
            "messages[0].function_call",
        ),
        (
            json!([called, {"role": "tool", "tool_call_id": "b", "content": ""}]),
            "invalid_parameter",
            "messages[1].tool_call_id",
        ),
        (
            json!([{"role": "tool", "tool_call_id": "a", "content": ""}]),
            "invalid_parameter",
            "messages[0].tool_call_id",
        ),
        (json!([called]), "invalid_parameter", "messages"),
        (json!([called, {"role": "user", "content": "And?"}]), "invalid_parameter", "messages"),
        (json!([called, called]), "invalid_parameter", "messages"),
        (
            json!([called, given, {"role": "user", "content": "And?"}, given]),
            "invalid_parameter",
            "messages[3].tool_call_id",
        ),
        (
            json!([{"role": "user", "content": "Hi", "to": "x"}]),
            "unknown_parameter",
            "messages[0].to",
        ),
    ] {
        check(&server, &json!({"messages": messages}), code, param).await;
    }
}

#[tokio::test]
async fn calls_without_outputs_are_named_as_clients_know_it() {
    let server = Harness::start().await;
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": ""}});
    let output = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "x"});
    let called = json!({"role": "assistant", "tool_calls": [call("a"), call("b"), call("c")]});
    let asked = json!({"messages": [called, output("b")]});
    let reply = server.post(PATH, &asking(&asked)).await;
    assert_eq!(
        reply.body["error"]["message"],
        "An assistant message with 'tool_calls' must be followed by tool messages responding \
         to each 'tool_call_id'. The following tool_call_ids did not have response messages: a, c"
    );
    let again = json!({"messages": [called, output("b"), output("a"), output("b"), output("c")]});
    let reply = server.post(PATH, &asking(&again)).await;
    assert_eq!(reply.refusal(), (409, "call_already_answered", "messages[3].tool_call_id"));
    let whole = json!({"messages": [called, output("c"), output("a"), output("b")]});
    let reply = server.post(PATH, &asking(&whole)).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
}

#[tokio::test]
async fn tools_that_are_wrong() {
    let server = Harness::start().await;
    let function = |name: &str| json!({"type": "function", "function": {"name": name}});
    let (look, wait) = (function("look"), function("wait"));
    for (change, code, param) in [
        (json!({"tools": [function("no spaces")]}), "invalid_parameter", "tools[0].function.name"),
        (json!({"tools": [look, look]}), "invalid_parameter", "tools[1].function.name"),
        (
            json!({"tools": [{"type": "custom", "custom": {}}]}),
            "invalid_parameter",
            "tools[0].type",
        ),
        (json!({"tool_choice": "required"}), "invalid_parameter", "tool_choice"),
        (json!({"tool_choice": "maybe"}), "invalid_parameter", "tool_choice"),
        (json!({"tool_choice": 1}), "invalid_parameter", "tool_choice"),
        (
            json!({"tools": [look], "tool_choice": wait}),
            "invalid_parameter",
            "tool_choice.function.name",
        ),
        (
            json!({"tools": [look], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [wait]}}}),
            "invalid_parameter",
            "tool_choice.allowed_tools.tools[0].function.name",
        ),
    ] {
        check(&server, &change, code, param).await;
    }
}
