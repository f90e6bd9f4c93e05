//! Downloading a model's file.
//!
//! Invariant: a file gets its name only after its SHA-256 was checked; until then it is `.partial`,
//! and any source goes on where another stopped, because all give the same bytes. Deliberately
//! absent: printing, which the caller does from [`PullProgress`].

mod error;
mod partial;
mod parts;
mod puller;
mod url;

#[cfg(test)]
mod tests;

pub use error::{PullError, SourceError, VerifyError};
pub use partial::verify;
pub use puller::{PullProgress, Puller};
