//! Models over HTTP: a server on this machine plays what providers send.

mod cassettes;
#[cfg(feature = "embedded-model")]
mod embedded;
mod failures;
mod fixtures;
mod player;
mod registry;
mod requests;
