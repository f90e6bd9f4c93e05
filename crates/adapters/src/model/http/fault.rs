//! A failure on its way to becoming a `ModelError`, and what every provider's failures have in
//! common.
//!
//! Invariant: text from outside is cut and scrubbed of secrets before it becomes part of an error.

use mainstay_core::port::{ModelError, ModelErrorKind};
use serde_json::Value;

use super::limits::{MAX_ERROR_TEXT_CHARS, MAX_EXCERPT_CHARS};
use crate::secret::Secret;

/// What went wrong, before it is said which model it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::model) struct Fault {
    pub(in crate::model) kind: ModelErrorKind,
    pub(in crate::model) detail: String,
    pub(in crate::model) retry_after_ms: Option<u64>,
}

impl Fault {
    pub(in crate::model) fn new(kind: ModelErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after_ms: None }
    }

    /// An event or body that is not what the API promises.
    pub(in crate::model) fn garbled(what: &str, bytes: &[u8]) -> Self {
        let excerpt = excerpt(&String::from_utf8_lossy(bytes), MAX_EXCERPT_CHARS);
        Self::new(ModelErrorKind::Garbled, format!("{what}: {excerpt:?}"))
    }

    /// The stream ended before the answer did.
    pub(in crate::model) fn cut() -> Self {
        Self::new(ModelErrorKind::Unavailable, "the stream ended before the answer was complete")
    }

    /// The error as the runtime gets it.
    pub(super) fn into_error(
        self,
        provider: &str,
        model: &str,
        key: Option<&Secret>,
    ) -> ModelError {
        let detail = scrubbed(&self.detail, key);
        ModelError {
            kind: self.kind,
            message: format!("call model {model:?} at {provider:?}: {detail}"),
            retry_after_ms: self.retry_after_ms,
        }
    }
}

/// What a provider said about an error, wherever it put it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::model) struct ErrorText {
    /// `code`, or `type` where there is no code.
    pub(in crate::model) code: String,
    /// `type`.
    pub(in crate::model) category: String,
    /// For people.
    pub(in crate::model) message: String,
}

impl ErrorText {
    /// Reads the body of an error; one that is not JSON is its own message.
    pub(super) fn from_body(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => Self::from_value(&value),
            Err(_) => Self {
                message: excerpt(&String::from_utf8_lossy(body), MAX_ERROR_TEXT_CHARS),
                ..Self::default()
            },
        }
    }

    /// Reads `{"error":{…}}`, `{"error":"…"}`, the inside of either, or `{"detail":…}`.
    pub(in crate::model) fn from_value(value: &Value) -> Self {
        let inner = value.get("error").unwrap_or(value);
        let text = |name: &str| match inner.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let category = text("type");
        let code = Some(text("code")).filter(|code| !code.is_empty());
        let message = [inner.as_str().unwrap_or_default(), &text("message"), &text("detail")]
            .into_iter()
            .find(|text| !text.is_empty())
            .map_or_else(|| inner.to_string(), str::to_owned);
        Self {
            code: code.unwrap_or_else(|| category.clone()),
            category,
            message: excerpt(&message, MAX_ERROR_TEXT_CHARS),
        }
    }

    /// For people: the code and the message.
    pub(in crate::model) fn to_detail(&self) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            ("", "") => "no reason given".to_owned(),
            ("", message) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        }
    }
}

/// Whether a provider's words say that the prompt is too long. There is no code that all servers
/// share, and compaction helps only if this is noticed.
pub(in crate::model) fn is_context_too_long(text: &ErrorText) -> bool {
    const CODES: [&str; 3] =
        ["context_length_exceeded", "exceed_context_size_error", "request_too_large"];
    const PHRASES: [&str; 9] = [
        "maximum context length",
        "exceed context limit",
        "context window",
        "context size",
        "context length",
        "prompt is too long",
        "input is too long",
        "reduce the length",
        "request too large",
    ];
    let message = text.message.to_ascii_lowercase();
    CODES.contains(&text.code.as_str())
        || CODES.contains(&text.category.as_str())
        || PHRASES.iter().any(|phrase| message.contains(phrase))
}

/// The beginning of a text, on one line.
fn excerpt(text: &str, max_chars: usize) -> String {
    let one_line = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    one_line.take(max_chars).collect()
}

/// A key of this length is masked wherever it stands; a shorter one where it is a word.
const LONG_KEY_BYTES: usize = 12;

/// The text without the key and without anything that looks like one: providers quote keys in their
/// messages, and a proxy may quote whole requests.
fn scrubbed(text: &str, key: Option<&Secret>) -> String {
    const MASK: &str = "[secret]";
    let key = key.map(Secret::expose).filter(|key| !key.is_empty());
    // A short one, as local servers take, may be a part of ordinary words.
    let long = key.filter(|key| key.len() >= LONG_KEY_BYTES);
    let text = long.map_or_else(|| text.to_owned(), |key| text.replace(key, MASK));
    let of_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*');
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find(of_key) {
        let word = &rest[start..];
        let end = word.find(|c| !of_key(c)).unwrap_or(word.len());
        clean.push_str(&rest[..start]);
        let before = clean.as_bytes().last_chunk::<7>();
        let after_bearer = before.is_some_and(|before| before.eq_ignore_ascii_case(b"bearer "));
        let is_key = key == Some(&word[..end]);
        let masked = is_key || after_bearer || word.starts_with("sk-") || word.starts_with("sk_");
        clean.push_str(if masked { MASK } else { &word[..end] });
        rest = &word[end..];
    }
    clean.push_str(rest);
    clean
}
