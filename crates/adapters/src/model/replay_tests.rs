use std::sync::Arc;

use futures::StreamExt;
use futures::executor::block_on;
use mainstay_core::item::{Content, Item, ItemBody, item_id};
use mainstay_core::port::{Model, ModelOptions, ModelOutput, ModelPart, ModelRequest};
use mainstay_protocol::{CallId, EffectId, SessionId, TurnId};

use super::{NOTHING_RECORDED, RecordedOutput, RecordedReply, Recording, ReplayModel};

fn call(name: &str) -> RecordedOutput {
    RecordedOutput::ToolCall { name: name.to_owned(), arguments: "{\"a\": 1}".to_owned() }
}

fn recording() -> Recording {
    let say = |text: &str| RecordedOutput::Message { text: text.to_owned() };
    let reply = |outputs| RecordedReply { outputs, usage: Default::default() };
    Recording {
        about: "made up".to_owned(),
        model: "m".to_owned(),
        input: "hi".to_owned(),
        replies: vec![
            reply(vec![say("first"), call("one")]),
            reply(vec![call("two"), call("three")]),
            reply(vec![say("all done")]),
        ],
    }
}

/// `u` is the user's message of the recording, `o` another one, `c` a tool call; the answer's outputs, shortened.
fn check(transcript: &str, expected: &[&str]) {
    let model = ReplayModel::new(recording());
    let said = |text: &str| ItemBody::UserMessage {
        content: vec![Content::Text { text: text.to_owned() }],
    };
    let body = |kind| match kind {
        'u' => said("hi"),
        'o' => said("something else"),
        _ => ItemBody::ToolCall {
            call_id: CallId::parse("c").expect("an id"),
            name: "one".to_owned(),
            arguments: "{}".to_owned(),
            source: None,
        },
    };
    let item = |kind| {
        let turn = TurnId::parse("turn_1").expect("an id");
        Arc::new(Item { id: item_id(1, 1, 0, "x"), turn, output_index: None, body: body(kind) })
    };
    let request = ModelRequest {
        effect: EffectId::parse("eff_1").expect("an id"),
        session: SessionId::parse("ses_1").expect("an id"),
        model: "m".into(),
        instructions: "".into(),
        items: transcript.chars().map(item).collect(),
        tools: Arc::from([]),
        reasoning_effort: None,
        verbosity: None,
        response_schema: None,
        options: ModelOptions::default(),
        timeout_ms: 1_000,
    };
    let parts: Vec<_> = block_on(model.stream(request).collect());
    let Some(Ok(ModelPart::Done(reply))) = parts.last() else { panic!("no end: {parts:?}") };
    let outputs: Vec<&str> = reply
        .outputs
        .iter()
        .map(|output| match output {
            ModelOutput::Message { text } => text.as_str(),
            ModelOutput::ToolCall { name, .. } => name,
            ModelOutput::Reasoning { .. } => "reasoning",
        })
        .collect();
    assert_eq!(outputs, expected, "{transcript}");
}

#[test]
fn answers_follow_the_transcript() {
    check("u", &["first", "one"]);
    check("uc", &["two", "three"]);
    check("uccc", &["all done"]);
}

#[test]
fn what_was_not_recorded_is_refused() {
    check("ucccc", &[NOTHING_RECORDED]);
    check("ucccu", &[NOTHING_RECORDED]);
    check("o", &[NOTHING_RECORDED]);
    check("uo", &[NOTHING_RECORDED]);
    check("", &[NOTHING_RECORDED]);
}
