//! The doors: what a stored, streamed response costs over a bare model call, how soon a stream goes
//! on, and what followers take.
//!
//! Invariant: the bare call and the response are asked of the same scripted model, by as many clients,
//! in the same run.

mod figures;
mod followers;
mod measure;
mod reconnect;
mod responses;

pub(crate) use measure::measure;
