//! Isolated machines: the drivers that run them and the connection to the agent inside.
//!
//! Invariant: nothing of a session runs outside of a machine. A machine is a folder that its driver can
//! find everything from, so that a process that starts finds what the one before left.

mod driver;
mod either;
mod executor;

pub use driver::{Driver, DriverCapabilities, DriverError, Image, MachineSpec, Place, Unusable};
pub use either::EitherSandboxes;
pub use executor::ExecutorSandboxes;
