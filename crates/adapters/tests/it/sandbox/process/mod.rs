//! Machines of the process tier, on the image that `cargo xtask image` builds: what gets out of them
//! (nothing), what their limits do, and what is left of them (nothing).

pub(super) mod escapes;
mod lifetime;
mod limits;
pub(super) mod neighbours;
pub(super) mod support;
