//! Resident interpreters: one process for each language, whose variables last from code to code.
//!
//! Invariant: an interpreter is a command like others, confined and as hostile; what it answers is
//! bounded and checked. It is spoken to over a socket of its own, so what code prints cannot be taken for
//! an answer. Deliberately absent: more than one namespace; a machine belongs to one session.

mod answer;
mod cell;
mod process;
mod request;

pub(crate) use request::{CodeEnded, Interpreters, Source, code, code_fate, warm};
