//! Machines, as they really are.

mod microvm;
