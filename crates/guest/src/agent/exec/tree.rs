//! Everything that a command started, as far as `/proc` tells: its group, its session, whoever descends
//! from them, and whoever has the command's mark among the variables it was started with.
//!
//! Invariant: a process that was seen once is remembered with the time of its start, so that a number
//! that is given again to another process is not mistaken for it. Deliberately absent: processes that
//! left session, parents and variables behind before anyone looked.

use std::collections::HashMap;
use std::fs;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How often it is looked again for processes that were started meanwhile.
const MAX_ROUNDS: usize = 16;

#[derive(Clone, Copy)]
struct Process {
    parent: i32,
    group: i32,
    session: i32,
    started: u64,
}

pub(crate) struct Tree {
    leader: Pid,
    members: HashMap<i32, u64>,
    /// What their variables hold; none when they have none of their own.
    mark: Option<Vec<u8>>,
    /// Those that do not have it.
    unmarked: HashMap<i32, u64>,
}

/// The variable by which what a command started is known.
pub(crate) const MARK: &str = "MAINSTAY_COMMAND";

impl Tree {
    pub(crate) fn of(leader: Pid) -> Self {
        Self { leader, members: HashMap::new(), mark: None, unmarked: HashMap::new() }
    }

    /// Of a command that has this for [`MARK`].
    pub(crate) fn marked(leader: Pid, mark: &str) -> Self {
        Self { mark: Some(format!("{MARK}={mark}").into_bytes()), ..Self::of(leader) }
    }

    /// Sends a signal to all of it that is seen now.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.look();
        let _ = kill_process_group(self.leader, signal);
        for &member in self.members.keys() {
            if let Some(pid) = Pid::from_raw(member) {
                let _ = kill_process(pid, signal);
            }
        }
    }

    /// Kills until nothing is left.
    pub(crate) fn kill(&mut self) {
        for _ in 0..MAX_ROUNDS {
            self.signal(Signal::KILL);
            if !self.look() {
                return;
            }
        }
    }

    /// Whether any of it lives.
    pub(crate) fn look(&mut self) -> bool {
        let processes = processes();
        self.members.retain(|pid, started| {
            processes.get(pid).is_some_and(|process| process.started == *started)
        });
        let marked = self.marked_among(&processes);
        self.members.extend(marked);
        let leader = self.leader.as_raw_nonzero().get();
        loop {
            let before = self.members.len();
            for (&pid, process) in &processes {
                let belongs = pid == leader
                    || process.group == leader
                    || process.session == leader
                    || self.members.contains_key(&process.parent);
                if belongs {
                    self.members.insert(pid, process.started);
                }
            }
            if self.members.len() == before {
                return before > 0;
            }
        }
    }

    /// Those that have the mark. The variables of a process are those that its program began with, so that
    /// one look at each is enough.
    fn marked_among(&mut self, processes: &HashMap<i32, Process>) -> Vec<(i32, u64)> {
        let Some(mark) = &self.mark else { return Vec::new() };
        let mut marked = Vec::new();
        for (&pid, process) in processes {
            let is_known = |seen: &HashMap<i32, u64>| seen.get(&pid) == Some(&process.started);
            if is_known(&self.members) || is_known(&self.unmarked) {
                continue;
            }
            let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            match variables.split(|byte| *byte == 0).any(|variable| variable == mark) {
                true => marked.push((pid, process.started)),
                false => drop(self.unmarked.insert(pid, process.started)),
            }
        }
        marked
    }
}

/// Those that live.
fn processes() -> HashMap<i32, Process> {
    let Ok(folder) = fs::read_dir("/proc") else { return HashMap::new() };
    folder
        .filter_map(|entry| {
            let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            Some((pid, parse(&stat)?))
        })
        .collect()
}

/// The name of a program may hold anything; what follows its last parenthesis may not.
fn parse(stat: &str) -> Option<Process> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let started = fields.nth(15)?.parse().ok()?;
    Some(Process { parent, group, session, started })
}
