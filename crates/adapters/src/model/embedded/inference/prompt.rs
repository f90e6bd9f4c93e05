//! What the model reads: Qwen's chat markup, with tools in a form that small models follow.
//!
//! Invariant: prompts of one session begin with each other, so that only what is new is read; text
//! from outside is a [`Span::Text`] and never markup. The model answers with a tool's name on one
//! line and its arguments on the next, or with the reply's name and free text below it. Deliberately
//! absent: the markup for tools that the family was trained on: its small models rather talk about
//! a call in that form than make it.

use std::borrow::Cow;

use mainstay_core::item::Content;
use mainstay_core::port::ModelRequest;
use mainstay_core::tool::ToolSpec;
use serde_json::{Value, json};

use super::examples::EXAMPLES;
use super::members::in_order;
use crate::model::transcript::{
    NO_OUTPUT, Piece, developer_text, joined_text, late_output_text, pieces, split_leading,
    summary_text,
};

/// What an agent without instructions gets.
const DEFAULT_INSTRUCTIONS: &str = "You are a helpful assistant.";
/// What stands for an image.
const IMAGE_NOTE: &str = "[an image, which you cannot see]";
/// Names for replying, of which one is no tool's name.
const REPLY_NAMES: [&str; 3] = ["reply", "reply_to_user", "answer_the_user_now"];

/// A piece of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    /// Markup.
    Control(&'static str),
    /// Text, whatever it looks like.
    Text(String),
}

/// What the model reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    spans: Vec<Span>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy)]
enum Role {
    System,
    User,
    Assistant,
}

impl Prompt {
    /// The prompt of a request.
    pub(super) fn new(request: &ModelRequest) -> Self {
        let mut prompt = Self { spans: Vec::new() };
        if request.tools.is_empty() {
            prompt.say(Role::System, plain_instructions(request));
            prompt.transcript(request, None);
        } else {
            let reply = reply_name(&request.tools);
            prompt.say(Role::System, tool_instructions(request, reply));
            prompt.examples(reply);
            prompt.transcript(request, Some(reply));
        }
        prompt.open(Role::Assistant);
        prompt
    }

    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    fn examples(&mut self, reply: &str) {
        for example in EXAMPLES {
            self.say(Role::User, example.request.to_owned());
            for step in example.steps {
                self.say(Role::Assistant, call_text(step.tool, step.arguments));
                self.say(Role::User, output_text(step.output, IsError::No));
            }
            self.say(Role::Assistant, call_text(reply, example.reply));
        }
    }

    /// `reply` is how replies are marked; none where there is nothing but replies.
    fn transcript(&mut self, request: &ModelRequest, reply: Option<&str>) {
        let text = |content: &[Content]| joined_text(content, IMAGE_NOTE).into_owned();
        let pieces = pieces(&request.items);
        let (_, said) = split_leading(&pieces);
        for piece in said {
            match *piece {
                Piece::User(content) => self.say(Role::User, text(content)),
                Piece::Developer(content) => {
                    self.say(Role::User, developer_text(content, IMAGE_NOTE));
                }
                Piece::Summary(summary) => self.say(Role::User, summary_text(summary)),
                Piece::LateOutput(call_id, content) => {
                    let output = format!("{}\n{}", late_output_text(call_id), text(content));
                    self.say(Role::User, output);
                }
                Piece::Assistant(said) => match reply {
                    Some(reply) => self.say(Role::Assistant, call_text(reply, said)),
                    None => self.say(Role::Assistant, said.to_owned()),
                },
                Piece::Reasoning(..) => {}
                Piece::Call(_, name, arguments) => {
                    self.say(Role::Assistant, call_text(name, arguments));
                }
                Piece::Output(_, Some(content), is_error) => {
                    let is_error = if is_error { IsError::Yes } else { IsError::No };
                    self.say(Role::User, output_text(&text(content), is_error));
                }
                Piece::Output(_, None, _) => {
                    self.say(Role::User, output_text(NO_OUTPUT, IsError::Yes));
                }
            }
        }
    }

    fn say(&mut self, role: Role, text: String) {
        self.open(role);
        self.spans.push(Span::Text(text));
        self.spans.push(Span::Control("<|im_end|>\n"));
    }

    fn open(&mut self, role: Role) {
        self.spans.push(Span::Control(match role {
            Role::System => "<|im_start|>system\n",
            Role::User => "<|im_start|>user\n",
            Role::Assistant => "<|im_start|>assistant\n",
        }));
    }
}

/// What the model writes to reply instead of calling one of these tools.
pub(super) fn reply_name(tools: &[ToolSpec]) -> &'static str {
    let is_free = |name: &&&str| tools.iter().all(|tool| tool.name != **name);
    REPLY_NAMES.iter().find(is_free).unwrap_or(&REPLY_NAMES[0])
}

/// A call as the model writes it.
fn call_text(name: &str, rest: &str) -> String {
    format!("{name}\n{rest}")
}

#[derive(Debug, Clone, Copy)]
enum IsError {
    Yes,
    No,
}

fn output_text(output: &str, is_error: IsError) -> String {
    match is_error {
        IsError::Yes => format!("Error:\n{output}"),
        IsError::No => format!("Result:\n{output}"),
    }
}

fn plain_instructions(request: &ModelRequest) -> String {
    let mut text = instructions(request);
    if let Some(schema) = &request.response_schema {
        text.push_str(&schema_instructions(schema));
    }
    text
}

fn tool_instructions(request: &ModelRequest, reply: &str) -> String {
    let mut text = format!(
        "{}\n\nYou work with tools. For each message decide: call one tool, or reply to the user.\n\n# Tools\n",
        instructions(request)
    );
    for tool in request.tools.iter() {
        text.push_str(&tool_line(tool));
        text.push('\n');
    }
    text.push_str(&format!(
        "{{\"name\": \"{reply}\", \"description\": \"Answer the user: when the results say all that was asked, when the work is done, or when no tool can help.\"}}\n\n\
         Write the tool's name on the first line and its arguments as JSON on the second line. Its result comes back and you decide again. \
         To answer, write {reply} on the first line and the text below it."
    ));
    if let Some(schema) = &request.response_schema {
        text.push_str(&schema_instructions(schema));
    }
    text
}

fn tool_line(tool: &ToolSpec) -> String {
    let parameters = in_order(&tool.parameters);
    let parameters = parameters.get("properties").cloned().unwrap_or_else(|| json!({}));
    let mut line = json!({"name": tool.name, "description": tool.description});
    line["parameters"] = parameters;
    line.to_string()
}

/// The instructions and what the application says before the conversation.
fn instructions(request: &ModelRequest) -> String {
    let pieces = pieces(&request.items);
    let (leading, _) = split_leading(&pieces);
    let leading = leading.into_iter().map(|content| joined_text(content, IMAGE_NOTE));
    let texts = std::iter::once(Cow::Borrowed(&*request.instructions)).chain(leading);
    let given = texts.collect::<Vec<_>>().join("\n\n");
    let given = given.trim();
    if given.is_empty() { DEFAULT_INSTRUCTIONS.to_owned() } else { given.to_owned() }
}

fn schema_instructions(schema: &Value) -> String {
    let Some(schema) = schema.get("schema") else {
        return "\n\nThe answer to the user is one JSON object.".to_owned();
    };
    let schema = in_order(schema);
    format!("\n\nThe answer to the user is one JSON value that follows this schema: {schema}")
}
