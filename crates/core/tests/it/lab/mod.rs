//! A session without a world: scripts of commands and answers, and their story as text.
//!
//! Invariant: after every decision, what is folded from the sealed entries equals the state that
//! was decided, so that every script tests that too.

mod agent;
mod machine;
mod names;
mod rules;
mod script;
mod step;
mod tell;
mod world;

pub(crate) use agent::{agent, client_only, remote_only, tools};
pub(crate) use machine::*;
pub(crate) use rules::FakeRules;
pub(crate) use script::{Setup, tell, tell_from};
pub(crate) use step::*;
pub(crate) use world::{START_MS, World};
