//! Machines, for real.

#[cfg(target_os = "linux")]
mod process;
