//! The hub on machines that are files: what is made, found, parked and ended, and when.

mod calls;
mod fork;
mod lives;
mod pool;
mod support;
mod told;
