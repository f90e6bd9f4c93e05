//! Whether a turn of a long session writes more than a turn of a new one.

use anyhow::Context;
use futures::future::try_join_all;
use mainstay_it::harness::{Connection, Feed, Tool, create_session};

use super::figures::GROWTH;
use super::load::turn;
use super::spikes::per_turn;
use super::stage::{Scale, Stage, calls_in_a_row};
use crate::figure::Measured;
use crate::process::Process;
use crate::report::number;

/// Turns of each session, in the end.
const TURNS: usize = 1_000;
/// How many turns at the beginning, and at the end, are measured.
const WINDOW_TURNS: usize = 100;

struct Session {
    id: String,
    connection: Connection,
    feed: Feed,
}

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let mut stage = Stage::open(scale, &[Tool::Act]).await?;
    let message = calls_in_a_row(Tool::Act, 1);
    let mut sessions = Vec::new();
    for _ in 0..scale.pick(8, 3) {
        let id = create_session(&mut stage.connection, &stage.agent).await?;
        let connection = Connection::open(&stage.server.target).await?;
        let feed = Feed::open(&stage.server.target, &id, None).await?;
        sessions.push(Session { id, connection, feed });
    }
    let process = stage.process();
    let early = window(&mut sessions, process, &message).await.context("the first turns")?;
    let between = TURNS - 2 * WINDOW_TURNS;
    let grown = sessions.iter_mut().map(|session| several(session, between, &message));
    try_join_all(grown).await.context("the turns between")?;
    let late = window(&mut sessions, process, &message).await.context("the last turns")?;
    let limit = format!(
        "{} KB a turn in turns 1 to {WINDOW_TURNS}, {} KB in turns {} to {TURNS}, of {} sessions",
        number(early / 1e3),
        number(late / 1e3),
        TURNS - WINDOW_TURNS + 1,
        sessions.len()
    );
    Ok(vec![GROWTH.is(late / early).beside(limit)])
}

/// Bytes that a turn makes the file system write, over some turns of each session.
async fn window(sessions: &mut [Session], process: Process, message: &str) -> anyhow::Result<f64> {
    let mut readings = vec![process.used()?.disk_bytes];
    for session in sessions {
        for _ in 0..WINDOW_TURNS {
            several(session, 1, message).await?;
            readings.push(process.used()?.disk_bytes);
        }
    }
    Ok(per_turn(&readings))
}

async fn several(session: &mut Session, count: usize, message: &str) -> anyhow::Result<()> {
    for _ in 0..count {
        turn(&mut session.connection, &mut session.feed, &session.id, message).await?;
    }
    Ok(())
}
