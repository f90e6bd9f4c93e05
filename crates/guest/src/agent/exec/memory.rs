//! How often the kernel killed for want of memory.
//!
//! Invariant: a machine of its own has its own count. In the process tier the count is the host's, so a
//! command is taken for a victim only if it was killed while the count rose.

use std::fs;

pub(crate) fn kills() -> u64 {
    let text = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
    count.unwrap_or_default()
}
