//! The scripted server as its clients see it: the real adapters, and plain HTTP.

use std::sync::Arc;

use futures::StreamExt;
use mainstay_adapters::http_client::provider_client;
use mainstay_adapters::model::{
    Catalogue, ModelRegistry, OpenaiApi, ProviderKind, ProviderSettings,
};
use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_core::port::{
    ModelError, ModelErrorKind, ModelOptions, ModelOutput, ModelPart, ModelReply, ModelRequest,
    Models, StopReason,
};
use mainstay_protocol::{CallId, EffectId, ItemId, SessionId, TurnId};
use serde_json::{Value, json};

use super::find::place;
use super::{Call, Fault, FaultKind, Finish, Script, ScriptedServer, Step};

#[test]
fn a_script_is_found_with_what_came_after_it() {
    let script = Script::new(vec![Step::text(r#"say "hi" \ bye"#)]);
    let message = serde_json::to_string(&script.to_message()).expect("a text is JSON");
    let old = r#""{\"script\":[]}""#;
    let cases = [
        (String::from("{}"), None),
        (format!("[{message}]"), Some(0)),
        (format!(r#"[{old},{{"role":"tool"}},{message},{{"role":"tool"}}]"#), Some(1)),
        (format!(r#"[{message},{{"type":"function_call_output"}},{{"role":"tool"}}]"#), Some(2)),
        (format!(r#"[{message},"\"role\":\"tool\"""#), Some(0)),
        (message[..message.len() - 1].to_owned(), None),
    ];
    for (body, outputs) in cases {
        let found = place(body.as_bytes());
        assert_eq!(found.map(|place| place.outputs), outputs, "{body}");
        if let Some(found) = found {
            assert_eq!(found.literal, message.as_bytes(), "{body}");
        }
    }
}

#[test]
fn the_next_step_follows_from_the_outputs() {
    let two = Step { calls: vec![call("a"), call("b")], ..Step::default() };
    let thrice = Step { repeat: Some(3), ..Step::call("c", json!({})) };
    let script = Script::new(vec![two, thrice, Step::text("end")]);
    let expected = [0, 0, 1, 1, 1, 2, 2];
    for (outputs, step) in expected.into_iter().enumerate() {
        assert_eq!(script.step_after(outputs), Some(&script.script[step]), "{outputs}");
    }
    let endless =
        Script::new(vec![Step { repeat: Some(usize::MAX), ..Step::call("c", json!({})) }]);
    assert_eq!(endless.step_after(1_000_000), Some(&endless.script[0]));
    assert_eq!(Script::default().step_after(0), None);
}

#[tokio::test]
async fn both_apis_walk_through_a_script() {
    let script = Script::new(vec![
        Step {
            reasoning: Some("Two calls.".to_owned()),
            text: Some("Looking — 東京.".to_owned()),
            calls: vec![call("a"), Call { name: "b".to_owned(), arguments: json!("not JSON") }],
            pieces: Some(3),
            ..Step::default()
        },
        Step { finish: Finish::Length, pieces: Some(2), piece_delay_ms: 1, ..Step::text("cut") },
    ]);
    for api in [OpenaiApi::Chat, OpenaiApi::Responses] {
        let server = ScriptedServer::start().await.expect("a free port");
        let first = ask(&server, api, "eff_1", &script, 0).await.expect("an answer");
        let again = ask(&server, api, "eff_1", &script, 0).await.expect("an answer");
        assert_eq!(first, again, "{api:?}: one key, one answer");
        let other = ask(&server, api, "eff_2", &script, 0).await.expect("an answer");
        assert_ne!(first.outputs, other.outputs, "{api:?}: call ids differ between calls");
        let [
            ModelOutput::Reasoning { summary, .. },
            ModelOutput::Message { text },
            ModelOutput::ToolCall { name: one, arguments, .. },
            ModelOutput::ToolCall { name: two, arguments: broken, .. },
        ] = first.outputs.as_slice()
        else {
            panic!("{api:?}: {first:?}");
        };
        let texts = [summary, text, one, arguments, two, broken].map(String::as_str);
        assert_eq!(texts, ["Two calls.", "Looking — 東京.", "a", r#"{"n":1}"#, "b", "not JSON"]);
        let last = ask(&server, api, "eff_3", &script, 2).await.expect("an answer");
        assert_eq!(last.outputs, [ModelOutput::Message { text: "cut".to_owned() }], "{api:?}");
        assert_eq!(last.stop, StopReason::Length, "{api:?}");
        let stats = server.state.model_stats();
        assert_eq!((stats.calls, stats.keys, stats.finished), (4, 3, 4), "{api:?}");
        assert_eq!((stats.repeated, stats.repeated_after_finish), (1, 1), "{api:?}");
    }
}

#[tokio::test]
async fn a_fault_goes_away_when_it_is_told_to() {
    let fault =
        |kind| Fault { kind, times: Some(2), status: None, code: None, retry_after_ms: None };
    let limited = Fault { status: Some(429), retry_after_ms: Some(7), ..fault(FaultKind::Status) };
    let cases = [
        (fault(FaultKind::Status), ModelErrorKind::Unavailable),
        (limited, ModelErrorKind::RateLimited),
        (fault(FaultKind::Garbage), ModelErrorKind::Garbled),
        (fault(FaultKind::Cut), ModelErrorKind::Unavailable),
    ];
    for api in [OpenaiApi::Chat, OpenaiApi::Responses] {
        for (fault, kind) in &cases {
            let server = ScriptedServer::start().await.expect("a free port");
            let step = Step { fault: Some(fault.clone()), ..Step::text("there") };
            let script = Script::new(vec![step]);
            for _ in 0..2 {
                let error = ask(&server, api, "eff_1", &script, 0).await.expect_err("a fault");
                assert_eq!((error.kind, error.retry_after_ms), (*kind, fault.retry_after_ms));
            }
            let reply = ask(&server, api, "eff_1", &script, 0).await.expect("an answer");
            assert_eq!(reply.outputs, [ModelOutput::Message { text: "there".to_owned() }]);
            assert_eq!(server.state.model_stats().repeated_after_finish, 0, "{api:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn tools_count_their_effects() {
    let server = ScriptedServer::start().await.expect("a free port");
    // Path and query, key, the status that comes back (none when the answer is lost), effects so far.
    let cases = [
        ("/tool/act?n=1", "a", Some(200), 1),
        ("/tool/act?n=1", "a", Some(200), 2),
        ("/tool/keyed_act", "b", Some(200), 1),
        ("/tool/keyed_act", "b", Some(200), 1),
        ("/tool/act?fail_status=503&fail_times=1", "c", Some(503), 0),
        ("/tool/act?fail_status=503&fail_times=1", "c", Some(200), 1),
        ("/tool/act?lose_times=1&delay_ms=1", "d", None, 1),
    ];
    for (path, key, status, effects) in cases {
        let answer = http(&server, reqwest::Method::POST, path, key).await;
        assert_eq!(answer.map(|(status, _)| status), status, "{path} {key}");
        let (status, body) =
            http(&server, reqwest::Method::GET, "/tool/status", key).await.expect("an answer");
        assert_eq!(status, if effects > 0 { 200 } else { 404 }, "{path} {key}");
        assert_eq!(body["effects"].as_u64().unwrap_or(0), effects, "{path} {key}");
    }
    let stats = server.state.tool_stats();
    assert_eq!((stats.calls, stats.keys, stats.effects, stats.repeated), (7, 4, 5, 1));
    assert_eq!(stats.repeated_keys, ["a"]);
}

#[tokio::test]
async fn the_tools_have_a_document() {
    let server = ScriptedServer::start().await.expect("a free port");
    let (status, document) =
        http(&server, reqwest::Method::GET, "/openapi.json", "").await.expect("an answer");
    assert_eq!(status, 200);
    assert_eq!(document["servers"][0]["url"], server.url);
    assert_eq!(document["paths"]["/tool/act"]["post"]["operationId"], "act");
}

fn call(name: &str) -> Call {
    Call { name: name.to_owned(), arguments: json!({ "n": 1 }) }
}

/// Asks the model as the runtime does, after so many tool outputs.
async fn ask(
    server: &ScriptedServer,
    api: OpenaiApi,
    effect: &str,
    script: &Script,
    outputs: usize,
) -> Result<ModelReply, ModelError> {
    let base = format!("{}/v1", server.url).parse().expect("a URL");
    let mut settings = ProviderSettings::new("scripted", ProviderKind::Openai, base, None);
    settings.api = api;
    let client = provider_client().expect("a client");
    let mut registry = ModelRegistry::new(client, Arc::new(Catalogue::built_in()));
    registry.add_provider(&settings).expect("settings that make sense");
    let (model, name) = registry.find("scripted/any").expect("the provider is there");
    let parts: Vec<_> = model.stream(request(effect, name, script, outputs)).collect().await;
    match parts.into_iter().next_back().expect("a last word") {
        Ok(ModelPart::Done(reply)) => Ok(reply),
        Ok(ModelPart::Delta { .. }) => panic!("a stream ends with Done or an error"),
        Err(error) => Err(error),
    }
}

fn request(effect: &str, model: Arc<str>, script: &Script, outputs: usize) -> ModelRequest {
    let text = |text: String| vec![Content::Text { text }];
    let mut bodies = vec![ItemBody::UserMessage { content: text(script.to_message()) }];
    for index in 0..outputs {
        let call_id = CallId::parse(&format!("call_{index}")).expect("an id");
        bodies.push(ItemBody::ToolCall {
            call_id: call_id.clone(),
            name: "a".to_owned(),
            arguments: "{}".to_owned(),
            source: None,
        });
        bodies.push(ItemBody::ToolOutput {
            call_id,
            content: text("ok".to_owned()),
            is_error: false,
        });
    }
    let item = |(at, body)| {
        let id = ItemId::parse(&format!("item_{at}")).expect("an id");
        let turn = TurnId::parse("turn_1").expect("an id");
        Arc::new(Item { id, turn, output_index: None, body })
    };
    ModelRequest {
        effect: EffectId::parse(effect).expect("an id"),
        session: SessionId::parse("ses_1").expect("an id"),
        model,
        instructions: "Follow the script.".into(),
        items: bodies.into_iter().enumerate().map(item).collect(),
        tools: Arc::new([]),
        reasoning_effort: None,
        verbosity: None,
        response_schema: None,
        options: ModelOptions::default(),
        timeout_ms: 10_000,
    }
}

/// A status with its JSON body; none when the connection ends without an answer.
async fn http(
    server: &ScriptedServer,
    method: reqwest::Method,
    path: &str,
    key: &str,
) -> Option<(u16, Value)> {
    let client = provider_client().expect("a client");
    let request = client.request(method, format!("{}{path}", server.url));
    let response = request.header("idempotency-key", key).send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.json().await.expect("answers are JSON")))
}
