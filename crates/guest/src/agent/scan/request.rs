//! The request `scan`.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use mainstay_guest::{Answer, Problem, Reply, ScanDone, Since};

use super::table::Table;
use super::tree::Node;
use super::walk::{Stop, Walk};
use crate::agent::channel::Channel;
use crate::agent::clock::boot_number;

const WORKSPACE: &str = "/workspace";

/// The last scan, to tell the next one from it.
#[derive(Default)]
pub(crate) struct Scans {
    generation: u64,
    tree: Option<Node>,
    /// None where the workspace is on no disk of the machine's own.
    table: Option<Table>,
}

impl Scans {
    /// With the table of the machine's disk, if it has one of its own.
    pub(crate) fn new(disk: Option<&Path>) -> Self {
        Self { table: disk.and_then(Table::open), ..Self::default() }
    }
}

pub(crate) fn scan(scans: &Mutex<Scans>, channel: &Channel, since: Option<Since>) -> Option<Reply> {
    // One at a time: the next one tells the difference to this one.
    let mut scans = scans.lock().unwrap_or_else(PoisonError::into_inner);
    let is_known = since.is_some_and(|Since(generation)| generation == scans.generation);
    // A walk that does not come to its end leaves nothing to tell a difference to.
    let before = scans.tree.take().filter(|_| is_known);
    let is_full = before.is_none();
    let mut walk = Walk::new(channel);
    let tree = match walk.run(WORKSPACE, before, scans.table.as_ref()) {
        Ok(tree) => tree,
        Err(Stop::Over) => return None,
        Err(Stop::Problem(problem)) => return Some(Err(problem)),
    };
    let (entry_count, skipped_count) = walk.counts();
    // Never the number of another agent's scan: they begin at the time of its start.
    scans.generation = boot_number().max(scans.generation + 1);
    scans.tree = Some(tree);
    let generation = scans.generation;
    Some(Ok(Answer::Scan(ScanDone { generation, is_full, entry_count, skipped_count })))
}

pub(super) fn too_many(count: u64) -> Problem {
    Problem::Limit(format!("the workspace has more than {count} files"))
}
