//! Where the binary is that is tested.

use std::path::PathBuf;

use anyhow::{Context, ensure};

/// Names the binary; without it, the one that was built beside the program that asks.
const BINARY_VARIABLE: &str = "MAINSTAY_BIN";

/// The binary that is tested.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests names the binary so")]
pub fn mainstay_binary() -> anyhow::Result<PathBuf> {
    let path = match std::env::var_os(BINARY_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => beside_this_program()?,
    };
    ensure!(
        path.is_file(),
        "there is no binary {}: build it with `cargo build -p mainstay`, or name it in {BINARY_VARIABLE}",
        path.display()
    );
    Ok(path)
}

/// Test programs are in `deps`, one folder below the binaries.
fn beside_this_program() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("find this program")?;
    let folder = this.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    Ok(folder.context("find the folder of this program")?.join("mainstay"))
}
