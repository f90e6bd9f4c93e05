//! What an agent found in its workspace, in the form in which it is saved.

use mainstay_core::port::SandboxError;

use super::super::Scan as MachineScan;
use super::super::workspace::{Found, Scan, TreePath};

/// The paths are not to be believed.
pub(super) fn scan(found: MachineScan) -> Result<Scan, SandboxError> {
    let path = |text: &str| {
        TreePath::parse(text.as_bytes())
            .map_err(|error| SandboxError::LimitReached(format!("the workspace: {error}")))
    };
    let mut scan = Scan { is_full: found.is_full, ..Scan::default() };
    for entry in found.changed {
        scan.changed.push(Found {
            path: path(&entry.path)?,
            kind: entry.kind,
            mode: entry.mode,
            size_bytes: entry.size_bytes,
            modified_ns: entry.modified_ns,
            changed_ns: 0,
            target: entry.target.map(|target| target.into_bytes().into()),
        });
    }
    for removed in found.removed {
        scan.removed.push(path(&removed)?);
    }
    Ok(scan)
}
