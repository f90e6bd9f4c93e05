//! Other processes: one that is killed while it commits, one that finds the folder held.
//!
//! A test here starts itself again as a child, which knows its folder from the environment.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mainstay_store::conformance::{Chain, note};
use mainstay_store::{Direction, EntryRange, SqliteOptions, SqliteStore, Store};

use crate::support::{entries, folder, noted, open, text};

const CHILD_FOLDER: &str = "MAINSTAY_STORE_TEST_FOLDER";

#[expect(clippy::disallowed_methods, reason = "how a test tells its child process who it is")]
fn child_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD_FOLDER).map(PathBuf::from)
}

/// Starts this very test again, as a child over this folder.
fn spawn(test: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("a test is a program"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD_FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts")
}

/// Says something to the parent.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nchild: {line}").and_then(|()| out.flush()).expect("the parent listens");
}

/// What the child says.
fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let out = child.stdout.take().expect("piped");
    BufReader::new(out)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| Some(line.strip_prefix("child: ")?.to_owned()))
}

#[tokio::test]
async fn a_second_process_is_refused() {
    if let Some(folder) = child_folder() {
        let refused = SqliteStore::open(&SqliteOptions::new(folder)).map(|_| ());
        say(&format!("{refused:?}"));
        return;
    }
    let home = folder();
    let store = open(home.path()).await;
    let answer = |path: &Path| {
        let mut child = spawn("crash::a_second_process_is_refused", path);
        let answer = said(&mut child).next().expect("an answer");
        child.wait().expect("ends");
        answer
    };
    let refused = answer(home.path());
    let folder_name = home.path().display().to_string();
    assert!(refused.contains(&folder_name), "{refused}");
    assert!(refused.contains(&format!("(pid {})", std::process::id())), "{refused}");

    // Nor does this process get it twice.
    let twice = SqliteStore::open(&SqliteOptions::new(home.path())).map(|_| ());
    assert!(twice.is_err());
    drop(store);
    assert_eq!(answer(home.path()), "Ok(())");
}

const ROUND_COUNT: usize = 10;
const SESSIONS: &[&str] = &["ses_0", "ses_1", "ses_2", "ses_3"];

/// Goes on with all sessions for ever, saying what was acknowledged.
async fn commit_for_ever(folder: &Path) {
    let store = open(folder).await;
    let mut running = tokio::task::JoinSet::new();
    for (i, session) in SESSIONS.iter().enumerate() {
        let store = store.clone();
        running.spawn(async move {
            let last =
                EntryRange { after: u64::MAX, direction: Direction::Descending, limit_count: 1 };
            let last = store.entries(&(*session).into(), last).await.expect("readable");
            let mut chain = Chain::new(session);
            if let Some(last) = last.first() {
                (chain.seq, chain.hash) = (last.seq, last.hash);
            }
            loop {
                let size_bytes = 100 + usize::try_from(chain.seq % 7).expect("small") * 3_000 * i;
                store.commit(noted(&mut chain, &text(size_bytes))).await.expect("committed");
                say(&format!("{session} {}", chain.seq));
            }
        });
    }
    running.join_next().await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    if let Some(folder) = child_folder() {
        commit_for_ever(&folder).await;
        return;
    }
    let home = folder();
    let mut acknowledged: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..ROUND_COUNT {
        let mut child =
            spawn("crash::nothing_acknowledged_is_lost_when_the_process_is_killed", home.path());
        let mut lines = said(&mut child);
        let mut note_line = |line: String| {
            let (session, seq) = line.split_once(' ').expect("a session and its seq");
            acknowledged.insert(session.to_owned(), seq.parse().expect("a number"));
        };
        // Somewhere else in the log's cycle each time.
        let line_count = 50 + round * 37;
        lines.by_ref().take(line_count).for_each(&mut note_line);
        child.kill().expect("killed");
        lines.for_each(&mut note_line);
        child.wait().expect("ends");

        let store = open(home.path()).await;
        for (session, seq) in &acknowledged {
            let found = entries(&store, session).await.expect("verifies").len() as u64;
            assert!(found >= *seq, "round {round}: {session} acknowledged {seq}, has {found}");
            let row = store.row(&note(session, "").key).await.expect("readable").expect("there");
            assert_eq!(
                row.read::<String>().expect("a text"),
                found.to_string(),
                "round {round}: {session}"
            );
        }
    }
    assert_eq!(acknowledged.len(), SESSIONS.len());
}
