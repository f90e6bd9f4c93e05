//! Reads what the model writes: a first line that names a tool or the reply, and the rest.
//!
//! Invariant: text is handed out in whole characters; what was handed out and what is kept agree.

use mainstay_core::port::PartKind;

use super::decode::Form;
use super::history::TurnCalls;

/// The answer so far.
pub(super) struct Reader {
    /// What the first line says for a reply; none where there is no first line.
    reply: Option<&'static str>,
    /// The first line, once it is complete.
    name: Option<String>,
    /// Everything after the first line.
    rest: Vec<u8>,
    /// How much of `rest` was handed out.
    given_bytes: usize,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Message { text: String },
    Call { name: String, arguments: String },
}

impl Reader {
    /// For answers that are text and nothing else.
    pub(super) fn of_text() -> Self {
        Self { reply: None, name: None, rest: Vec::new(), given_bytes: 0 }
    }

    /// For answers that begin with a name.
    pub(super) fn of_calls(reply: &'static str) -> Self {
        Self { reply: Some(reply), ..Self::of_text() }
    }

    /// Takes more bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        if self.reply.is_none() || self.name.is_some() {
            return;
        }
        if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let rest = self.rest.split_off(end + 1);
            self.rest.pop();
            self.name = Some(String::from_utf8_lossy(&self.rest).into_owned());
            self.rest = rest;
        }
    }

    /// The tool that is being called, as soon as it is known.
    pub(super) fn tool(&self) -> Option<&str> {
        let name = self.name.as_deref()?;
        (Some(name) != self.reply).then_some(name)
    }

    /// What is being read.
    pub(super) fn form(&self) -> Form {
        if self.tool().is_some() { Form::Json } else { Form::Text }
    }

    /// Whole characters that were not handed out yet.
    pub(super) fn take(&mut self) -> Option<(PartKind, String)> {
        let kind = match (self.reply, &self.name) {
            (Some(_), None) => return None,
            (Some(reply), Some(name)) if name != reply => PartKind::Arguments,
            (Some(_) | None, _) => PartKind::Text,
        };
        let waiting = &self.rest[self.given_bytes..];
        let whole = match std::str::from_utf8(waiting) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&waiting[..error.valid_up_to()])
                .expect("valid up to here, says the check"),
        };
        let text = whole.to_owned();
        self.given_bytes += text.len();
        (!text.is_empty()).then_some((kind, text))
    }

    /// Whether a call is known already.
    pub(super) fn repeats(&self, known: &TurnCalls<'_>) -> bool {
        let arguments = std::str::from_utf8(&self.rest);
        let call = self.tool().zip(arguments.ok());
        call.is_some_and(|(tool, arguments)| known.contains(tool, arguments))
    }

    /// What was answered; none when the first line is not complete.
    pub(super) fn into_answer(self) -> Option<Answer> {
        let text = String::from_utf8_lossy(&self.rest).into_owned();
        match (self.reply, self.name) {
            (None, _) => Some(Answer::Message { text }),
            (Some(_), None) => None,
            (Some(reply), Some(name)) if name == reply => Some(Answer::Message { text }),
            (Some(_), Some(name)) => Some(Answer::Call { name, arguments: text }),
        }
    }
}
