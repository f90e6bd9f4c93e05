//! A stream that goes on behind any of its events.

use std::time::Instant;

use anyhow::{Context, ensure};
use mainstay_it::harness::{Feed, create_session, post_message};

use super::figures::RECONNECT;
use crate::figure::Measured;
use crate::report::number;
use crate::sample::{percentile, sorted};
use crate::stage::{Scale, Stage};

/// Events of the stream.
const EVENTS: usize = 10_000;
/// Where streams begin: each a prime number of events behind the one before.
const STRIDE: usize = 7_919;

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let mut stage = Stage::open(scale, &[]).await?;
    let (events, tries) = (scale.pick(EVENTS, EVENTS / 10), scale.pick(300, 30));
    let session = create_session(&mut stage.connection, &stage.agent).await?;
    let target = stage.server.target.clone();
    let mut feed = Feed::open(&target, &session, None).await?;
    let mut ids = Vec::with_capacity(events);
    while ids.len() < events {
        post_message(&mut stage.connection, &session, "hello").await?;
        loop {
            let frame = feed.next().await?.context("the stream ended")?;
            ids.extend(frame.id);
            if frame.is("agent.session.idle") {
                break;
            }
        }
    }
    let mut waits = Vec::with_capacity(tries);
    for index in 0..tries {
        // The last event has none behind it.
        let place = index * STRIDE % (ids.len() - 1);
        let start = Instant::now();
        let mut feed = Feed::open(&target, &session, Some(ids[place])).await?;
        let frame = feed.next().await?.context("the stream ended")?;
        waits.push(start.elapsed().as_secs_f64() * 1e3);
        // What was shown while it was written comes from its entry now, which has places for it.
        let is_next = frame.id.is_some_and(|id| id > ids[place] && id <= ids[place + 1]);
        ensure!(is_next, "event {:?} came behind {}", frame.id, ids[place]);
    }
    let waits = sorted(waits);
    let beside = format!(
        "p95 {} ms; {} events, a new connection each time",
        number(percentile(&waits, 95)),
        ids.len()
    );
    Ok(vec![RECONNECT.is(percentile(&waits, 50)).beside(beside)])
}
