//! Machines, as the tools use them.

mod executor;
mod executor_bench;
mod executor_fake;
