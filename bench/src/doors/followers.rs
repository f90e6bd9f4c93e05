//! Many followers, each of a session of its own.

use anyhow::Context;
use mainstay_it::harness::{Feed, create_session, post_message};

use super::figures::{FOLLOWER_MEMORY, LOST};
use crate::figure::Measured;
use crate::report::number;
use crate::stage::{Scale, Stage};

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let mut stage = Stage::open(scale, &[]).await?;
    let count = scale.pick(1_000, 100);
    let target = stage.server.target.clone();
    let mut sessions = Vec::with_capacity(count);
    for _ in 0..count {
        sessions.push(create_session(&mut stage.connection, &stage.agent).await?);
    }
    let before = stage.process().resident_bytes()?;
    let mut feeds = Vec::with_capacity(count);
    for session in &sessions {
        feeds.push(Feed::open(&target, session, None).await?);
    }
    let attached = stage.process().resident_bytes()?;
    for session in &sessions {
        post_message(&mut stage.connection, session, "hello").await?;
    }
    let mut lost = 0;
    for (session, feed) in sessions.iter().zip(&mut feeds) {
        let seen = kept(feed).await?;
        let mut again = Feed::open(&target, session, Some(0)).await?;
        let all = kept(&mut again).await?;
        let from = seen.first().copied().unwrap_or(u64::MAX);
        let expected: Vec<u64> = all.into_iter().filter(|id| *id >= from).collect();
        lost += expected.iter().filter(|id| !seen.contains(id)).count();
    }
    let busy = stage.process().resident_bytes()?;
    let each = |now: u64| now.saturating_sub(before) as f64 / 1e3 / count as f64;
    let beside = format!("{} KB when each has seen a turn", number(each(busy)));
    Ok(vec![FOLLOWER_MEMORY.is(each(attached)).beside(beside), LOST.is(lost as f64)])
}

/// What is shown without a number while it is written, and with one when it is read later.
const WRITTEN: [&str; 3] = [
    "agent.session.turn.item.added",
    "agent.session.turn.content_part.added",
    "agent.session.turn.output_text.delta",
];

/// The numbers of the events up to the session's rest, less those of [`WRITTEN`].
async fn kept(feed: &mut Feed) -> anyhow::Result<Vec<u64>> {
    let mut ids = Vec::new();
    let mut has_ended = false;
    loop {
        let frame = feed.next().await?.context("the stream ended")?;
        ids.extend(frame.id.filter(|_| !WRITTEN.iter().any(|kind| frame.is(kind))));
        has_ended |= frame.is("agent.session.turn.completed");
        if has_ended && frame.is("agent.session.idle") {
            return Ok(ids);
        }
    }
}
