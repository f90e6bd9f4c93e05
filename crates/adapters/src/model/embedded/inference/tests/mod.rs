//! What surrounds the engine, without a model.

mod grammar_tests;
mod history_tests;
mod members_tests;
mod number_tests;
mod prompt_tests;
mod reader_tests;
mod support;
mod worker_tests;
