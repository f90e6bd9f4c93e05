//! `POST /responses`, streamed, with nothing stored at the provider.
//!
//! Invariant: the whole transcript goes with every request and reasoning goes back encrypted, so
//! that a session never depends on what a provider keeps. Deliberately absent: hosted tools,
//! `previous_response_id`, background responses.

mod event;
mod request;
mod response;

pub(in crate::model) use request::body;
pub(in crate::model) use response::ResponsesDecoder;
