//! MicroVMs with the kernel and the image that sessions get.

mod escape;
mod fallback;
mod life;
mod limits;
pub(super) mod rig;
mod scans;
