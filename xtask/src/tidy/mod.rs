//! `cargo xtask tidy`: the house rules that a program can check.
//!
//! Invariant: a rule without a check is a wish, and a rule without a test that it can fail is no check;
//! `tests.rs` refuses such a rule.

mod command;
mod rules;
mod source;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use command::{Arguments, count, run};
