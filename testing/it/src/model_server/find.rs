//! Finds the script in a request's body, and how far it is, without reading the body as JSON.
//!
//! Invariant: what counts are bytes that JSON text cannot hold inside a string: there, quotes are
//! escaped.

use memchr::memmem;

/// How a message begins that is a script, as JSON escapes it.
const SCRIPT_START: &[u8] = br#""{\"script\":"#;
/// What a tool output looks like in a request of Chat Completions.
const CHAT_OUTPUT: &[u8] = br#""role":"tool""#;
/// What a tool output looks like in a request of Responses.
const RESPONSES_OUTPUT: &[u8] = br#""type":"function_call_output""#;

/// Where a request is in its script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The newest script, as a JSON string with its quotes.
    pub(super) literal: &'a [u8],
    /// Tool outputs after it.
    pub(super) outputs: usize,
}

/// The place of a request; none when it carries no script.
pub(super) fn place(body: &[u8]) -> Option<Place<'_>> {
    let start = memmem::rfind(body, SCRIPT_START)?;
    let end = string_end(body, start + 1)?;
    let after = &body[end..];
    let outputs = memmem::find_iter(after, CHAT_OUTPUT).count()
        + memmem::find_iter(after, RESPONSES_OUTPUT).count();
    Some(Place { literal: &body[start..end], outputs })
}

/// The position after the quote that ends the string whose text begins at `start`.
fn string_end(body: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += memchr::memchr2(b'"', b'\\', &body[at..])?;
        if body[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
        if at >= body.len() {
            return None;
        }
    }
}
