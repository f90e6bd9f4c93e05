//! The request: a transcript as input items.
//!
//! Invariant: the body is written straight from the items; the input of a longer transcript begins
//! with that of a shorter one.

use std::borrow::Cow;

use mainstay_core::item::Content;
use mainstay_core::port::ModelRequest;
use mainstay_core::tool::ToolSpec;
use mainstay_protocol::CallId;
use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::Value;

use crate::model::choice::{Choice, Must};
use crate::model::openai::{Dialect, MAX_CALL_ID_CHARS};
use crate::model::transcript::{
    NO_OUTPUT, Piece, fitted_call_id, late_output_text, object_arguments, pieces, summary_text,
};

/// The least bound on an answer that the API takes.
const MIN_OUTPUT_TOKENS: u64 = 16;
/// A first guess at the size of a body, so that it does not grow step by step.
const BODY_CAPACITY_BYTES: usize = 16 << 10;

/// The body of a request. Reasoning goes back only to the provider it came from.
pub(in crate::model) fn body(
    request: &ModelRequest,
    dialect: Dialect,
    provider: &str,
    reasoning_summary: Option<&str>,
) -> Vec<u8> {
    let pieces = pieces(&request.items);
    let effort = request.reasoning_effort.as_deref();
    let choice = Choice::new(request, dialect.subsets());
    let samples = dialect.takes_sampling(request.reasoning_effort.as_deref());
    let asks_reasoning = dialect.official && dialect.reasoning;
    let body = Body {
        model: &request.model,
        instructions: &request.instructions,
        input: Input { pieces: &pieces, dialect, provider },
        tools: Tools(&choice.tools),
        tool_choice: choice.must.map(|must| ToolChoice::new(must, choice.only)),
        parallel_tool_calls: choice.parallel,
        temperature: request.options.temperature.filter(|_| samples),
        top_p: request.options.top_p.filter(|_| samples),
        stream: true,
        store: false,
        include: if asks_reasoning { &["reasoning.encrypted_content"] } else { &[] },
        reasoning: (effort.is_some() || reasoning_summary.is_some())
            .then_some(Reasoning { effort, summary: reasoning_summary }),
        text: TextConfig::new(request.verbosity.as_deref(), request.response_schema.as_deref()),
        max_output_tokens: request
            .options
            .max_output_tokens
            .map(|tokens| tokens.max(MIN_OUTPUT_TOKENS)),
        prompt_cache_key: dialect.official.then(|| request.session.as_str()),
        stream_options: dialect.official.then_some(StreamOptions { include_obfuscation: false }),
    };
    let mut bytes = Vec::with_capacity(BODY_CAPACITY_BYTES);
    serde_json::to_writer(&mut bytes, &body).expect("a body has text keys and writes to memory");
    bytes
}

#[derive(serde::Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    instructions: &'a str,
    input: Input<'a>,
    #[serde(skip_serializing_if = "Tools::is_empty")]
    tools: Tools<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    stream: bool,
    store: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    include: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<TextConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(serde::Serialize)]
struct Reasoning<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
}

/// Without the padding that hides sizes: traffic to an official provider is encrypted, and padding
/// costs every reader of the stream.
#[derive(serde::Serialize)]
struct StreamOptions {
    include_obfuscation: bool,
}

#[derive(serde::Serialize)]
struct TextConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
}

impl<'a> TextConfig<'a> {
    fn new(verbosity: Option<&'a str>, schema: Option<&'a Value>) -> Option<Self> {
        let format = schema.map(|named| match named.get("schema") {
            None => Format { r#type: "json_object", name: None, schema: None, strict: None },
            schema => Format {
                r#type: "json_schema",
                name: named.get("name"),
                schema,
                strict: named.get("strict"),
            },
        });
        (verbosity.is_some() || format.is_some()).then_some(Self { verbosity, format })
    }
}

#[derive(serde::Serialize)]
struct Format<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<&'a Value>,
}

/// Which tools may or must be called.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum ToolChoice<'a> {
    Mode(&'static str),
    Function { r#type: &'static str, name: &'a str },
    Allowed { r#type: &'static str, mode: &'static str, tools: Vec<NamedTool<'a>> },
}

#[derive(serde::Serialize)]
struct NamedTool<'a> {
    r#type: &'static str,
    name: &'a str,
}

impl<'a> ToolChoice<'a> {
    fn new(must: Must<'a>, only: Option<&'a [String]>) -> Self {
        let mode = match must {
            Must::Choose => "auto",
            Must::CallNone => "none",
            Must::CallAny => "required",
            Must::Call(name) => return Self::Function { r#type: "function", name },
        };
        let Some(only) = only else { return Self::Mode(mode) };
        let tools = only.iter().map(|name| NamedTool { r#type: "function", name }).collect();
        Self::Allowed { r#type: "allowed_tools", mode, tools }
    }
}

struct Tools<'a>(&'a [&'a ToolSpec]);

impl Tools<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|tool| Tool {
            r#type: "function",
            name: &tool.name,
            description: &tool.description,
            parameters: &tool.parameters,
            strict: tool.strict,
        }))
    }
}

/// Strict only where it was asked for: schemas of MCP servers and OpenAPI documents rarely have the
/// form that strict mode asks for, and arguments are checked before a tool is called.
#[derive(serde::Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
    strict: bool,
}

struct Input<'a> {
    pieces: &'a [Piece<'a>],
    dialect: Dialect,
    provider: &'a str,
}

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for (at, piece) in self.pieces.iter().enumerate() {
            let followed_by_model = self.pieces.get(at + 1).is_some_and(Piece::is_from_model);
            if let Some(item) = self.item(piece, followed_by_model) {
                seq.serialize_element(&item)?;
            }
        }
        seq.end()
    }
}

impl<'a> Input<'a> {
    /// The input item of a piece; none for what is empty and for reasoning that does not belong here.
    fn item(&self, piece: &Piece<'a>, followed_by_model: bool) -> Option<InputItem<'a>> {
        Some(match *piece {
            Piece::User(content) => user(MessageContent::of(content)),
            Piece::Developer(content) => InputItem::Message {
                role: "developer",
                content: MessageContent::of(content),
                phase: None,
            },
            Piece::Summary(text) => user(MessageContent::Text(summary_text(text).into())),
            Piece::LateOutput(id, content) => {
                let text = Part::InputText { text: late_output_text(id).into() };
                let parts = [text].into_iter().chain(content.iter().map(Part::new));
                user(MessageContent::Parts(parts.collect()))
            }
            Piece::Assistant("") => return None,
            Piece::Assistant(text) => InputItem::Message {
                role: "assistant",
                content: MessageContent::Text(Cow::Borrowed(text)),
                // Models of this kind work worse when it is missing. What the model says before it
                // calls tools is commentary; its last words are the answer.
                phase: (self.dialect.official && self.dialect.reasoning)
                    .then_some(if followed_by_model { "commentary" } else { "final_answer" }),
            },
            Piece::Reasoning(summary, data) => self.reasoning(summary, data?)?,
            Piece::Call(id, name, arguments) => InputItem::FunctionCall {
                call_id: wire_id(id),
                name,
                arguments: object_arguments(arguments),
            },
            Piece::Output(id, content, _) => InputItem::FunctionCallOutput {
                call_id: wire_id(id),
                output: content
                    .map_or(MessageContent::Text(Cow::Borrowed(NO_OUTPUT)), MessageContent::of),
            },
        })
    }

    fn reasoning(&self, summary: &'a str, data: &'a Value) -> Option<InputItem<'a>> {
        let text = |name: &str| data.get(name).and_then(Value::as_str);
        let ours = self.dialect.reasoning && text("provider") == Some(self.provider);
        let encrypted_content = text("encrypted_content").filter(|_| ours)?;
        let summary =
            (!summary.is_empty()).then_some(SummaryPart { r#type: "summary_text", text: summary });
        Some(InputItem::Reasoning {
            id: text("id").unwrap_or_default(),
            summary: summary.into_iter().collect(),
            encrypted_content,
        })
    }
}

fn user(content: MessageContent<'_>) -> InputItem<'_> {
    InputItem::Message { role: "user", content, phase: None }
}

fn wire_id(id: &CallId) -> Cow<'_, str> {
    fitted_call_id(id, MAX_CALL_ID_CHARS)
}

#[derive(serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum InputItem<'a> {
    Message {
        role: &'static str,
        content: MessageContent<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        phase: Option<&'static str>,
    },
    Reasoning {
        id: &'a str,
        summary: Vec<SummaryPart<'a>>,
        encrypted_content: &'a str,
    },
    FunctionCall {
        call_id: Cow<'a, str>,
        name: &'a str,
        arguments: Cow<'a, str>,
    },
    FunctionCallOutput {
        call_id: Cow<'a, str>,
        output: MessageContent<'a>,
    },
}

#[derive(serde::Serialize)]
struct SummaryPart<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum MessageContent<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<Part<'a>>),
}

impl<'a> MessageContent<'a> {
    fn of(content: &'a [Content]) -> Self {
        match content {
            [] => Self::Text(Cow::Borrowed("")),
            [Content::Text { text }] => Self::Text(Cow::Borrowed(text)),
            [Content::Image { .. }] | [_, _, ..] => {
                Self::Parts(content.iter().map(Part::new).collect())
            }
        }
    }
}

#[derive(serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    InputText { text: Cow<'a, str> },
    InputImage { image_url: &'a str, detail: &'static str },
}

impl<'a> Part<'a> {
    fn new(content: &'a Content) -> Self {
        match content {
            Content::Text { text } => Self::InputText { text: Cow::Borrowed(text) },
            Content::Image { url } => Self::InputImage { image_url: url, detail: "auto" },
        }
    }
}
