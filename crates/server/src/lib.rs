//! The HTTP doors of Mainstay: one module for each API that clients speak.
//!
//! Invariant: a door parses, authenticates and translates; it never writes to the store.

pub mod openai;
