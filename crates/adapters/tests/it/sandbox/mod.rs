//! The way out of machines, with real servers and clients.

mod client;
mod hostile;
mod records;
mod refusals;
mod secrets;
mod support;
mod tunnels;
