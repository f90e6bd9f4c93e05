//! How long a start takes, and what a server holds then.

use std::time::Instant;

use anyhow::Context;
use mainstay_it::harness::{Server, begin_session};

use super::figures::{RESIDENT, START, START_READY};
use crate::figure::Measured;
use crate::process::Process;
use crate::report::number;
use crate::sample::{percentile, sorted};
use crate::stage::{Scale, Stage};

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let stage = Stage::open(scale, &[]).await?;
    let Stage { server, world: _world, agent, connection, folder: _kept } = stage;
    drop(connection);
    let setup = server.setup.clone();
    server.kill().await?;
    let (mut ready, mut answered, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.pick(20, 5) {
        let start = Instant::now();
        let server = Server::start(&setup).await?;
        ready.push(start.elapsed().as_secs_f64() * 1e3);
        resident.push(Process::new(server.pid).resident_bytes()? as f64 / 1e6);
        // The whole answer of an agent: a session, a turn, a model call.
        let mut feed = begin_session(&server.target, &agent, "hello").await?;
        feed.until(&["agent.session.turn.completed"]).await.context("ask for a first answer")?;
        answered.push(start.elapsed().as_secs_f64() * 1e3);
        server.kill().await?;
    }
    let (fastest, slowest) = (least(&answered), most(&answered));
    let spread =
        format!("{} to {} ms in {} starts", number(fastest), number(slowest), answered.len());
    Ok(vec![
        START.is(median(answered)).beside(format!("an agent's whole turn; {spread}")),
        START_READY.is(median(ready)),
        RESIDENT.is(median(resident)),
    ])
}

fn median(values: Vec<f64>) -> f64 {
    percentile(&sorted(values), 50)
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}
