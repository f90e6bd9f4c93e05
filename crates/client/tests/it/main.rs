//! Tests of the client against servers that misbehave.
