//! The agent inside of a machine.
fn main() {}
