//! What is in the workspace, and what of it changed since a scan that the host knows.
//!
//! Invariant: what changed after a scan looked at it is in the next one, even if the clock did not move
//! on. Deliberately absent: contents; the host reads those of what changed.

mod tree;
mod walk;

use std::sync::{Mutex, PoisonError};

use mainstay_guest::{Answer, Problem, Reply, ScanDone, Since};

use self::tree::Node;
use self::walk::{Stop, Walk};
use super::channel::Channel;
use super::clock::boot_number;

const WORKSPACE: &str = "/workspace";

/// The last scan, to tell the next one from it.
#[derive(Default)]
pub(crate) struct Scans {
    generation: u64,
    tree: Vec<Node>,
}

pub(crate) fn scan(scans: &Mutex<Scans>, channel: &Channel, since: Option<Since>) -> Option<Reply> {
    // One at a time: the next one tells the difference to this one.
    let mut scans = scans.lock().unwrap_or_else(PoisonError::into_inner);
    let is_full = since.is_none_or(|Since(generation)| generation != scans.generation);
    let none = Vec::new();
    let before = if is_full { &none } else { &scans.tree };
    let mut walk = Walk::new(channel);
    let tree = match walk.run(WORKSPACE, before) {
        Ok(tree) => tree,
        Err(Stop::Over) => return None,
        Err(Stop::Problem(problem)) => return Some(Err(problem)),
    };
    let (entry_count, skipped_count) = walk.counts();
    // Never the number of another agent's scan: they begin at the time of its start.
    scans.generation = boot_number().max(scans.generation + 1);
    scans.tree = tree;
    let generation = scans.generation;
    Some(Ok(Answer::Scan(ScanDone { generation, is_full, entry_count, skipped_count })))
}

fn too_many(count: u64) -> Problem {
    Problem::Limit(format!("the workspace has more than {count} files"))
}
