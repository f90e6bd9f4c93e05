//! Responses: requests without input, functions whose schemas are binding.

use serde_json::{Value, json};

use crate::support::{Harness, Script};

const PATH: &str = "/v1/responses";

#[tokio::test]
async fn a_request_without_input_goes_on_or_is_refused_with_what_to_do() {
    let server = Harness::start().await;
    server.models.say([Script::text("One."), Script::text("Two."), Script::text("Three.")]);
    let first = server.post(PATH, &json!({"model": "scripted", "input": "Count."})).await;
    let previous = first.text("id");
    for input in [json!({}), json!({"input": null}), json!({"input": []})] {
        let mut body = json!({"model": "scripted"});
        for (member, value) in input.as_object().expect("an object") {
            body[member] = value.clone();
        }
        let refused = server.post(PATH, &body).await;
        assert_eq!(refused.refusal(), (400, "missing_parameter", "input"), "{body}");
        let message = refused.body["error"]["message"].to_string();
        assert!(message.contains("previous_response_id"), "{message}");
    }
    let empty = server.post("/v1/conversations", &json!({})).await.text("id");
    let body = json!({"model": "scripted", "conversation": empty});
    let refused = server.post(PATH, &body).await;
    assert_eq!((refused.refusal().0, refused.refusal().1), (400, "missing_parameter"));
    let body = json!({"model": "scripted", "previous_response_id": previous});
    let next = server.post(PATH, &body).await;
    assert_eq!(next.body["output"][0]["content"][0]["text"], "Two.", "{}", next.body);
    let brought = server.get(&format!("{PATH}/{}/input_items", next.text("id"))).await.body;
    assert_eq!(brought["data"], json!([]));
    let items = json!({"items": [{"role": "user", "content": "Count."}]});
    server.post(&format!("/v1/conversations/{empty}/items"), &items).await;
    let body = json!({"model": "scripted", "conversation": empty});
    let said = server.post(PATH, &body).await;
    assert_eq!(said.body["output"][0]["content"][0]["text"], "Three.", "{}", said.body);
}

#[tokio::test]
async fn functions_are_strict_as_asked_for_or_where_their_schema_allows_it() {
    let server = Harness::start().await;
    let closed = json!({
        "type": "object", "additionalProperties": false, "required": ["type"],
        "properties": {"type": {"type": "array", "items": {
            "type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"], "additionalProperties": false,
        }}},
    });
    let mut open = closed.clone();
    open["properties"]["type"]["items"]["required"] = json!([]);
    for (given, schema, is_strict) in [
        (json!(true), &open, true),
        (json!(false), &closed, false),
        (Value::Null, &closed, true),
        (Value::Null, &open, false),
        (Value::Null, &json!({"type": "object"}), false),
    ] {
        server.models.say([Script::text("Yes.")]);
        let function =
            json!({"type": "function", "name": "f", "parameters": schema, "strict": given});
        let body = json!({"model": "scripted", "input": "Go.", "tools": [function]});
        let reply = server.post(PATH, &body).await;
        assert_eq!(reply.body["tools"][0]["strict"], is_strict, "{given} {schema}");
        let asked = server.models.take_requests().pop().expect("the model was asked");
        assert_eq!(asked.tools[0].strict, is_strict, "{given} {schema}");
        let session = reply.text("session_id");
        let session = server.get(&format!("/v1/agents/sessions/{session}")).await.body;
        let shown = session["agent"]["tools"][0]["strict"].as_bool().unwrap_or_default();
        assert_eq!(shown, is_strict, "{session}");
    }
    server.models.say([Script::text("Yes.")]);
    let function = json!({
        "type": "function", "name": "f", "description": "", "parameters": closed, "strict": true,
    });
    let agent = server.post("/v1/agents", &json!({"model": "scripted", "tools": [function]})).await;
    assert_eq!(agent.body["tools"][0]["strict"], true, "{}", agent.body);
}
