//! Models over HTTP: a server on this machine plays what providers send.

mod cassettes;
mod failures;
mod fixtures;
mod player;
mod registry;
mod requests;
