//! The real binary under real crashes, over HTTP.
//!
//! Invariant: a test waits for what it can see and never for time to pass; moments of a crash are
//! counted in calls that the server made, and drawn from a seed that a failure names.

mod client;
mod crashes;
mod exclusive;
mod journal;
mod model_faults;
mod parked;
mod shutdown;
mod slow_reader;
mod waiting;
mod world;
