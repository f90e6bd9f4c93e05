//! The way out of machines, with real servers and clients.

mod client;
mod hostile;
mod packages;
mod records;
mod refusals;
mod secrets;
mod support;
mod tunnels;
