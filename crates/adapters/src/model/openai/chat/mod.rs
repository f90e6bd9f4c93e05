//! `POST /chat/completions`, streamed.
//!
//! Invariant: sends only what nearly every compatible server takes, and reads what they really
//! send: whole calls in one chunk, no ids, no usage, no `[DONE]`. Deliberately absent: `n` above 1,
//! audio, log probabilities, the deprecated `function_call`.

mod choice;
mod request;
mod response;

pub(in crate::model) use request::body;
pub(in crate::model) use response::ChatDecoder;
