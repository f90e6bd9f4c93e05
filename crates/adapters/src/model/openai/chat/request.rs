//! The request: a transcript as chat messages.
//!
//! Invariant: the body is written straight from the items; the messages of a longer transcript begin
//! with those of a shorter one.

use std::borrow::Cow;

use mainstay_core::item::Content;
use mainstay_core::port::ModelRequest;
use mainstay_core::tool::ToolSpec;
use mainstay_protocol::CallId;
use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::Value;

use super::choice::ToolChoice;
use crate::model::choice::Choice;
use crate::model::openai::{Dialect, MAX_CALL_ID_CHARS};
use crate::model::transcript::{
    NO_OUTPUT, Piece, developer_text, fitted_call_id, joined_text, late_output_text,
    object_arguments, pieces, split_leading, summary_text,
};

/// What stands in a tool's text for an image, since a tool message holds text alone.
const IMAGE_NOTE: &str = "[image: see the next user message]";
/// A first guess at the size of a body, so that it does not grow step by step.
const BODY_CAPACITY_BYTES: usize = 16 << 10;

/// The body of a request.
pub(in crate::model) fn body(request: &ModelRequest, dialect: Dialect) -> Vec<u8> {
    let pieces = pieces(&request.items);
    let choice = Choice::new(request, dialect.subsets());
    let samples = dialect.takes_sampling(request.reasoning_effort.as_deref());
    let (for_official, for_others) = match dialect.official {
        true => (request.options.max_output_tokens, None),
        false => (None, request.options.max_output_tokens),
    };
    let body = Body {
        model: &request.model,
        messages: Messages { instructions: &request.instructions, pieces: &pieces, dialect },
        stream: true,
        stream_options: StreamOptions { include_usage: true },
        tools: Tools(&choice.tools),
        tool_choice: choice.must.map(|must| ToolChoice::new(must, choice.only)),
        parallel_tool_calls: choice.parallel,
        temperature: request.options.temperature.filter(|_| samples),
        top_p: request.options.top_p.filter(|_| samples),
        max_completion_tokens: for_official,
        max_tokens: for_others,
        reasoning_effort: request.reasoning_effort.as_deref(),
        verbosity: request.verbosity.as_deref(),
        response_format: request.response_schema.as_deref().map(ResponseFormat::new),
        prompt_cache_key: dialect.official.then(|| request.session.as_str()),
    };
    let mut bytes = Vec::with_capacity(BODY_CAPACITY_BYTES);
    serde_json::to_writer(&mut bytes, &body).expect("a body has text keys and writes to memory");
    bytes
}

#[derive(serde::Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Messages<'a>,
    stream: bool,
    stream_options: StreamOptions,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
}

#[derive(serde::Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(serde::Serialize)]
struct ResponseFormat<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<&'a Value>,
}

impl<'a> ResponseFormat<'a> {
    fn new(json_schema: &'a Value) -> Self {
        match json_schema.get("schema") {
            Some(_) => Self { r#type: "json_schema", json_schema: Some(json_schema) },
            None => Self { r#type: "json_object", json_schema: None },
        }
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
            function: Function {
                name: &tool.name,
                description: &tool.description,
                parameters: &tool.parameters,
                strict: tool.strict,
            },
        }))
    }
}

#[derive(serde::Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(serde::Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
}

struct Messages<'a> {
    instructions: &'a str,
    pieces: &'a [Piece<'a>],
    dialect: Dialect,
}

impl Messages<'_> {
    /// What stands above the conversation, in one message: templates of compatible servers take
    /// one, and only at the beginning.
    fn system(&self, leading: &[&[Content]]) -> Option<String> {
        let leading = leading.iter().map(|content| joined_text(content, IMAGE_NOTE));
        let texts = std::iter::once(Cow::Borrowed(self.instructions)).chain(leading);
        let texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
        (!texts.is_empty()).then(|| texts.join("\n\n"))
    }
}

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        let (leading, pieces) = split_leading(self.pieces);
        if let Some(content) = self.system(&leading) {
            seq.serialize_element(&Message::System { content: content.into() })?;
        }
        for group in pieces.chunk_by(|a, b| a.is_from_model() == b.is_from_model()) {
            if group[0].is_from_model() {
                if let Some(message) = assistant_message(group) {
                    seq.serialize_element(&message)?;
                }
            } else {
                serialize_answers(group, self.dialect, &mut seq)?;
            }
        }
        seq.end()
    }
}

/// What is not from the model: tool messages one by one, the images they hold after the last of
/// them, users' messages.
fn serialize_answers<S: SerializeSeq>(
    group: &[Piece<'_>],
    dialect: Dialect,
    seq: &mut S,
) -> Result<(), S::Error> {
    let outputs = group.iter().take_while(|piece| matches!(piece, Piece::Output(..))).count();
    let mut images = Vec::new();
    for piece in &group[..outputs] {
        if let Piece::Output(id, content, _) = piece {
            let content = match content {
                Some(content) => {
                    images.extend(content.iter().filter(|part| is_image(part)).map(Part::new));
                    joined_text(content, IMAGE_NOTE)
                }
                None => Cow::Borrowed(NO_OUTPUT),
            };
            seq.serialize_element(&Message::Tool { tool_call_id: wire_id(id), content })?;
        }
    }
    if !images.is_empty() {
        seq.serialize_element(&Message::User { content: UserContent::Parts(images) })?;
    }
    for piece in &group[outputs..] {
        seq.serialize_element(&user_message(piece, dialect))?;
    }
    Ok(())
}

fn user_message<'a>(piece: &Piece<'a>, dialect: Dialect) -> Message<'a> {
    let content = match *piece {
        Piece::User(content) => UserContent::of(content),
        Piece::Developer(content) if dialect.official => {
            return Message::System { content: joined_text(content, IMAGE_NOTE) };
        }
        Piece::Developer(content) => UserContent::Text(developer_text(content, IMAGE_NOTE).into()),
        Piece::Summary(text) => UserContent::Text(summary_text(text).into()),
        Piece::LateOutput(id, content) => {
            let text = Part::Text { text: late_output_text(id).into() };
            UserContent::Parts([text].into_iter().chain(content.iter().map(Part::new)).collect())
        }
        Piece::Output(..) | Piece::Assistant(_) | Piece::Reasoning(..) | Piece::Call(..) => {
            unreachable!("outputs come first in their group, and the model's pieces in their own")
        }
    };
    Message::User { content }
}

/// One answer of the model; none when there is nothing in it that this API takes.
fn assistant_message<'a>(group: &[Piece<'a>]) -> Option<Message<'a>> {
    let mut texts: Vec<&str> = Vec::new();
    let mut tool_calls = Vec::new();
    for piece in group {
        match *piece {
            Piece::Assistant(text) => texts.extend(Some(text).filter(|text| !text.is_empty())),
            Piece::Call(id, name, arguments) => tool_calls.push(ToolCall {
                id: wire_id(id),
                r#type: "function",
                function: CalledFunction { name, arguments: object_arguments(arguments) },
            }),
            // Reasoning has no place in this API.
            Piece::Reasoning(..)
            | Piece::User(_)
            | Piece::Developer(_)
            | Piece::Summary(_)
            | Piece::LateOutput(..)
            | Piece::Output(..) => {}
        }
    }
    let content = match texts.as_slice() {
        [] if tool_calls.is_empty() => return None,
        [] => None,
        [only] => Some(Cow::Borrowed(*only)),
        many => Some(Cow::Owned(many.join("\n\n"))),
    };
    Some(Message::Assistant { content, tool_calls })
}

fn is_image(part: &Content) -> bool {
    match part {
        Content::Image { .. } => true,
        Content::Text { .. } => false,
    }
}

fn wire_id(id: &CallId) -> Cow<'_, str> {
    fitted_call_id(id, MAX_CALL_ID_CHARS)
}

#[derive(serde::Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
enum Message<'a> {
    System {
        content: Cow<'a, str>,
    },
    User {
        content: UserContent<'a>,
    },
    Assistant {
        content: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall<'a>>,
    },
    Tool {
        tool_call_id: Cow<'a, str>,
        content: Cow<'a, str>,
    },
}

/// Text alone goes as a string, which every server reads; parts only where there are several.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum UserContent<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<Part<'a>>),
}

impl<'a> UserContent<'a> {
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
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: ImageUrl<'a> },
}

impl<'a> Part<'a> {
    fn new(content: &'a Content) -> Self {
        match content {
            Content::Text { text } => Self::Text { text: Cow::Borrowed(text) },
            Content::Image { url } => Self::ImageUrl { image_url: ImageUrl { url } },
        }
    }
}

#[derive(serde::Serialize)]
struct ImageUrl<'a> {
    url: &'a str,
}

#[derive(serde::Serialize)]
struct ToolCall<'a> {
    id: Cow<'a, str>,
    r#type: &'static str,
    function: CalledFunction<'a>,
}

#[derive(serde::Serialize)]
struct CalledFunction<'a> {
    name: &'a str,
    arguments: Cow<'a, str>,
}
