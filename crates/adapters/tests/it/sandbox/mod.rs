//! Machines and the way out of them, with real servers and clients.

mod client;
mod hostile;
#[cfg(target_os = "linux")]
mod process;
mod records;
mod refusals;
mod secrets;
mod support;
mod tunnels;
