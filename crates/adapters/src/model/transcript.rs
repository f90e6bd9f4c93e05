//! The transcript as providers want it: every call followed by its output, in their order.
//!
//! Invariant: after the pieces of one answer come the outputs of all its calls and only then
//! anything else, whatever the items' order was; the pieces of a longer transcript begin with those
//! of a shorter one as long as no call is open. Deliberately absent: any provider's JSON.

use std::borrow::Cow;
use std::sync::Arc;

use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_protocol::CallId;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// What a model reads as the output of a call that never got one.
pub(super) const NO_OUTPUT: &str = "The call was interrupted; it has no output.";

/// One part of a transcript.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Piece<'a> {
    /// From the user.
    User(&'a [Content]),
    /// From the application, above what the user says.
    Developer(&'a [Content]),
    /// What became of earlier items.
    Summary(&'a str),
    /// An output whose call is no longer, or not yet, in the transcript.
    LateOutput(&'a CallId, &'a [Content]),
    /// From the model, for the user.
    Assistant(&'a str),
    /// The model's reasoning, with what its provider wants back.
    Reasoning(&'a str, Option<&'a Value>),
    /// The model wants a tool called.
    Call(&'a CallId, &'a str, &'a str),
    /// What the call gave; none when it was interrupted.
    Output(&'a CallId, Option<&'a [Content]>, bool),
}

impl Piece<'_> {
    /// Whether the model said it.
    pub(super) fn is_from_model(&self) -> bool {
        match self {
            Self::Assistant(_) | Self::Reasoning(..) | Self::Call(..) => true,
            Self::User(_)
            | Self::Developer(_)
            | Self::Summary(_)
            | Self::LateOutput(..)
            | Self::Output(..) => false,
        }
    }
}

/// The pieces of a transcript.
pub(super) fn pieces(items: &[Arc<Item>]) -> Vec<Piece<'_>> {
    let mut round = Exchange { pieces: Vec::with_capacity(items.len() + 4), ..Exchange::default() };
    for item in items {
        round.take(&item.body);
    }
    round.close();
    round.pieces
}

/// The answer being read, with the calls that wait for their outputs.
#[derive(Default)]
struct Exchange<'a> {
    pieces: Vec<Piece<'a>>,
    open: Vec<&'a CallId>,
    /// What came before the last output did, and must come after it.
    held: Vec<Piece<'a>>,
    answered: bool,
}

impl<'a> Exchange<'a> {
    fn take(&mut self, body: &'a ItemBody) {
        match body {
            ItemBody::UserMessage { content } => self.put_after_outputs(Piece::User(content)),
            ItemBody::DeveloperMessage { content, .. } => {
                self.put_after_outputs(Piece::Developer(content));
            }
            // Kept for the client only.
            ItemBody::Foreign { .. } => {}
            ItemBody::Summary { text } => self.put_after_outputs(Piece::Summary(text)),
            ItemBody::AssistantMessage { text } => self.put_of_model(Piece::Assistant(text)),
            ItemBody::Reasoning { summary, provider_data } => {
                self.put_of_model(Piece::Reasoning(summary, provider_data.as_ref()));
            }
            ItemBody::ToolCall { call_id, name, arguments, .. } => {
                self.put_of_model(Piece::Call(call_id, name, arguments));
                self.open.push(call_id);
            }
            ItemBody::ToolOutput { call_id, content, is_error } => {
                self.put_output(call_id, content, *is_error);
            }
        }
    }

    fn put_after_outputs(&mut self, piece: Piece<'a>) {
        if self.open.is_empty() {
            self.pieces.push(piece);
        } else {
            self.held.push(piece);
        }
    }

    fn put_of_model(&mut self, piece: Piece<'a>) {
        if self.answered || !self.held.is_empty() {
            self.close();
        }
        self.pieces.push(piece);
    }

    fn put_output(&mut self, call_id: &'a CallId, content: &'a [Content], is_error: bool) {
        let Some(at) = self.open.iter().position(|open| *open == call_id) else {
            self.put_after_outputs(Piece::LateOutput(call_id, content));
            return;
        };
        self.open.remove(at);
        self.answered = true;
        self.pieces.push(Piece::Output(call_id, Some(content), is_error));
        if self.open.is_empty() {
            self.close();
        }
    }

    fn close(&mut self) {
        let interrupted = self.open.drain(..).map(|id| Piece::Output(id, None, true));
        self.pieces.extend(interrupted);
        self.pieces.append(&mut self.held);
        self.answered = false;
    }
}

/// What the application said before anybody else did, and the rest.
pub(super) fn split_leading<'p, 'a>(
    pieces: &'p [Piece<'a>],
) -> (Vec<&'a [Content]>, &'p [Piece<'a>]) {
    let mut leading = Vec::new();
    let mut rest = pieces;
    while let [Piece::Developer(content), after @ ..] = rest {
        leading.push(*content);
        rest = after;
    }
    (leading, rest)
}

/// What the application says in the middle of a conversation, for models that have no role for it.
pub(super) fn developer_text(content: &[Content], image_note: &'static str) -> String {
    format!("Instructions of the application:\n\n{}", joined_text(content, image_note))
}

/// The text of a summary as models read it.
pub(super) fn summary_text(summary: &str) -> String {
    format!("Summary of the conversation before this point:\n\n{summary}")
}

/// The text that precedes a late output.
pub(super) fn late_output_text(call_id: &CallId) -> String {
    format!("Output of the earlier tool call {call_id}:")
}

/// All text of a content, joined; images are named so that the model knows of them.
pub(super) fn joined_text<'a>(content: &'a [Content], image_note: &'static str) -> Cow<'a, str> {
    let text_of = |part: &'a Content| match part {
        Content::Text { text } => text.as_str(),
        Content::Image { .. } => image_note,
    };
    match content {
        [] => Cow::Borrowed(""),
        [only] => Cow::Borrowed(text_of(only)),
        many => Cow::Owned(many.iter().map(text_of).collect::<Vec<_>>().join("\n")),
    }
}

/// A call id within a provider's bounds: `[A-Za-z0-9_-]`, at most `max_chars`. Ids that do not fit
/// (a session may change its provider) are replaced by a hash of themselves, so that a call and its
/// output still agree.
pub(super) fn fitted_call_id(id: &CallId, max_chars: usize) -> Cow<'_, str> {
    let text = id.as_str();
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if text.len() <= max_chars && text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    // FNV-1a: stable across processes, which the standard library's hasher does not promise.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| {
        (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    Cow::Owned(format!("call_{hash:016x}"))
}

/// The arguments of a call as a JSON object, which servers read when they lay out the prompt. What
/// the model wrote is kept even when it is none, so that the model sees what it did.
pub(super) fn object_arguments(arguments: &str) -> Cow<'_, str> {
    let text = arguments.trim();
    if text.is_empty() {
        return Cow::Borrowed("{}");
    }
    if text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(json!({ "not_json": arguments }).to_string())
}
