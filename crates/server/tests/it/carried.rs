//! What a Responses client carries from request to request, and what of a request a model is asked.

use mainstay_core::item::ItemBody;
use mainstay_core::port::{ModelOutput, ModelRequest, ToolChoice};
use serde_json::{Value, json};

use crate::support::{Harness, Script};

const PATH: &str = "/v1/responses";
const COMPACT: &str = "/v1/responses/compact";

async fn created(server: &Harness, change: Value) -> Value {
    let mut body = json!({"model": "scripted", "input": "Hello."});
    for (member, value) in change.as_object().expect("a change is an object") {
        body[member] = value.clone();
    }
    let reply = server.post(PATH, &body).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
    reply.body
}

fn asked(server: &Harness) -> ModelRequest {
    server.models.take_requests().pop().expect("the model was asked")
}

/// The items of a request, by kind and text.
fn told(request: &ModelRequest) -> Vec<String> {
    let text = |body: &ItemBody| match body {
        ItemBody::Reasoning { summary, provider_data } => match provider_data {
            Some(data) => format!("reasoning {summary} {data}"),
            None => format!("reasoning {summary}"),
        },
        ItemBody::Summary { text } => format!("summary {text}"),
        ItemBody::AssistantMessage { text } => format!("assistant {text}"),
        ItemBody::UserMessage { .. } => "user".to_owned(),
        other => format!("{other:?}"),
    };
    request.items.iter().map(|item| text(&item.body)).collect()
}

fn thinking() -> Script {
    let provider_data = Some(json!({"sealed": "by the provider"}));
    Script::Outputs(vec![
        ModelOutput::Reasoning { summary: "Let me see.".to_owned(), provider_data },
        ModelOutput::Message { text: "Four.".to_owned() },
    ])
}

#[tokio::test]
async fn reasoning_goes_back_to_its_provider_however_the_conversation_is_kept() {
    let server = Harness::start().await;
    let whole = [
        "user",
        r#"reasoning Let me see. {"sealed":"by the provider"}"#,
        "assistant Four.",
        "user",
    ];
    // The client keeps the conversation.
    server.models.say([thinking()]);
    let include = json!(["reasoning.encrypted_content"]);
    let first = created(&server, json!({"store": false, "include": include})).await;
    let sealed = first["output"][0]["encrypted_content"].as_str().expect("it was asked for");
    assert!(!sealed.is_empty());
    let mut history = vec![json!({"role": "user", "content": "Hello."})];
    history.extend(first["output"].as_array().expect("a list").clone());
    history.push(json!({"role": "user", "content": "And twice that?"}));
    server.models.take_requests();
    created(&server, json!({"store": false, "input": history})).await;
    assert_eq!(told(&asked(&server)), whole);
    // This server does; the client is not shown what it did not ask for.
    server.models.say([thinking()]);
    let first = created(&server, json!({})).await;
    assert_eq!(first["output"][0]["encrypted_content"], Value::Null);
    server.models.take_requests();
    created(&server, json!({"previous_response_id": first["id"]})).await;
    assert_eq!(told(&asked(&server)), whole);
    // It is shown later to whoever asks for it.
    let path = format!(
        "{PATH}/{}?include[]=reasoning.encrypted_content",
        first["id"].as_str().unwrap_or_default()
    );
    let shown = server.get(&path).await.body;
    assert_eq!(shown["output"][0]["encrypted_content"], sealed);
    // What another server sealed is not ours to read; its summary stays.
    history[1]["encrypted_content"] = json!("gAAAAA");
    created(&server, json!({"store": false, "input": history})).await;
    assert_eq!(told(&asked(&server))[1], "reasoning Let me see.");
}

#[tokio::test]
async fn a_context_is_summarised_on_demand_and_the_summary_is_carried() {
    let server = Harness::start().await;
    server.models.say([Script::text("They agreed on Friday.")]);
    let input = json!([
        {"role": "user", "content": "When?"},
        {"role": "assistant", "content": "On Friday."},
    ]);
    let compacted = server.post(COMPACT, &json!({"model": "scripted", "input": input})).await.body;
    assert_eq!(compacted["object"], "response.compaction");
    assert_eq!(compacted["output"][0]["type"], "compaction", "{compacted}");
    assert!(compacted["usage"]["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0));
    assert!(format!("{:?}", asked(&server).items).contains("Agent: On Friday."));
    let mut input = compacted["output"].as_array().expect("a list").clone();
    input.push(json!({"role": "user", "content": "At what time?"}));
    let next = created(&server, json!({"input": input})).await;
    assert_eq!(told(&asked(&server)), ["summary They agreed on Friday.", "user"]);
    // A response that is kept can be the context.
    server.models.say([Script::text("They went on.")]);
    let body = json!({"model": "scripted", "previous_response_id": next["id"]});
    let again = server.post(COMPACT, &body).await.body;
    assert_eq!(again["output"][0]["type"], "compaction", "{again}");
    for (body, code, param) in [
        (json!({"model": "scripted"}), "missing_parameter", "input"),
        (json!({"input": "x"}), "missing_parameter", "model"),
        (json!({"model": "unknown", "input": "x"}), "model_not_found", "model"),
    ] {
        let refused = server.post(COMPACT, &body).await;
        assert_eq!(refused.refusal(), (400, code, param), "{body}");
    }
    let foreign =
        json!({"model": "scripted", "input": [{"type": "compaction", "encrypted_content": "x"}]});
    let refused = server.post(PATH, &foreign).await;
    assert_eq!(refused.refusal(), (400, "invalid_parameter", "input[0].encrypted_content"));
}

#[tokio::test]
async fn a_long_context_is_summarised_where_the_request_says() {
    let server = Harness::start().await;
    let long = "word ".repeat(2_000);
    server.models.say([
        Script::text("One."),
        Script::text("In short: words."),
        Script::text("Two."),
    ]);
    let first = created(&server, json!({"input": long})).await;
    server.models.take_requests();
    let management = json!([{"type": "compaction", "compact_threshold": 1_000}]);
    let change = json!({"previous_response_id": first["id"], "input": "And?",
        "context_management": management, "truncation": "auto"});
    let second = created(&server, change).await;
    assert_eq!(second["output"][0]["content"][0]["text"], "Two.", "{second}");
    assert_eq!((&second["truncation"], &second["status"]), (&json!("auto"), &json!("completed")));
    let requests = server.models.take_requests();
    assert_eq!(requests.len(), 2, "a summary, then the answer");
    assert_eq!(told(&requests[1]), ["summary In short: words.", "user"]);
    // Both calls are counted.
    assert_eq!(second["usage"]["input_tokens"], 200);
    let low = json!({"model": "scripted", "input": "x",
        "context_management": [{"type": "compaction", "compact_threshold": 10}]});
    let refused = server.post(PATH, &low).await;
    assert_eq!(refused.refusal().2, "context_management[0].compact_threshold");
}

#[tokio::test]
async fn a_request_says_how_its_tools_are_called() {
    let server = Harness::start().await;
    let function =
        |name: &str| json!({"type": "function", "name": name, "parameters": {"type": "object"}});
    let tools = json!([function("look"), function("wait")]);
    for (choice, expected) in [
        (json!("none"), Some(ToolChoice::None)),
        (json!("required"), Some(ToolChoice::Required)),
        (
            json!({"type": "function", "name": "wait"}),
            Some(ToolChoice::Tool { name: "wait".into() }),
        ),
    ] {
        let change = json!({"tools": tools, "tool_choice": choice, "parallel_tool_calls": false});
        let shown = created(&server, change).await;
        assert_eq!(
            (&shown["tool_choice"], &shown["parallel_tool_calls"]),
            (&choice, &json!(false))
        );
        let options = asked(&server).options;
        assert_eq!((options.tool_choice, options.parallel_tool_calls), (expected, Some(false)));
    }
    // Two calls are asked for where one may be made: the model is told of the other.
    server.models.say([
        Script::calls(&[("call_1", "look", "{}"), ("call_2", "wait", "{}")]),
        Script::text("Done."),
    ]);
    let limited = created(&server, json!({"tools": tools, "max_tool_calls": 1})).await;
    assert_eq!(limited["max_tool_calls"], 1);
    let calls = limited["output"].as_array().expect("a list").iter();
    let calls: Vec<_> = calls.filter(|item| item["type"] == "function_call").collect();
    assert_eq!(calls.len(), 1, "{limited}");
}

#[tokio::test]
async fn tokens_are_estimated_of_all_that_a_model_would_read() {
    let server = Harness::start().await;
    let count = async |body: Value| {
        let reply = server.post("/v1/responses/input_tokens", &body).await;
        assert_eq!(reply.body["object"], "response.input_tokens", "{}", reply.body);
        reply.body["input_tokens"].as_u64().expect("a number")
    };
    let short = count(json!({"model": "scripted", "input": "x".repeat(400)})).await;
    assert!((100..200).contains(&short), "{short}");
    let told =
        json!({"model": "scripted", "input": "x".repeat(400), "instructions": "y".repeat(400)});
    assert_eq!(count(told).await, short + 100);
    let first = created(&server, json!({"input": "x".repeat(400)})).await;
    let behind =
        json!({"model": "scripted", "previous_response_id": first["id"], "input": "x".repeat(400)});
    assert!(count(behind).await > 2 * short - 50);
}
