//! What sessions cost that rest.

use std::time::Duration;

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use mainstay_it::harness::begin_session;

use super::figures::PARKED;
use crate::figure::Measured;
use crate::process::Process;
use crate::report::number;
use crate::stage::{Scale, Stage};

/// Requests at once.
const CLIENTS: usize = 64;
/// Sessions that come first, so that what the base holds includes what work needs at its peak.
const WARM_UP_SESSIONS: usize = 256;
/// How long memory is watched while it still falls.
const SETTLE: Duration = Duration::from_secs(2);

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let count = scale.pick(10_000, 2_000);
    let mut stage = Stage::open(scale, &[]).await?;
    let process = stage.process();
    let at_start = process.resident_bytes()?;
    create(&stage, WARM_UP_SESSIONS).await.context("warm up")?;
    let base = settled(process).await?;
    create(&stage, count).await.context("make sessions that rest")?;
    let active = stage.metric("mainstay_sessions_active").await?;
    ensure!(active == 0, "{active} sessions do not rest");
    let resident = settled(process).await?;
    let limit = format!(
        "{} MB with them, {} MB with {WARM_UP_SESSIONS}, {} MB before; {} MB of it no file's",
        megabytes(resident),
        megabytes(base),
        megabytes(at_start),
        megabytes(process.anonymous_bytes()?)
    );
    let above = (resident as f64 - base as f64) / 1e6;
    Ok(vec![PARKED.is(above * 10_000.0 / count as f64).beside(limit)])
}

/// Makes sessions and lets each have one turn.
async fn create(stage: &Stage, count: usize) -> anyhow::Result<()> {
    let (target, agent) = (&stage.server.target, stage.agent.as_str());
    stream::iter(0..CLIENTS)
        .map(|client| async move {
            for _ in (client..count).step_by(CLIENTS) {
                begin_session(target, agent, "hello").await?.until_idle().await?;
            }
            anyhow::Ok(())
        })
        .buffer_unordered(CLIENTS)
        .try_collect()
        .await
}

/// Resident memory once it has stopped to fall.
async fn settled(process: Process) -> anyhow::Result<u64> {
    tokio::time::sleep(SETTLE).await;
    process.resident_bytes()
}

fn megabytes(bytes: u64) -> String {
    number(bytes as f64 / 1e6)
}
