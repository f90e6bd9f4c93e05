//! `/v1/agents/sessions/{session}/events`: what goes into a session, and what comes out.

mod follow;
mod input;
mod stream;
mod submit;

pub(crate) use follow::{Until, open_stream};
pub(crate) use input::message_content;
pub(crate) use stream::{STREAM, stream};
pub(crate) use submit::{SUBMIT, submit};
