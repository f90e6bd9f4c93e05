//! MicroVMs with the kernel and the image that sessions get.

mod confinement;
mod escape;
mod fallback;
mod life;
mod limits;
mod neighbours;
pub(super) mod rig;
mod scans;
