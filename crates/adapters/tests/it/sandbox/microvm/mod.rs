//! MicroVMs with the kernel and the image that sessions get.

mod life;
mod rig;
