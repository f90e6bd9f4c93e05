//! The real embedded model.
//!
//! The file is looked for in `MAINSTAY_MODEL_DIR`, else in `~/.cache/mainstay/models`, where
//! `mainstay model pull` puts it. Where it is absent the test fails.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt;
use mainstay_adapters::model::embedded::{
    DEFAULT_MAX_WAITING_CALLS, DEFAULT_MODEL, EmbeddedModel, EmbeddedModels, EmbeddedSettings,
    find_model_file,
};
use mainstay_core::port::{
    Model, ModelErrorKind, ModelOutput, ModelPart, ModelReply, ModelRequest, PartKind, StopReason,
};
use mainstay_core::tool::{ApprovalMode, Safety, ToolSpec};
use serde_json::{Value, json};

use super::fixtures::{assistant, request, text, tool_call, tool_output, user};

/// A machine that builds something at the same time is slow.
const TIMEOUT_MS: u64 = 600_000;

#[expect(clippy::disallowed_methods, reason = "says where the tests find a gigabyte of model")]
fn environment(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from)
}

fn model_file() -> PathBuf {
    let folder = environment("MAINSTAY_MODEL_DIR")
        .or_else(|| Some(environment("HOME")?.join(".cache/mainstay/models")))
        .expect("a home folder");
    let path = find_model_file(DEFAULT_MODEL).expect("the default model is listed").path(&folder);
    assert!(path.is_file(), "no {}: get it with `mainstay model pull`", path.display());
    path
}

fn weather_tool() -> ToolSpec {
    ToolSpec {
        name: "get_weather".to_owned(),
        description: "Tells the weather of a city.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Name of the city"}},
            "required": ["city"],
            "additionalProperties": false,
        }),
        source: 0,
        strict: false,
        remote_name: "get_weather".to_owned(),
        safety: Safety::ReadOnly,
        approval: ApprovalMode::Never,
        reconcile: false,
        timeout_ms: 1_000,
        max_attempts: 1,
        concurrency_limit: 1,
    }
}

/// The answer, and its text as it was streamed.
async fn answer(model: &EmbeddedModel, request: ModelRequest) -> (ModelReply, String) {
    let mut streamed = String::new();
    let mut parts = model.stream(request);
    while let Some(part) = parts.next().await {
        match part.expect("the model answers") {
            ModelPart::Delta { index, kind, text } => {
                assert_eq!(index, 0);
                assert!(matches!(kind, PartKind::Text | PartKind::Arguments));
                streamed.push_str(&text);
            }
            ModelPart::Done(reply) => return (reply, streamed),
        }
    }
    panic!("the stream ended without an answer");
}

/// One test, since each would load the model again.
#[tokio::test]
async fn the_real_model_calls_a_tool_reads_its_result_and_stops_when_told() {
    let mut settings = EmbeddedSettings::new(model_file());
    settings.context_tokens = 2_048;
    let model = EmbeddedModels::new(DEFAULT_MAX_WAITING_CALLS).model(settings);
    let ask = |items| {
        let mut request = request("embedded", items);
        request.instructions = "You answer questions about the weather.".into();
        request.tools = Arc::new([weather_tool()]);
        request.timeout_ms = TIMEOUT_MS;
        request
    };

    // It calls the tool with arguments that fit, and what was streamed is what is kept.
    let question = user("What is the weather in Lisbon?");
    let (reply, streamed) = answer(&model, ask(vec![question.clone()])).await;
    let [ModelOutput::ToolCall { name, arguments, .. }] = reply.outputs.as_slice() else {
        panic!("a call of the tool is wanted, not {:?}", reply.outputs);
    };
    assert_eq!(name, "get_weather");
    let parsed: Value = serde_json::from_str(arguments).expect("the grammar allows only JSON");
    assert!(parsed["city"].as_str().is_some_and(|city| city.contains("Lisbon")), "{parsed}");
    assert_eq!(&streamed, arguments);
    assert_eq!(reply.stop, StopReason::End);
    let first = reply.usage;
    assert!(first.input_tokens > 100 && first.output_tokens > 0, "{first:?}");

    // It goes on from where it was: only what is new is read.
    let call = tool_call("call_1", "get_weather", arguments);
    let result = tool_output("call_1", vec![text("19 degrees, light rain")], false);
    let (reply, streamed) = answer(&model, ask(vec![question.clone(), call, result])).await;
    let [ModelOutput::Message { text: said }] = reply.outputs.as_slice() else {
        panic!("a reply is wanted, not {:?}", reply.outputs);
    };
    assert!(said.contains("19"), "{said}");
    assert_eq!(&streamed, said);
    let second = reply.usage;
    assert!(second.cached_input_tokens >= first.input_tokens - 8, "{first:?} {second:?}");

    // A dropped stream leaves the model free for the next call.
    drop(model.stream(ask(vec![question.clone()])).next().await);

    // A bound on the answer is kept, and said.
    let mut short = request("embedded", vec![user("Write a long story about the sea.")]);
    short.options.max_output_tokens = Some(5);
    short.timeout_ms = TIMEOUT_MS;
    let (reply, _) = answer(&model, short).await;
    assert_eq!((reply.stop, reply.usage.output_tokens), (StopReason::Length, 5));

    // A prompt that does not fit is an error that a compaction can deal with.
    let long = ask(vec![user(&"tide ".repeat(3_000)), assistant("Yes?"), question]);
    let error = model.stream(long).next().await.expect("an answer").expect_err("too long");
    assert_eq!(error.kind, ModelErrorKind::ContextTooLong, "{error}");
}
