//! Tests of the binary as its users run it.
