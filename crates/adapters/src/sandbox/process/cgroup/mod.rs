//! Control groups: how much memory, processor and how many processes a machine may have.
//!
//! Invariant: a machine's groups are named after its folder, so that they are found by it alone, and lie
//! below a group that this process may write. Both versions of the interface are spoken, each controller
//! through the one that has it. Deliberately absent: limits where no group can be made (`limits`).

mod delegated;
mod find;
mod group;

#[cfg(test)]
mod tests;

pub(in crate::sandbox) use find::{DELEGATE, Groups};
pub(in crate::sandbox) use group::Bounds;
