//! One streamed HTTP call of a model: sending, reading server-sent events within bounds, and turning
//! every way to fail into a [`mainstay_core::port::ModelError`].
//!
//! Invariant: nothing a provider sends can make a call use more memory or time than the named limits
//! allow. Deliberately absent: any provider's JSON; a [`Decoder`] reads that.

mod call;
mod draft;
mod endpoint;
mod fault;
mod limits;
mod retry_after;
mod sse;

#[cfg(test)]
mod tests;

pub(super) use call::{Call, Decoder, Parts, Progress, stream};
pub(super) use draft::{Answer, Draft};
pub(super) use endpoint::{Auth, Endpoint};
pub(super) use fault::{ErrorText, Fault, is_context_too_long};
