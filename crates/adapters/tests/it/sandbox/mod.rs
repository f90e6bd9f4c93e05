//! Machines, for real, and executors of self-hosted environments.

mod executor;
mod executor_bench;
mod executor_fake;
#[cfg(target_os = "linux")]
mod hub;
#[cfg(target_os = "linux")]
mod microvm;
#[cfg(target_os = "linux")]
mod process;
