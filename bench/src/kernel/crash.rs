//! What is lost, repeated and delayed when a busy server is killed.
//!
//! Invariant: each tool call has arguments of its own, so that an effect that came twice is seen
//! whatever key it came under; each turn asks the model as often as its script has steps, so that an
//! answer that was asked for twice is seen too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use mainstay_it::harness::{
    Connection, Server, Target, Tool, begin_session, create_session, post_message,
};
use mainstay_it::model_server::{Call, Script, State, Step};
use serde_json::json;

use super::figures::{ALL_ENDED, EFFECTS_REPEATED, MODEL_REPEATED, NEW_ANSWER, RESUMED};
use crate::figure::Measured;
use crate::report::number;
use crate::stage::{Scale, Stage, metric};

/// Tool calls of each turn.
const CALLS: usize = 30;
/// Requests of the client at once.
const CLIENTS: usize = 32;
/// How many steps of each session, on average, come before the kill.
const STEPS_BEFORE_KILL: u64 = 20;
/// How long nothing arrives any more once everything that the dead server sent was read.
const QUIET: Duration = Duration::from_millis(20);
/// How often it is asked whether all turns have ended.
const ASK_INTERVAL: Duration = Duration::from_millis(20);
/// Bound on the end of all turns.
const END_TIMEOUT: Duration = Duration::from_secs(120);

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let count = scale.pick(1_000, 200);
    let stage = Stage::open(scale, &[Tool::Act, Tool::KeyedAct]).await?;
    let sessions = begin(&stage, count).await.context("put sessions in flight")?;
    let Stage { server, world, agent, connection, folder: _kept } = stage;
    drop(connection);
    let state = &world.state;
    let mut arrivals = state.arrivals();
    arrivals.wait_for(|steps| *steps >= count as u64 * STEPS_BEFORE_KILL).await?;
    let setup = server.setup.clone();
    server.kill().await?;
    quiet(state).await;
    let at_kill = Counts::of(state);

    let start = Instant::now();
    let mut arrivals = state.arrivals();
    let seen = *arrivals.borrow();
    let first_step = async move {
        arrivals.wait_for(|steps| *steps > seen).await?;
        anyhow::Ok(start.elapsed())
    };
    let new_session = async {
        let server = Server::start(&setup).await?;
        let mut feed = begin_session(&server.target, &agent, "hello").await?;
        feed.until(&["agent.session.turn.completed"]).await?;
        anyhow::Ok((server, start.elapsed()))
    };
    let (resumed, (server, answered)) = tokio::try_join!(first_step, new_session)?;
    ended(&server.target).await.context("wait for all turns")?;
    let all_ended = start.elapsed();
    let failed = failed_turns(&server.target, &sessions).await?;
    let end = Counts::of(state);
    let expected = count as u64 * (CALLS as u64 + 1) + 1;
    let repeated_calls = end.answers.saturating_sub(expected);
    let effects = format!(
        "{} effects of {} calls, {} of them before the kill; {failed} turns failed",
        end.effects,
        count * CALLS,
        at_kill.effects
    );
    let answers = format!(
        "{} answers where {expected} were needed, {} of them before the kill",
        end.answers, at_kill.answers
    );
    Ok(vec![
        RESUMED.is(resumed.as_secs_f64()).beside("from the start of the new process"),
        NEW_ANSWER.is(answered.as_secs_f64()).beside("from the start of the new process"),
        EFFECTS_REPEATED.is(end.effects_again as f64).beside(effects),
        MODEL_REPEATED.is(repeated_calls as f64).beside(answers),
        ALL_ENDED.is(all_ended.as_secs_f64()).beside(format!(
            "{} steps/s after the restart",
            number((end.steps - at_kill.steps) as f64 / all_ended.as_secs_f64())
        )),
    ])
}

/// What the scripted server has seen.
struct Counts {
    steps: u64,
    /// Model calls answered to the end.
    answers: u64,
    effects: u64,
    /// Effects that were not the first of their call.
    effects_again: u64,
}

impl Counts {
    fn of(state: &State) -> Self {
        let (model, tools) = (state.model_stats(), state.tool_stats());
        Self {
            steps: model.calls + tools.calls,
            answers: model.finished,
            effects: tools.effects,
            effects_again: tools.asked_again,
        }
    }
}

/// Makes sessions and gives each a turn of many steps.
async fn begin(stage: &Stage, count: usize) -> anyhow::Result<Vec<String>> {
    let (target, agent) = (&stage.server.target, &stage.agent);
    let clients = stream::iter(0..CLIENTS).map(|client| async move {
        let mut connection = Connection::open(target).await?;
        let mut sessions = Vec::new();
        for number in (client..count).step_by(CLIENTS) {
            sessions.push((number, create_session(&mut connection, agent).await?));
        }
        for (number, session) in &sessions {
            post_message(&mut connection, session, &message(*number)).await?;
        }
        anyhow::Ok(sessions.into_iter().map(|(_, session)| session).collect::<Vec<_>>())
    });
    let sessions: Vec<Vec<String>> = clients.buffer_unordered(CLIENTS).try_collect().await?;
    Ok(sessions.concat())
}

/// A turn of many calls, of both tools in turn, each with a note of its own.
fn message(session: usize) -> String {
    let steps = (0..CALLS).map(|number| {
        let tool = if number % 2 == 0 { Tool::Act } else { Tool::KeyedAct };
        let arguments = json!({"note": format!("{session}-{number}")});
        Step { calls: vec![Call { name: tool.name().to_owned(), arguments }], ..Step::default() }
    });
    Script::new(steps.collect()).to_message()
}

/// Waits until all that a dead process had sent was taken in.
async fn quiet(state: &State) {
    let mut arrivals = state.arrivals();
    arrivals.mark_unchanged();
    while tokio::time::timeout(QUIET, arrivals.changed()).await.is_ok() {}
}

/// Waits until no session has work.
async fn ended(target: &Arc<Target>) -> anyhow::Result<()> {
    let mut connection = Connection::open(target).await?;
    let start = Instant::now();
    loop {
        let active = metric(&mut connection, "mainstay_sessions_active").await?;
        if active == 0 {
            return Ok(());
        }
        ensure!(start.elapsed() < END_TIMEOUT, "{active} sessions still have work");
        tokio::time::sleep(ASK_INTERVAL).await;
    }
}

async fn failed_turns(target: &Arc<Target>, sessions: &[String]) -> anyhow::Result<usize> {
    let mut connection = Connection::open(target).await?;
    let mut failed = 0;
    for session in sessions {
        let turns = connection.get(&format!("/v1/agents/sessions/{session}/turns")).await?;
        let is_completed = turns["data"][0]["status"] == "completed";
        failed += usize::from(!is_completed);
    }
    Ok(failed)
}
