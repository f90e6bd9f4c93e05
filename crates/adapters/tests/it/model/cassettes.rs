//! Whole streams as providers send them, against what they must become.

use std::path::{Path, PathBuf};

use mainstay_core::port::{ModelError, ModelOutput, ModelPart, ModelReply, PartKind};
use serde_json::{Value, json};

use super::fixtures::{call, provider_of, request, user};
use super::player::{Play, Player};

/// In what pieces a stream arrives: whole, inside characters and words, inside lines.
const PIECE_BYTES: [usize; 3] = [usize::MAX, 3, 64];

#[tokio::test]
async fn chat_streams_become_replies() {
    check_all("openai_chat").await;
}

#[tokio::test]
async fn responses_streams_become_replies() {
    check_all("openai_responses").await;
}

#[tokio::test]
async fn messages_streams_become_replies() {
    check_all("anthropic").await;
}

async fn check_all(api: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cassettes").join(api);
    let mut cassettes: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the cassettes are in the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|end| end == "sse" || end == "json"))
        .collect();
    cassettes.sort();
    assert!(cassettes.len() > 10, "{api} has {} cassettes", cassettes.len());
    for cassette in cassettes {
        check(api, &folder, &cassette).await;
    }
}

/// Plays a cassette; the reply must not depend on how its bytes are cut.
async fn check(api: &str, folder: &Path, cassette: &Path) {
    let bytes = std::fs::read(cassette).expect("a readable file");
    let name = cassette.file_stem().expect("it has a name").to_string_lossy().into_owned();
    let mut outcomes = Vec::new();
    for piece_bytes in PIECE_BYTES {
        let player = Player::start(Play::stream(&bytes, piece_bytes)).await;
        let asked = request("gpt-4o", vec![user("Hi")]);
        let (watched, ended) = call(provider_of(api, &player.url), asked).await;
        if let Ok(reply) = &ended {
            assert_watched_is_repeated(&name, &watched, reply);
        }
        outcomes.push(to_json(&watched, &ended));
    }
    for (outcome, piece_bytes) in outcomes.iter().zip(PIECE_BYTES) {
        assert_eq!(outcome, &outcomes[0], "{api}/{name} in pieces of {piece_bytes} bytes");
    }
    insta::with_settings!({
        snapshot_path => folder,
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_json_snapshot!(name, outcomes[0]);
    });
}

/// What was watched of a text or of arguments is what the reply holds.
fn assert_watched_is_repeated(name: &str, watched: &[ModelPart], reply: &ModelReply) {
    for (index, output) in (0..).zip(&reply.outputs) {
        let seen = watched_text(watched, index);
        match output {
            ModelOutput::Message { text } => assert!(seen == *text || seen.is_empty(), "{name}"),
            ModelOutput::ToolCall { arguments, .. } => {
                assert!(seen == *arguments || seen.is_empty(), "{name}");
            }
            // Parts of a summary are set apart only in the reply.
            ModelOutput::Reasoning { .. } => {}
        }
    }
}

fn watched_text(watched: &[ModelPart], wanted: u32) -> String {
    let of_output = |part: &ModelPart| match part {
        ModelPart::Delta { index, text, .. } if *index == wanted => Some(text.clone()),
        ModelPart::Delta { .. } | ModelPart::Done(_) => None,
    };
    watched.iter().filter_map(of_output).collect()
}

fn to_json(watched: &[ModelPart], ended: &Result<ModelReply, ModelError>) -> Value {
    let mut runs: Vec<(u32, PartKind, String)> = Vec::new();
    for part in watched {
        if let ModelPart::Delta { index, kind, text } = part {
            match runs.last_mut() {
                Some(run) if (run.0, run.1) == (*index, *kind) => run.2.push_str(text),
                _ => runs.push((*index, *kind, text.clone())),
            }
        }
    }
    match ended {
        Ok(reply) => json!({ "watched": runs, "reply": reply_json(reply) }),
        // What is seen before an error depends on how the bytes were cut, and counts for nothing.
        Err(error) => json!({ "error": {
            "kind": error.kind,
            "message": error.message,
            "retry_after_ms": error.retry_after_ms,
        }}),
    }
}

fn reply_json(reply: &ModelReply) -> Value {
    let output = |output: &ModelOutput| match output {
        ModelOutput::Message { text } => json!({ "message": text }),
        ModelOutput::Reasoning { summary, provider_data } => {
            json!({ "reasoning": summary, "provider_data": provider_data })
        }
        ModelOutput::ToolCall { call_id, name, arguments } => {
            json!({ "tool_call": name, "call_id": call_id, "arguments": arguments })
        }
    };
    json!({
        "outputs": reply.outputs.iter().map(output).collect::<Vec<_>>(),
        "usage": reply.usage,
        "model": reply.model,
        "stop": reply.stop,
    })
}
