//! Sessions that are kept busy by one client each, and what the server spends on them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use mainstay_it::harness::{Connection, Feed, Target, Tool, create_session, post_message};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::process::Used;
use crate::stage::{Stage, calls_in_a_row};
use crate::strace::Strace;

/// How a server is kept busy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Clients, each with one session at a time.
    pub(super) sessions: usize,
    /// Tool calls of each turn.
    pub(super) tools: usize,
    /// Turns of a session, before its client begins another: a model is sent all of them, so that
    /// long sessions would measure the sending.
    pub(super) turns: usize,
    /// How long it runs before it is measured.
    pub(super) warm_up: Duration,
    /// How long it is measured.
    pub(super) span: Duration,
}

/// What a server did and spent while it was measured.
#[derive(Debug, Clone)]
pub(super) struct Spent {
    pub(super) seconds: f64,
    pub(super) steps: f64,
    pub(super) flushes: f64,
    pub(super) used: Used,
    /// How long turns took, shortest first.
    pub(super) turns: Vec<Duration>,
    /// Flushes of a step as counted from outside, in a time of its own.
    pub(super) traced_flushes: Option<f64>,
}

impl Spent {
    pub(super) fn median_turn_ms(&self) -> f64 {
        let middle = self.turns.get(self.turns.len() / 2);
        middle.map_or(f64::NAN, |turn| turn.as_secs_f64() * 1e3)
    }

    pub(super) fn steps_per_second(&self) -> f64 {
        self.steps / self.seconds
    }

    pub(super) fn cpu_ms_per_step(&self) -> f64 {
        self.used.cpu_us as f64 / 1e3 / self.steps
    }
}

/// A turn that was measured.
struct Timed {
    ended: Instant,
    took: Duration,
}

/// Keeps a server busy and measures it meanwhile.
pub(super) async fn measure(stage: &mut Stage, load: Load) -> anyhow::Result<Spent> {
    let (stop, stopped) = watch::channel(false);
    let mut clients = JoinSet::new();
    for _ in 0..load.sessions {
        let (target, agent) = (stage.server.target.clone(), stage.agent.clone());
        clients.spawn(client(target, agent, load, stopped.clone()));
    }
    tokio::time::sleep(load.warm_up).await;
    let before = Reading::take(stage).await?;
    tokio::time::sleep(load.span).await;
    let after = Reading::take(stage).await?;
    let traced_flushes = traced_flushes(stage, load.span / 4).await?;
    stop.send(true).context("a client that failed")?;
    let mut turns = Vec::new();
    while let Some(ended) = clients.join_next().await {
        turns.extend(ended.context("a client panicked")??);
    }
    check(stage, turns.len() * (2 * load.tools + 1))?;
    let is_within = |turn: &&Timed| turn.ended > before.at && turn.ended <= after.at;
    let mut turns: Vec<_> = turns.iter().filter(is_within).map(|turn| turn.took).collect();
    turns.sort();
    Ok(Spent {
        seconds: (after.at - before.at).as_secs_f64(),
        steps: (after.steps - before.steps) as f64,
        flushes: (after.flushes - before.flushes) as f64,
        used: after.used.since(before.used),
        turns,
        traced_flushes,
    })
}

/// What is read at the beginning and at the end.
struct Reading {
    at: Instant,
    steps: u64,
    flushes: u64,
    used: Used,
}

impl Reading {
    async fn take(stage: &mut Stage) -> anyhow::Result<Self> {
        Ok(Self {
            flushes: stage.metric("mainstay_store_flushes_total").await?,
            steps: *stage.world.state.arrivals().borrow(),
            used: stage.process().used()?,
            at: Instant::now(),
        })
    }
}

/// Flushes of a step, counted by another program. That slows the server down, so it has a time of
/// its own.
async fn traced_flushes(stage: &Stage, span: Duration) -> anyhow::Result<Option<f64>> {
    let Some(strace) = Strace::attach(stage.server.pid).await else { return Ok(None) };
    let arrivals = stage.world.state.arrivals();
    let before = *arrivals.borrow();
    tokio::time::sleep(span).await;
    let steps = *arrivals.borrow() - before;
    Ok(Some(strace.finish().await? as f64 / steps as f64))
}

async fn client(
    target: Arc<Target>,
    agent: String,
    load: Load,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<Vec<Timed>> {
    let message = calls_in_a_row(Tool::Act, load.tools);
    let mut connection = Connection::open(&target).await?;
    let mut turns = Vec::new();
    while !*stopped.borrow() {
        let session = create_session(&mut connection, &agent).await?;
        let mut feed = Feed::open(&target, &session, None).await?;
        for _ in 0..load.turns {
            let start = Instant::now();
            turn(&mut connection, &mut feed, &session, &message).await?;
            let ended = Instant::now();
            turns.push(Timed { ended, took: ended - start });
            if *stopped.borrow() {
                break;
            }
        }
    }
    Ok(turns)
}

/// One turn, from the message to the session's rest.
pub(super) async fn turn(
    connection: &mut Connection,
    feed: &mut Feed,
    session: &str,
    message: &str,
) -> anyhow::Result<()> {
    post_message(connection, session, message).await?;
    let ends = ["agent.session.turn.completed", "agent.session.turn.failed"];
    let end = feed.until(&ends).await?;
    ensure!(end.is(ends[0]), "the turn failed: {}", String::from_utf8_lossy(&end.data));
    feed.until_idle().await?;
    Ok(())
}

/// Whether the scripted server saw as many calls as the turns have steps, none of them twice.
fn check(stage: &Stage, steps: usize) -> anyhow::Result<()> {
    let (model, tools) = (stage.world.state.model_stats(), stage.world.state.tool_stats());
    let seen = model.calls + tools.calls;
    ensure!(seen == steps as u64, "{steps} steps ended and {seen} calls were made");
    ensure!(model.repeated + tools.repeated == 0, "calls were made twice: {model:?} {tools:?}");
    Ok(())
}
