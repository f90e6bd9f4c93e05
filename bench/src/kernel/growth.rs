//! Whether a turn of a long session writes more than a turn of a new one.

use std::sync::Arc;

use anyhow::Context;
use futures::future::try_join_all;
use mainstay_it::harness::{Connection, Feed, Target, Tool, create_session};

use super::figures::GROWTH;
use super::load::turn;
use super::spikes::per_turn;
use crate::figure::Measured;
use crate::report::number;
use crate::stage::{Scale, Stage, calls_in_a_row};

/// Turns of each session, in the end.
const TURNS: usize = 1_000;
/// How many turns at the beginning, and at the end, are measured.
const WINDOW_TURNS: usize = 100;

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let mut stage = Stage::open(scale, &[Tool::Act]).await?;
    let mut sessions = Vec::new();
    for _ in 0..scale.pick(8, 3) {
        sessions.push(create_session(&mut stage.connection, &stage.agent).await?);
    }
    let early = window(&stage, &sessions).await.context("the first turns")?;
    let between = sessions.iter().map(|session| async {
        let mut client = Client::open(&stage.server.target, session).await?;
        for _ in WINDOW_TURNS..TURNS - WINDOW_TURNS {
            client.turn().await?;
        }
        anyhow::Ok(())
    });
    try_join_all(between).await.context("the turns between")?;
    let late = window(&stage, &sessions).await.context("the last turns")?;
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
async fn window(stage: &Stage, sessions: &[String]) -> anyhow::Result<f64> {
    let process = stage.process();
    let mut readings = vec![process.used()?.disk_bytes];
    for session in sessions {
        // Opened now: the server closes connections that are idle for long.
        let mut client = Client::open(&stage.server.target, session).await?;
        for _ in 0..WINDOW_TURNS {
            client.turn().await?;
            readings.push(process.used()?.disk_bytes);
        }
    }
    Ok(per_turn(&readings))
}

struct Client<'a> {
    session: &'a str,
    connection: Connection,
    feed: Feed,
    message: String,
}

impl<'a> Client<'a> {
    async fn open(target: &Arc<Target>, session: &'a str) -> anyhow::Result<Self> {
        let connection = Connection::open(target).await?;
        let feed = Feed::open(target, session, None).await?;
        Ok(Self { session, connection, feed, message: calls_in_a_row(Tool::Act, 1) })
    }

    async fn turn(&mut self) -> anyhow::Result<()> {
        turn(&mut self.connection, &mut self.feed, self.session, &self.message).await
    }
}
