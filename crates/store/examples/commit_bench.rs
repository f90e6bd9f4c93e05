//! Measures commits through the SQLite store against a bare write and flush of the same disk.
//!
//! `cargo run --release --example commit_bench -- FOLDER [SECONDS [SESSIONS…]]` makes its
//! files in FOLDER.
#![expect(clippy::print_stdout, reason = "a program that prints figures")]
#![expect(clippy::disallowed_methods, reason = "measures time and spawns its own writers")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mainstay_protocol::{
    Entry, EntryDraft, Hash, JournalId, Row, RowChange, RowKey, RowSpec, Seq, TaskChange, TaskKey,
};
use mainstay_store::{Commit, SqliteOptions, SqliteStore, Store};

const SPECS: &[RowSpec] = &[
    RowSpec {
        name: "session",
        key: &["tenant", "session"],
        indexes: &[&["tenant_status", "updated"]],
    },
    RowSpec { name: "item", key: &["session", "seq"], indexes: &[] },
];

const PAYLOAD_BYTES: usize = 400;
const DOC_BYTES: usize = 400;

/// One session's writer: commits of one or two entries, a new item, and at each fourth the session.
struct Session {
    journal: JournalId,
    seq: Seq,
    hash: Hash,
    commit_count: u64,
}

impl Session {
    fn new(number: usize) -> Self {
        let journal = format!("ses_01hzzzzzzzzzzzzzzzzzzz{number:04}").into();
        Self { journal, seq: 0, hash: Hash::ZERO, commit_count: 0 }
    }

    fn next(&mut self) -> Commit {
        let expected_seq = self.seq;
        let payload = format!("{{\"text\":\"{}\"}}", "x".repeat(PAYLOAD_BYTES));
        let doc = serde_json::json!({"text": "y".repeat(DOC_BYTES)});
        let count = 1 + self.commit_count % 2;
        let (principal, trace) =
            ("prn_01hzzzzzzzzzzzzzzzzzzzzzzz".into(), "0123456789abcdef0123456789abcdef".into());
        let entries: Vec<_> = (0..count)
            .map(|_| {
                let draft =
                    EntryDraft { kind: "effect.completed", version: 1, payload: payload.clone() };
                self.seq += 1;
                let entry = Entry::seal(
                    draft,
                    &self.journal,
                    self.seq,
                    self.hash,
                    1_700_000_000_000,
                    &principal,
                    &trace,
                );
                self.hash = entry.hash;
                entry
            })
            .collect();
        let key = RowKey::new(&SPECS[1], &[&self.journal, &format!("{:010}", self.seq)]);
        let mut rows = vec![RowChange::Put(Row::new(key, &[], &doc))];
        if self.commit_count.is_multiple_of(4) {
            let key = RowKey::new(&SPECS[0], &["ten_1", &self.journal]);
            let updated = format!("{:013}", self.commit_count / 40);
            let columns = [("tenant_status", "ten_1 in_progress"), ("updated", updated.as_str())];
            rows.push(RowChange::Put(Row::new(key, &columns, &doc)));
        }
        let key = TaskKey { kind: "session".into(), subject: self.journal.clone() };
        let tasks = vec![TaskChange::Put { key, due_at_ms: 1_700_000_000_000 }];
        self.commit_count += 1;
        Commit {
            journal: self.journal.clone(),
            expected_seq,
            epoch: 0,
            entries,
            rows,
            tasks,
            snapshot: None,
            erases: false,
            adopts: None,
            frees: Vec::new(),
        }
    }
}

/// What the process wrote: bytes dirtied for the disk, and bytes given to write calls.
fn written_bytes() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/self/io").expect("Linux tells what a process wrote");
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse::<u64>().ok()).expect("a number")
    };
    (field("write_bytes:"), field("wchar:"))
}

fn cpu_us() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux tells what a process used");
    let fields: Vec<_> =
        text.rsplit(')').next().expect("after the name").split_whitespace().collect();
    let ticks = |i: usize| fields[i].parse::<u64>().expect("a number");
    (ticks(11) + ticks(12)) * 10_000
}

fn quantile_us(sorted: &[Duration], percent: usize) -> u128 {
    sorted[(sorted.len() - 1) * percent / 100].as_micros()
}

fn print(name: &str, mut times: Vec<Duration>, elapsed: Duration, rest: &str) {
    times.sort();
    let per_s = times.len() as f64 / elapsed.as_secs_f64();
    println!(
        "{name}: {per_s:.0}/s, p50 {} µs, p90 {} µs, p99 {} µs, max {} µs{rest}",
        quantile_us(&times, 50),
        quantile_us(&times, 90),
        quantile_us(&times, 99),
        quantile_us(&times, 100)
    );
}

fn bare(folder: &Path, seconds: u64) {
    const FILE_BYTES: u64 = 4 << 20;
    let file = File::create(folder.join("bare")).expect("a file");
    for offset in (0..FILE_BYTES).step_by(4096) {
        file.write_all_at(&[0; 4096], offset).expect("written");
    }
    file.sync_all().expect("flushed");
    let piece = [7; 3144];
    let cpu = cpu_us();
    let (start, mut times, mut offset) = (Instant::now(), Vec::new(), 0);
    while start.elapsed().as_secs() < seconds {
        let at = Instant::now();
        file.write_all_at(&piece, offset).expect("written");
        file.sync_data().expect("flushed");
        times.push(at.elapsed());
        offset = (offset + piece.len() as u64) % (FILE_BYTES - 4096);
    }
    let rest = format!(", {} µs CPU each", (cpu_us() - cpu) / times.len() as u64);
    print("bare pwrite + fdatasync of 3 kB", times, start.elapsed(), &rest);
}

async fn writers(folder: PathBuf, count: usize, seconds: u64) {
    let opened = Instant::now();
    let store = Arc::new(SqliteStore::open(&SqliteOptions::new(folder)).expect("opens"));
    store.migrate(SPECS).await.expect("migrates");
    println!("open and migrate: {} µs", opened.elapsed().as_micros());
    let (before, (disk, calls), start) =
        (store.health().await.expect("healthy"), written_bytes(), Instant::now());
    let cpu = cpu_us();
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let (mut session, mut times) = (Session::new(number), Vec::new());
                while start.elapsed().as_secs() < seconds {
                    let commit = session.next();
                    let at = Instant::now();
                    store.commit(commit).await.expect("committed");
                    times.push(at.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("ends"));
    }
    let elapsed = start.elapsed();
    let (after, (disk_after, calls_after)) =
        (store.health().await.expect("healthy"), written_bytes());
    let n = times.len() as u64;
    let rest = format!(
        "\n  {:.3} flushes, {} B to disk, {} B to write calls, {} µs CPU per commit",
        (after.flush_count - before.flush_count) as f64 / n as f64,
        (disk_after - disk) / n,
        (calls_after - calls) / n,
        (cpu_us() - cpu) / n
    );
    print(&format!("{count} sessions"), times, elapsed, &rest);
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("a folder to measure in"));
    let seconds = arguments.next().map_or(5, |text| text.parse().expect("seconds"));
    let mut counts: Vec<usize> =
        arguments.map(|text| text.parse().expect("a number of sessions")).collect();
    if counts.is_empty() {
        counts = vec![1, 128];
    }
    let folder = tempfile::tempdir_in(folder).expect("a folder of its own");
    bare(folder.path(), seconds);
    for count in counts {
        writers(folder.path().join(count.to_string()), count, seconds).await;
    }
    bare(folder.path(), seconds);
}
