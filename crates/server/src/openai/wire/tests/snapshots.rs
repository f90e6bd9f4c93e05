//! Samples against the files that the official SDK's types read.
//!
//! A file that differs gets a neighbour `….new`; moving it over the file accepts the change.

use std::fmt::Debug;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::events::{error_object, events};
use super::objects::items;
use super::samples::{
    agent, bare_agent, bare_session, extended_agent, hosted_session, session, subagents, turns,
};
use crate::openai::wire::*;

/// Checks that samples are written as the file says and read as they were.
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, samples: &[T]) {
    let mut written = serde_json::to_string_pretty(samples).expect("samples are JSON");
    written.push('\n');
    let read: Vec<T> = serde_json::from_str(&written).expect("what is written can be read");
    assert_eq!(read, samples, "{name} is read as something else");

    check_text(&format!("{name}.json"), &written);
}

/// Checks that a text is as its file says.
pub(super) fn check_text(name: &str, written: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/wire").join(name);
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    if stored != written {
        let new = path.with_file_name(format!("{name}.new"));
        std::fs::write(&new, written).expect("the test data folder is writable");
        panic!("{} differs from {}", path.display(), new.display());
    }
}

#[test]
fn agents() {
    check("Agent", &[agent(), bare_agent()]);
    check("Agent.extended", &[extended_agent()]);
}

#[test]
fn sessions() {
    check("AgentSession", &[session(), bare_session(), hosted_session()]);
}

#[test]
fn turns_of_every_status() {
    check("Turn", &turns());
}

#[test]
fn items_of_every_kind() {
    check("AgentSessionItem", &items());
}

#[test]
fn events_of_every_kind() {
    check("AgentSessionEvent", &events());
}

#[test]
fn subagents_of_every_status() {
    check("Subagent", &subagents());
}

#[test]
fn deletions() {
    check("AgentDeleted", &[Deleted::agent("agent_1")]);
    check("AgentSessionDeleted", &[Deleted::session("ses_1")]);
}

#[test]
fn pages() {
    let empty = List::page(Vec::new(), false, |turn: &Turn| &turn.id);
    check("List", &[List::page(turns(), true, |turn| &turn.id), empty]);
}

#[test]
fn errors() {
    check("ErrorObject", &[error_object()]);
}
