//! The agent's children, and those that are left to it as the first process.
//!
//! Invariant: the end of a child that the agent started is taken by whoever started it, and of every
//! other by [`Children::reap`], so that neither stays a zombie nor has its end stolen.

use std::collections::HashSet;
use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use rustix::process::Pid;

#[derive(Default)]
pub(crate) struct Children {
    known: Mutex<HashSet<i32>>,
    changed: Condvar,
}

impl Children {
    /// Starts a child; its end is to be taken with [`Self::wait`].
    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        // Held over the start: a child that ends before it is known would be taken for an orphan.
        let mut known = self.lock();
        let child = command.spawn()?;
        known.insert(pid(&child).as_raw_nonzero().get());
        self.changed.notify_all();
        Ok(child)
    }

    /// Waits for the end of a child.
    pub(crate) fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let status = child.wait();
        self.lock().remove(&pid(child).as_raw_nonzero().get());
        self.changed.notify_all();
        status
    }

    /// Takes the ends of orphans, for ever.
    pub(crate) fn reap(&self) {
        loop {
            let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
            let ended = match waitid(Id::All, peek) {
                Ok(status) => status.pid(),
                Err(Errno::EINTR) => continue,
                // No children at all: there will be none until one is started.
                Err(_) => {
                    let known = self.lock();
                    if known.is_empty() {
                        drop(self.changed.wait(known).unwrap_or_else(PoisonError::into_inner));
                    }
                    continue;
                }
            };
            let Some(ended) = ended else { continue };
            let mut known = self.lock();
            if known.contains(&ended.as_raw()) {
                // Its owner takes it; until then this one would be seen again and again.
                while known.contains(&ended.as_raw()) {
                    known = self.changed.wait(known).unwrap_or_else(PoisonError::into_inner);
                }
                continue;
            }
            let take = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
            let _ = waitid(Id::Pid(ended), take);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<i32>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child's id.
pub(crate) fn pid(child: &Child) -> Pid {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a child has an id")
}
