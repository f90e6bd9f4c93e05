//! How often the embedded model chooses the right tool with the right arguments:
//! `cargo run --release -p mainstay-adapters --features embedded-model --example tool_choice -- FILE.gguf [FOLDER [THREADS]]`.
//!
//! FOLDER holds `tool_sets.json` and `tool_choice.jsonl`; without it the held-out cases of
//! `testdata/embedded` are taken, after which no prompt may be tuned.
#![expect(clippy::print_stdout, reason = "a program whose result is what it prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use mainstay_adapters::model::embedded::{
    DEFAULT_MAX_WAITING_CALLS, EmbeddedModel, EmbeddedModels, EmbeddedSettings,
};
use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_core::port::{Model, ModelOptions, ModelOutput, ModelPart, ModelReply, ModelRequest};
use mainstay_core::tool::{ApprovalMode, Safety, ToolSpec};
use mainstay_protocol::{CallId, EffectId, ItemId, SessionId, TurnId};
use serde::Deserialize;
use serde_json::Value;

/// Long enough for the slowest machine that is worth measuring.
const TIMEOUT_MS: u64 = 600_000;
/// A reply is judged by its beginning.
const MAX_OUTPUT_TOKENS: u64 = 160;

/// One conversation, and what is right to do next.
#[derive(Deserialize)]
struct Case {
    id: String,
    tools: String,
    messages: Vec<Message>,
    expect: Expectation,
}

#[derive(Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
enum Message {
    User { text: String },
    Assistant { text: String },
    Call { tool: String, arguments: Value },
    Result { text: String },
}

#[derive(Deserialize)]
struct Expectation {
    /// None for a reply.
    tool: Option<String>,
    /// Key arguments, each with what is accepted.
    #[serde(default)]
    arguments: BTreeMap<String, Accepted>,
    /// A reply holds one of these.
    #[serde(default)]
    text: Vec<String>,
    /// A call of one of these is as good as a reply.
    #[serde(default)]
    or_tools: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Accepted {
    Values(Vec<Value>),
    Parts { contains: Vec<String> },
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    description: String,
    parameters: Value,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file: PathBuf = arguments.next().ok_or("the first argument is a model's file")?.into();
    let held_out = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/embedded");
    let folder = arguments.next().map_or(held_out, PathBuf::from);
    let sets: BTreeMap<String, Vec<Tool>> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("tool_sets.json"))?)?;
    let cases = std::fs::read_to_string(folder.join("tool_choice.jsonl"))?;
    let cases: Vec<Case> = cases.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;

    let threads = arguments.next().map(|threads| threads.parse()).transpose()?;
    let settings = EmbeddedSettings { threads, ..EmbeddedSettings::new(file) };
    let model = EmbeddedModels::new(DEFAULT_MAX_WAITING_CALLS).model(settings);
    let (_, load_time) = timed(model.load()).await;
    println!("loaded in {:.1} s", load_time.as_secs_f64());
    let mut score = Score::default();
    for case in &cases {
        let tools = sets.get(&case.tools).ok_or_else(|| format!("no tools {}", case.tools))?;
        let (reply, time) = timed(ask(&model, request(case, tools))).await;
        score.count(case, &reply?, time);
    }
    score.print();
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "measures real time, decides nothing")]
async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let value = work.await;
    (value, start.elapsed())
}

async fn ask(model: &EmbeddedModel, request: ModelRequest) -> Result<ModelReply, Box<dyn Error>> {
    let mut parts = model.stream(request);
    while let Some(part) = parts.next().await {
        if let ModelPart::Done(reply) = part? {
            return Ok(reply);
        }
    }
    Err("the stream ended without an answer".into())
}

fn request(case: &Case, tools: &[Tool]) -> ModelRequest {
    let turn = TurnId::parse("turn_1").expect("an id");
    let item = |(at, message): (usize, &Message)| {
        let id = ItemId::parse(&format!("item_{at}")).expect("an id");
        // A result follows its call.
        let call_id = |at: usize| CallId::parse(&format!("call_{at}")).expect("an id");
        let body = match message {
            Message::User { text } => ItemBody::UserMessage { content: content(text) },
            Message::Assistant { text } => ItemBody::AssistantMessage { text: text.clone() },
            Message::Call { tool, arguments } => ItemBody::ToolCall {
                call_id: call_id(at),
                name: tool.clone(),
                arguments: arguments.to_string(),
                source: None,
            },
            Message::Result { text } => ItemBody::ToolOutput {
                call_id: call_id(at - 1),
                content: content(text),
                is_error: text.starts_with("error"),
            },
        };
        Arc::new(Item { id, turn: turn.clone(), output_index: None, body })
    };
    ModelRequest {
        effect: EffectId::parse("eff_1").expect("an id"),
        session: SessionId::parse("ses_1").expect("an id"),
        model: "embedded".into(),
        instructions: "".into(),
        items: case.messages.iter().enumerate().map(item).collect(),
        tools: tools.iter().map(spec).collect(),
        reasoning_effort: None,
        verbosity: None,
        response_schema: None,
        options: ModelOptions {
            max_output_tokens: Some(MAX_OUTPUT_TOKENS),
            ..ModelOptions::default()
        },
        timeout_ms: TIMEOUT_MS,
    }
}

fn content(text: &str) -> Vec<Content> {
    vec![Content::Text { text: text.to_owned() }]
}

fn spec(tool: &Tool) -> ToolSpec {
    ToolSpec {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.parameters.clone(),
        source: 0,
        strict: false,
        remote_name: tool.name.clone(),
        safety: Safety::ReadOnly,
        approval: ApprovalMode::Never,
        reconcile: false,
        timeout_ms: TIMEOUT_MS,
        max_attempts: 1,
        concurrency_limit: 1,
    }
}

/// What was right, and how long it took.
#[derive(Default)]
struct Score {
    right: usize,
    right_tool: usize,
    times: Vec<Duration>,
    input_tokens: u64,
    cached_tokens: u64,
    output_tokens: u64,
}

impl Score {
    fn count(&mut self, case: &Case, reply: &ModelReply, time: Duration) {
        let (right_tool, right) = judge(&case.expect, reply);
        self.right_tool += usize::from(right_tool);
        self.right += usize::from(right);
        self.times.push(time);
        self.input_tokens += reply.usage.input_tokens;
        self.cached_tokens += reply.usage.cached_input_tokens;
        self.output_tokens += reply.usage.output_tokens;
        if !right {
            println!("wrong  {}: {:?}", case.id, reply.outputs);
        }
    }

    fn print(&mut self) {
        self.times.sort();
        let all = self.times.len();
        let seconds = |percent: usize| self.times[(all - 1) * percent / 100].as_secs_f64();
        println!(
            "right tool and arguments {}/{all}, right tool {}/{all}; seconds per step: median {:.1}, p90 {:.1}, all {:.0}",
            self.right,
            self.right_tool,
            seconds(50),
            seconds(90),
            self.times.iter().sum::<Duration>().as_secs_f64(),
        );
        println!(
            "tokens: {} of prompts ({} of them kept from the step before), {} of answers",
            self.input_tokens, self.cached_tokens, self.output_tokens
        );
    }
}

/// Whether the tool is right, and whether everything is.
fn judge(expect: &Expectation, reply: &ModelReply) -> (bool, bool) {
    match (reply.outputs.first(), &expect.tool) {
        (Some(ModelOutput::Message { text }), None) => {
            let text = text.to_lowercase();
            let any = expect.text.iter().any(|part| text.contains(&part.to_lowercase()));
            (true, expect.text.is_empty() || any)
        }
        (Some(ModelOutput::ToolCall { name, .. }), None) => {
            let as_good = expect.or_tools.contains(name);
            (as_good, as_good)
        }
        (Some(ModelOutput::ToolCall { name, arguments, .. }), Some(tool)) if name == tool => {
            let given: Value = serde_json::from_str(arguments).unwrap_or_default();
            (true, expect.arguments.iter().all(|(key, accepted)| accepts(accepted, &given[key])))
        }
        _ => (false, false),
    }
}

fn accepts(accepted: &Accepted, given: &Value) -> bool {
    let plain = |value: &Value| value.as_str().map(|text| text.trim().to_lowercase());
    match accepted {
        Accepted::Parts { contains } => {
            let given = plain(given).unwrap_or_default();
            contains.iter().all(|part| given.contains(part))
        }
        Accepted::Values(values) => values.iter().any(|value| match (value, given) {
            (Value::Number(value), Value::Number(given)) => value.as_f64() == given.as_f64(),
            (Value::String(_), Value::String(_)) => plain(value) == plain(given),
            (value, given) => value == given,
        }),
    }
}
