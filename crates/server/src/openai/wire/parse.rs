//! Bodies to request types, with the parameter at fault named by its whole path.
//!
//! Invariant: an unknown member is refused wherever it stands, inside tagged unions too; serde's
//! own tagged enums buffer their content and lose both the path and, for empty variants, the
//! refusal. Deliberately absent: limits on values; [`Validate`] owns them.

use mainstay_protocol::{ApiError, ErrorCode};
use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Map, Value};

use super::strict::Strict;
use super::{At, Validate};

/// Reads a JSON body into a request and checks its limits.
///
/// # Errors
/// What is wrong with the body, and with which parameter.
pub fn parse_body<T: DeserializeOwned + Validate>(body: &[u8]) -> Result<T, ApiError> {
    let value = serde_json::from_slice(body).map_err(|error| {
        ApiError::new(ErrorCode::InvalidJson, format!("request body is not JSON: {error}"))
    })?;
    parse_value(value)
}

/// Reads an already decoded JSON value into a request and checks its limits.
///
/// # Errors
/// What is wrong with the value, and with which parameter.
pub fn parse_value<T: DeserializeOwned + Validate>(value: Value) -> Result<T, ApiError> {
    // An array would be read as a request's members in their order.
    if !value.is_object() {
        let message = format!("request body is {}, expected an object", kind(&value));
        return Err(ApiError::new(ErrorCode::InvalidParameter, message));
    }
    let parsed: T = locate(value).map_err(Fault::into_api)?;
    parsed.validate(&At::Root)?;
    Ok(parsed)
}

/// Reads a value that stands at a place of a request, and checks its limits.
pub(crate) fn parse_at<T: DeserializeOwned + Validate>(
    value: Value,
    at: &At<'_>,
) -> Result<T, ApiError> {
    let outer = at.to_string();
    let parsed: T = locate(value).map_err(|fault| {
        let path = if fault.path == "." { String::new() } else { fault.path };
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        Fault { path: format!("{outer}{dot}{path}"), message: fault.message }.into_api()
    })?;
    parsed.validate(at)?;
    Ok(parsed)
}

/// Marks an error message that carries the path of a nested value. Control characters never begin
/// one of serde's own messages.
const MARK: char = '\u{1f}';

/// A refusal with the place it is about.
struct Fault {
    path: String,
    message: String,
}

impl Fault {
    /// Joins the outer path with the one that a nested refusal carries in its message.
    fn join(outer: &str, message: String) -> Self {
        let outer = if outer == "." { "" } else { outer };
        let nested = message.strip_prefix(MARK).and_then(|rest| rest.split_once(MARK));
        let Some((inner, rest)) = nested else {
            return Self { path: outer.to_owned(), message };
        };
        let dot =
            if outer.is_empty() || inner.is_empty() || inner.starts_with('[') { "" } else { "." };
        Self { path: format!("{outer}{dot}{inner}"), message: rest.to_owned() }
    }

    fn encode(&self) -> String {
        format!("{MARK}{}{MARK}{}", self.path, self.message)
    }

    /// The API's error: serde says what is wrong only in words, so its words are read.
    fn into_api(self) -> ApiError {
        let Self { path, message } = self;
        let message = in_words(message);
        if let Some(name) = quoted_after(&message, "missing field ") {
            let param = member(&path, name);
            return ApiError::new(
                ErrorCode::MissingParameter,
                format!("parameter '{param}' is missing"),
            )
            .with_param(param);
        }
        if let Some(name) = quoted_after(&message, "unknown field ") {
            let param = member(&path, name);
            return ApiError::new(
                ErrorCode::UnknownParameter,
                format!("parameter '{param}' does not exist"),
            )
            .with_param(param);
        }
        if path.is_empty() {
            return ApiError::new(ErrorCode::InvalidParameter, format!("request body: {message}"));
        }
        ApiError::new(ErrorCode::InvalidParameter, format!("parameter '{path}': {message}"))
            .with_param(path)
    }
}

/// What serde calls by Rust's names, as a reader of JSON knows it.
fn in_words(message: String) -> String {
    const WORDS: [(&str, &str); 5] = [
        ("expected u32", "expected a whole number of at least 0"),
        ("expected u64", "expected a whole number of at least 0"),
        ("expected usize", "expected a whole number of at least 0"),
        ("expected i64", "expected a whole number"),
        ("expected f64", "expected a number"),
    ];
    match WORDS.iter().find(|(rust, _)| message.ends_with(rust)) {
        Some((rust, words)) => message.replace(rust, words),
        None => message,
    }
}

/// The name in backticks that follows `prefix`.
fn quoted_after<'m>(message: &'m str, prefix: &str) -> Option<&'m str> {
    message.strip_prefix(prefix)?.strip_prefix('`')?.split('`').next()
}

/// The path of a member, unless the path names it already.
fn member(path: &str, name: &str) -> String {
    if path.is_empty() || path == name {
        return name.to_owned();
    }
    if path.strip_suffix(name).is_some_and(|parent| parent.ends_with('.')) {
        return path.to_owned();
    }
    format!("{path}.{name}")
}

fn locate<T: DeserializeOwned>(value: Value) -> Result<T, Fault> {
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| {
        let path = error.path().to_string();
        Fault::join(&path, error.into_inner().to_string())
    })
}

/// Reads a nested value whose path must not be lost.
pub(crate) fn nested<T, E>(value: Value) -> Result<T, E>
where
    T: DeserializeOwned,
    E: serde::de::Error,
{
    locate(value).map_err(|fault| E::custom(fault.encode()))
}

/// Takes the tag that selects a variant of a tagged union.
pub(crate) fn take_tag<E: serde::de::Error>(
    fields: &mut Map<String, Value>,
    tag: &'static str,
) -> Result<String, E> {
    match fields.remove(tag) {
        Some(Value::String(name)) => Ok(name),
        Some(other) => {
            Err(at_tag(tag, &format!("invalid type: {}, expected a string", kind(&other))))
        }
        None => Err(E::missing_field(tag)),
    }
}

/// The refusal of a tag that selects nothing.
pub(crate) fn unknown_tag<E: serde::de::Error>(tag: &str, name: &str, known: &[&str]) -> E {
    at_tag(tag, &format!("unknown value {name:?}, expected one of {}", known.join(", ")))
}

fn at_tag<E: serde::de::Error>(tag: &str, message: &str) -> E {
    let inner = serde_json::Error::custom(message).to_string();
    E::custom(Fault { path: tag.to_owned(), message: inner }.encode())
}

/// What a JSON value is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Declares a union of request types that a tag member selects.
macro_rules! tagged_params {
    (
        $(#[$meta:meta])*
        $name:ident by $tag:literal {
            $( $(#[$variant_meta:meta])* $variant:ident($body:ty) = $value:literal ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        #[serde(tag = $tag)]
        pub enum $name {
            $( $(#[$variant_meta])* #[serde(rename = $value)] $variant($body), )+
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut fields = serde_json::Map::deserialize(deserializer)?;
                let tag: String = crate::openai::wire::parse::take_tag(&mut fields, $tag)?;
                let rest = serde_json::Value::Object(fields);
                match tag.as_str() {
                    $( $value => crate::openai::wire::parse::nested(rest).map(Self::$variant), )+
                    other => Err(crate::openai::wire::parse::unknown_tag($tag, other, &[$($value),+])),
                }
            }
        }

        crate::openapi::union!($name by $tag { $($value: $body),+ });
    };
}
pub(super) use tagged_params;
