//! What a tool's server wants of a person before a call can be made: consent, or what a form asks.
//!
//! Invariant: a question is journalled before anybody sees it, and its answer before it is used; the
//! attempt that met the question is over, so that waiting for the answer holds nothing. Secrets are in
//! neither: what completes a consent is sealed elsewhere.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most questions of one attempt, and the most attempts of one effect that end with questions.
pub const MAX_QUESTIONS: usize = 16;
/// The most that a question and the server's own state hold, in bytes.
pub const MAX_QUESTION_BYTES: usize = 65_536;
/// The longest answer, in bytes of JSON.
pub const MAX_REPLY_BYTES: usize = 65_536;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// Whether the agent may act for the person at a server: they say so at this address, and the
    /// server of the address tells us.
    Authorize {
        /// Label of the tool's source.
        server: String,
        /// Where the person goes.
        url: String,
        /// Why a consent that was given is not enough.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The members of a form.
    Form {
        /// Label of the tool's source.
        server: String,
        /// What the server says.
        message: String,
        /// A JSON schema of an object with plain members.
        schema: Value,
    },
    /// To open an address, where the person deals with the server itself.
    Visit {
        /// Label of the tool's source.
        server: String,
        /// What the server says.
        message: String,
        /// Where the person goes.
        url: String,
    },
}

impl Question {
    /// Label of the tool's source.
    #[must_use]
    pub fn server(&self) -> &str {
        match self {
            Self::Authorize { server, .. }
            | Self::Form { server, .. }
            | Self::Visit { server, .. } => server,
        }
    }

    /// What is asked, for a person.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Authorize { server, url, reason } => {
                let reason = reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                format!(
                    "{server:?} wants your consent before it is used for you{reason}: open {url}"
                )
            }
            Self::Form { message, .. } => message.clone(),
            Self::Visit { message, url, .. } => format!("{message} Open {url}"),
        }
    }
}

/// A question with the server's name for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The name, which the answer repeats.
    pub key: String,
    /// What is asked.
    pub question: Question,
}

/// What a person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyAction {
    /// Yes; a form's members are there.
    Accept,
    /// No.
    Decline,
    /// Neither: the question was dismissed, or nobody answered in time.
    Cancel,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The question's name.
    pub key: String,
    /// What the person said.
    pub action: ReplyAction,
    /// A form's members, when it was accepted; they fit its schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
}

/// What an attempt ended with instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inquiry {
    /// The questions, at least one.
    pub asked: Vec<Asked>,
    /// Whether the answers to questions before stay valid for the next attempt.
    pub keeps_replies: bool,
    /// What the server wants back with the answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// What a further attempt brings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replies {
    /// The answers so far.
    pub replies: Vec<Reply>,
    /// What the server wanted back.
    pub state: Option<String>,
}

impl Replies {
    /// The answer to a question, if there is one; the last when it was asked more than once.
    #[must_use]
    pub fn to(&self, key: &str) -> Option<&Reply> {
        self.replies.iter().rev().find(|reply| reply.key == key)
    }
}

/// A form's content with the schema's defaults where it says nothing.
#[must_use]
pub fn with_defaults(schema: &Value, content: Option<Value>) -> Value {
    let mut content = content.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let (Some(members), Some(given)) = (schema["properties"].as_object(), content.as_object_mut())
    else {
        return content;
    };
    for (name, member) in members {
        if let Some(default) = member.get("default").filter(|_| !given.contains_key(name)) {
            given.insert(name.clone(), default.clone());
        }
    }
    content
}
