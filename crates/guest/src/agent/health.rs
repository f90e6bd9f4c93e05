//! How the machine is.

use std::fs;
use std::time::Instant;

use mainstay_guest::Health;
use rustix::fs::statvfs;

use super::clock::{millis, now};

pub(crate) fn health(started: Instant, running: usize, missing: Option<String>) -> Health {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let bytes_of = |name: &str| {
        let line = memory.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    };
    let disk = statvfs("/workspace").ok();
    let (total, free) =
        disk.map_or((0, 0), |disk| (disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize));
    Health {
        uptime_ms: millis(now().duration_since(started)),
        memory_total_bytes: bytes_of("MemTotal:"),
        memory_free_bytes: bytes_of("MemAvailable:"),
        process_count: process_count(),
        running_count: running as u64,
        disk_total_bytes: total,
        disk_free_bytes: free,
        missing: missing.into_iter().collect(),
    }
}

fn process_count() -> u64 {
    let Ok(folder) = fs::read_dir("/proc") else { return 0 };
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| is_process(name)).count() as u64
}
