use std::fs;
use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rusqlite::{Connection, OpenFlags};

use super::*;

/// How often this thread has asked the system to write.
fn write_count() -> u64 {
    let io = fs::read_to_string("/proc/thread-self/io").expect("Linux counts");
    let line = io.lines().find_map(|line| line.strip_prefix("syscw: ")).expect("of writes");
    line.parse().expect("a number")
}

fn connect(file: &Path) -> Connection {
    assert!(register(), "SQLite takes the layer");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags_and_vfs(file, flags, VFS).expect("opens");
    connection.pragma_update(None, "page_size", 512).expect("small pages");
    connection.pragma_update(None, "wal_autocheckpoint", 0).expect("no checkpoint of its own");
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).expect("a log");
    connection
        .execute_batch("CREATE TABLE lines (number INTEGER PRIMARY KEY, text)")
        .expect("table");
    connection
}

fn fill(connection: &Connection, count: u32) -> rusqlite::Result<()> {
    let text = "x".repeat(400);
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for _ in 0..count {
        connection.execute("INSERT INTO lines (text) VALUES (?1)", [&text])?;
    }
    connection.execute_batch("COMMIT")
}

fn counted(connection: &Connection) -> u32 {
    let sound: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("can be checked");
    assert_eq!(sound, "ok");
    connection.query_row("SELECT count(*) FROM lines", [], |row| row.get(0)).expect("counts")
}

#[test]
fn a_commit_is_one_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let connection = connect(&folder.path().join("file"));
    fill(&connection, 1).expect("commits");
    let before = write_count();
    fill(&connection, 60).expect("commits");
    assert_eq!(write_count() - before, 1);
}

#[test]
fn others_see_what_was_committed_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    let writer = connect(&file);
    // Pages leave the memory in the middle of a transaction, and are read and written again.
    writer.pragma_update(None, "cache_size", 10).expect("a small cache");
    let reader =
        Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("opens");
    fill(&writer, 5_000).expect("commits");
    assert_eq!(counted(&reader), 5_000);

    writer.execute_batch("BEGIN IMMEDIATE; UPDATE lines SET text = 'short'").expect("changes");
    assert_eq!(counted(&reader), 5_000);
    let changed = "SELECT count(*) FROM lines WHERE text = 'short'";
    assert_eq!(reader.query_row(changed, [], |row| row.get(0)), Ok(0));
    writer.execute_batch("UPDATE lines SET text = 'shorter'; ROLLBACK").expect("rolls back");
    fill(&writer, 7).expect("commits");
    assert_eq!((counted(&reader), counted(&writer)), (5_007, 5_007));

    writer.pragma_query(None, "wal_checkpoint", |_| Ok(())).expect("copies the log");
    fill(&writer, 7).expect("commits at the begin of the log");
    assert_eq!((counted(&reader), counted(&writer)), (5_014, 5_014));
}

#[test]
fn a_copy_of_the_files_behind_a_commit_has_all_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = connect(&folder.path().join("file"));
    for round in 1..=5 {
        fill(&writer, 300).expect("commits");
        let copy = tempfile::tempdir().expect("a folder");
        for name in ["file", "file-wal"] {
            fs::copy(folder.path().join(name), copy.path().join(name)).expect("copies");
        }
        let opened = Connection::open(copy.path().join("file")).expect("opens");
        assert_eq!(counted(&opened), 300 * round);
    }
}

#[test]
fn writes_arrive_in_order_wherever_they_go() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for _ in 0..200 {
        let (mut gathered, mut file, mut expected) =
            (Gathered::default(), vec![0_u8; 4096], vec![0_u8; 4096]);
        let mut next = 0_usize;
        for number in 1..=100_u8 {
            let length = random.random_range(1..40);
            let at = if random.random_bool(0.8) { next } else { random.random_range(0..4000) };
            let at = at.min(4096 - length);
            let bytes = vec![number; length];
            expected[at..at + length].copy_from_slice(&bytes);
            next = at + length;
            let position = i64::try_from(at).expect("small");
            if !gathered.take(&bytes, position) {
                gathered.hand_on(|bytes, at| put(&mut file, bytes, at));
                assert!(gathered.take(&bytes, position), "an empty one takes whatever comes");
            }
        }
        gathered.hand_on(|bytes, at| put(&mut file, bytes, at));
        assert_eq!(file, expected);
    }
}

#[test]
fn a_write_that_failed_is_told_and_not_made_again() {
    let mut gathered = Gathered::default();
    assert!(gathered.take(b"frame", 32));
    assert_eq!(gathered.hand_on(|_, _| ffi::SQLITE_FULL), ffi::SQLITE_FULL);
    assert_eq!(gathered.hand_on(|_, _| panic!("nothing is left")), SQLITE_OK);
}

#[test]
fn what_is_gathered_is_bounded() {
    let mut gathered = Gathered::default();
    assert!(gathered.take(&vec![1; GATHERED_LIMIT_BYTES], 0));
    let end = i64::try_from(GATHERED_LIMIT_BYTES).expect("small");
    assert!(!gathered.take(&[1], end));
    assert_eq!(gathered.hand_on(|bytes, _| c_int::try_from(bytes.len()).expect("small")), 64 << 10);
    assert!(gathered.take(&[1], end));
}

fn put(file: &mut [u8], bytes: &[u8], at: i64) -> c_int {
    let at = usize::try_from(at).expect("in the file");
    file[at..at + bytes.len()].copy_from_slice(bytes);
    SQLITE_OK
}
