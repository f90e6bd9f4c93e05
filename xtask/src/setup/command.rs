//! The command, and what each purpose needs.
//!
//! Invariant: two set-ups of one user never work at the same time.

use std::fs::{self, File};

use anyhow::{Context, Result};

use super::{cargo_tools, debian, node, openai_suite, python};
use crate::workspace::Workspace;

/// Install what is missing: Debian packages, cargo's tools, the Python environment of the tests
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to be ready for; without it, everything
    #[arg(long = "for", value_name = "PURPOSE", value_enum, default_value_t = Purpose::Test)]
    purpose: Purpose,
}

/// What the machine is to be ready for.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Purpose {
    /// Building the binary without the embedded model
    Build,
    /// Building the binary with the embedded model
    Quickstart,
    /// Building what sandboxes are made from, and running them
    Image,
    /// Running every check and test, the embedded model's too
    Test,
}

impl Purpose {
    /// Whether who is ready for this is ready for the other.
    pub(super) fn includes(self, other: Self) -> bool {
        self == other || self == Self::Test || other == Self::Build
    }
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    ensure(workspace, arguments.purpose)?;
    println!("Set-up is complete.");
    Ok(())
}

/// Makes the machine ready, silently if it is.
pub(crate) fn ensure(workspace: &Workspace, purpose: Purpose) -> Result<()> {
    let _lock = lock(workspace)?;
    debian::ensure(purpose)?;
    if purpose.includes(Purpose::Image) {
        python::ensure(workspace)?;
    }
    if purpose == Purpose::Test {
        cargo_tools::ensure(workspace)?;
        openai_suite::ensure(workspace)?;
        node::ensure(workspace)?;
    }
    Ok(())
}

/// Held until the file is closed.
fn lock(workspace: &Workspace) -> Result<File> {
    let folder = &workspace.cache_dir;
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let path = folder.join("setup.lock");
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    file.lock().with_context(|| format!("locking {}", path.display()))?;
    Ok(file)
}
