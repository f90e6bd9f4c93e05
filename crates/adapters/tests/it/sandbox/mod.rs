//! Machines, for real.

#[cfg(target_os = "linux")]
mod microvm;
#[cfg(target_os = "linux")]
mod process;
