//! The process tier: machines in namespaces of the host's kernel, made by bubblewrap.
//!
//! Invariant: a machine sees its image and its workspace, has no network, no privilege and no way to get
//! one, and cannot name anything of the host's or another machine's. It outlives the server, and its
//! folder says how to find it. Deliberately absent: a kernel of its own (the microVM tier), and what the
//! agent inside does.

mod arguments;
pub(super) mod cgroup;
mod disk;
mod driver;
mod host;
mod launch;
mod limits;
mod loops;
mod machine;
mod probe;
pub(super) mod procfs;
mod record;
mod seccomp;
mod settings;
mod socket;
mod stage;
mod syscalls;

pub use driver::{ProcessDriver, ProcessDriverError};
pub use host::{HostFacts, ProgramFacts};
pub use settings::{DEFAULT_FIRST_UID, ProcessSettings};
