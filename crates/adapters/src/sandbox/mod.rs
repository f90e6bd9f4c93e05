//! Isolated machines: the drivers that run them and the connection to the agent inside.
//!
//! Invariant: nothing of a session runs outside of a machine. A machine is a folder that its driver can
//! find everything from, so that a process that starts finds what the one before left.

mod driver;
pub mod egress;
mod either;
mod executor;
pub mod hub;
pub mod image;
mod machine;
#[cfg(target_os = "linux")]
pub mod microvm;
#[cfg(target_os = "linux")]
pub mod process;
#[cfg(target_os = "linux")]
mod sparse;
#[cfg(target_os = "linux")]
mod untrusted;
pub mod workspace;

pub use driver::{
    Driver, DriverCapabilities, DriverError, Image, KernelKind, MachineSpec, Place, Unusable,
};
pub use either::EitherSandboxes;
pub use executor::ExecutorSandboxes;
pub use machine::{Gate, Generation, Hello, Machine, Scan, ScanEntry, Terminal};
