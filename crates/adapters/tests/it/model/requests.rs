//! What is sent: URLs, headers and bodies. The bodies are also read by the official SDKs' types, in
//! `testing/it/python/test_model_requests.py`.

use std::path::Path;
use std::sync::Arc;

use mainstay_adapters::model::{OpenaiApi, ProviderKind, ProviderSettings};
use mainstay_core::item::{Content, DeveloperRole, ItemBody};
use mainstay_core::port::{ModelOptions, ModelRequest, ToolChoice};
use mainstay_core::tool::ToolSpec;
use serde_json::{Value, json};

use super::fixtures::{
    KEY, assistant, call, developer, provider, reasoning, request, text, tool, tool_call,
    tool_output, user,
};
use super::player::{Play, Player, Recorded};

/// The APIs in the forms in which bodies differ: at a compatible server, and with everything that an
/// official one understands.
const FORMS: [(&str, ProviderKind, OpenaiApi, &str); 6] = [
    ("chat_compatible", ProviderKind::Openai, OpenaiApi::Chat, "some-model"),
    ("chat_official", ProviderKind::AzureOpenai, OpenaiApi::Chat, "gpt-5.4"),
    ("responses_compatible", ProviderKind::Openai, OpenaiApi::Responses, "some-model"),
    ("responses_official", ProviderKind::AzureOpenai, OpenaiApi::Responses, "gpt-5.4"),
    ("messages", ProviderKind::Anthropic, OpenaiApi::Auto, "claude-opus-5"),
    ("messages_older", ProviderKind::Anthropic, OpenaiApi::Auto, "claude-sonnet-4-5"),
];

#[tokio::test]
async fn a_first_message() {
    check("first_message", |model| request(model, vec![user("Hi")])).await;
}

#[tokio::test]
async fn every_option() {
    check("every_option", |model| ModelRequest {
        tools: Arc::new([tool("get_weather"), tool("get_time")]),
        reasoning_effort: Some("high".into()),
        verbosity: Some("low".into()),
        options: ModelOptions {
            temperature: Some(1.5),
            top_p: Some(0.5),
            max_output_tokens: Some(9_000),
            tool_choice: Some(ToolChoice::Auto),
            parallel_tool_calls: Some(false),
        },
        response_schema: Some(Arc::new(json!({
            "name": "answer",
            "schema": { "type": "object", "properties": {}, "additionalProperties": false },
            "strict": true,
        }))),
        ..request(model, vec![user("Hi")])
    })
    .await;
}

#[tokio::test]
async fn choices_among_tools() {
    check("must_call_one", |model| choosing(model, ToolChoice::Tool { name: "get_time".into() }))
        .await;
    check("must_call_some", |model| choosing(model, ToolChoice::Required)).await;
    check("must_call_none", |model| choosing(model, ToolChoice::None)).await;
    check("must_call_one_of_some", |model| {
        let names = vec!["get_time".to_owned(), "get_date".to_owned()];
        choosing(model, ToolChoice::Allowed { names, required: true })
    })
    .await;
}

#[tokio::test]
async fn nothing_is_said_of_tools_where_there_are_none() {
    check("no_tools", |model| ModelRequest {
        tools: Arc::new([]),
        response_schema: Some(Arc::new(json!({ "name": "any_object" }))),
        ..choosing(model, ToolChoice::Required)
    })
    .await;
}

#[tokio::test]
async fn what_the_application_says() {
    check("developer_messages", |model| {
        let system = DeveloperRole::System;
        request(
            model,
            vec![
                developer(DeveloperRole::Developer, "Be brief."),
                developer(system, "Speak Danish."),
                user("Hi"),
                developer(system, "Speak German."),
                assistant("Hallo."),
                developer(DeveloperRole::Developer, "Be kind."),
            ],
        )
    })
    .await;
    check("developer_message_alone", |model| ModelRequest {
        instructions: "".into(),
        ..request(model, vec![developer(DeveloperRole::System, "Be brief."), user("Hi")])
    })
    .await;
}

#[tokio::test]
async fn without_instructions() {
    check("no_instructions", |model| ModelRequest {
        instructions: "".into(),
        ..request(model, vec![user("Hi")])
    })
    .await;
}

/// A request of which the choice among its three tools is told, with everything that may be refused
/// beside one.
fn choosing(model: &str, tool_choice: ToolChoice) -> ModelRequest {
    let strict = ToolSpec { strict: true, ..tool("get_time") };
    ModelRequest {
        tools: Arc::new([tool("get_weather"), strict, tool("get_date")]),
        reasoning_effort: Some("none".into()),
        options: ModelOptions {
            top_p: Some(0.25),
            tool_choice: Some(tool_choice),
            parallel_tool_calls: Some(true),
            ..ModelOptions::default()
        },
        ..request(model, vec![user("Hi")])
    }
}

#[tokio::test]
async fn a_conversation_with_tools() {
    check("conversation_with_tools", |model| ModelRequest {
        tools: Arc::new([tool("get_weather")]),
        ..request(
            model,
            vec![
                ItemBody::Summary { text: "They talked about cities.".to_owned() },
                ItemBody::UserMessage { content: vec![text("What is this?"), png(), photo()] },
                assistant("Looking."),
                tool_call("call_1", "get_weather", r#"{"city":"Oslo"}"#),
                tool_call("call_2", "get_weather", r#"{"city":"Rome"}"#),
                // Said while the tools ran, which no API can hear at that moment.
                user("And Bern?"),
                tool_output("call_2", vec![text("18°"), text("windy")], false),
                tool_output("call_1", vec![text("no such city"), png()], true),
                tool_call("call_3", "get_weather", r#"{"city":"Bern"}"#),
                tool_output("call_3", vec![], false),
                assistant("Cold."),
                user("Thanks"),
            ],
        )
    })
    .await;
}

#[tokio::test]
async fn a_transcript_with_holes() {
    check("transcript_with_holes", |model| {
        request(
            model,
            vec![
                tool_output("call_0", vec![text("late")], false),
                user("Go"),
                tool_call("call.with:odd/characters".replace('/', "-").as_str(), "a", "not JSON"),
                tool_call(&format!("call_{}", "x".repeat(100)), "b", ""),
                tool_call("call_2", "c", "[1]"),
                tool_output("call.with:odd-characters", vec![text("done")], false),
                // Never answered: the turn was cancelled.
                user("Again"),
                assistant(""),
                assistant("First."),
                assistant("Second."),
            ],
        )
    })
    .await;
}

#[tokio::test]
async fn reasoning_goes_back_where_it_came_from() {
    check("reasoning", |model| ModelRequest {
        reasoning_effort: Some("low".into()),
        ..request(
            model,
            vec![
                user("Go"),
                reasoning("", json!({"provider":"p","redacted":"EmwKAhgB"})),
                reasoning("Two calls.", json!({"provider":"p","signature":"EqQB","thinking":"Two calls."})),
                reasoning("Weighing.", json!({"provider":"p","id":"rs_1","encrypted_content":"gAAA"})),
                reasoning("Elsewhere.", json!({"provider":"other","id":"rs_2","encrypted_content":"gAAB","signature":"E","thinking":"x"})),
                tool_call("call_1", "a", "{}"),
                tool_output("call_1", vec![text("ok")], false),
            ],
        )
    })
    .await;
}

#[tokio::test]
async fn urls_and_headers() {
    let mut seen = String::new();
    let azure = |version: Option<&str>, api| {
        let mut settings = provider(ProviderKind::AzureOpenai, api, "http://unused");
        settings.api_version = version.map(str::to_owned);
        settings
    };
    let plain = |kind, api| provider(kind, api, "http://unused");
    let cases: [(ProviderSettings, &str); 9] = [
        (plain(ProviderKind::Openai, OpenaiApi::Auto), "/v1"),
        (plain(ProviderKind::Openai, OpenaiApi::Chat), "/proxy/openai/v1/"),
        (plain(ProviderKind::Openai, OpenaiApi::Responses), "/v1"),
        (azure(None, OpenaiApi::Auto), ""),
        (azure(None, OpenaiApi::Chat), "/openai/v1/"),
        (azure(Some("2024-10-21"), OpenaiApi::Auto), ""),
        (azure(Some("2024-10-21"), OpenaiApi::Chat), "/openai"),
        (plain(ProviderKind::Anthropic, OpenaiApi::Auto), ""),
        (plain(ProviderKind::Anthropic, OpenaiApi::Auto), "/gateway/v1"),
    ];
    for (mut settings, path) in cases {
        settings.headers.insert("x-team".to_owned(), "orders".to_owned());
        let sent = sent(settings, path, request("my model/1", vec![user("Hi")])).await;
        seen.push_str(&format!("{} {}\n", sent.method, sent.uri));
        for (name, value) in &sent.headers {
            if !matches!(name.as_str(), "host" | "content-length" | "user-agent") {
                let value = value.to_str().expect("text").replace(KEY, "[key]");
                seen.push_str(&format!("  {name}: {value}\n"));
            }
        }
    }
    insta::assert_snapshot!(seen);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let done = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let player = Player::start(Play::stream(done.as_bytes(), 16)).await;
    let registry = super::fixtures::registry(
        provider(ProviderKind::Openai, OpenaiApi::Chat, &player.url),
        "m",
    );
    for _ in 0..3 {
        let (model, _) = mainstay_core::port::Models::find(&registry, "m").expect("it is listed");
        let parts: Vec<_> =
            futures::StreamExt::collect(model.stream(request("m", vec![user("Hi")]))).await;
        assert!(parts.iter().all(Result::is_ok), "{parts:?}");
    }
    let peers: Vec<_> = player.requests().iter().map(|sent| sent.peer).collect();
    assert_eq!(peers.len(), 3);
    assert!(peers.iter().all(|peer| *peer == peers[0]), "{peers:?}");
}

fn png() -> Content {
    Content::Image { url: "data:image/png;base64,iVBORw0KGgo=".to_owned() }
}

fn photo() -> Content {
    Content::Image { url: "https://example.com/photo.jpg".to_owned() }
}

/// Compares the bodies that a request becomes with those in the repository.
async fn check(name: &str, make: fn(&str) -> ModelRequest) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/requests");
    for (form, kind, api, model) in FORMS {
        let sent = sent(provider(kind, api, "http://unused"), "", make(model)).await;
        let body: Value = serde_json::from_slice(&sent.body).expect("a body is JSON");
        insta::with_settings!({
            snapshot_path => &folder,
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_json_snapshot!(format!("{form}.{name}"), body);
        });
    }
}

/// Sends a request to a server of the test's own and gives what came there.
async fn sent(mut settings: ProviderSettings, path: &str, asked: ModelRequest) -> Recorded {
    let player = Player::start(Play::error(500, "{}")).await;
    settings.base_url = format!("{}{path}", player.url).parse().expect("a URL");
    let (_, ended) = call(settings, asked).await;
    ended.expect_err("the server answers nobody");
    player.requests().pop().expect("the request came")
}
