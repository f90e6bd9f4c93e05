//! Steps and turns under load.

use std::time::Duration;

use mainstay_it::harness::Tool;

use super::figures::{
    CPU_1, CPU_128, FLUSHES_1, FLUSHES_128, STEPS_1, STEPS_128, TURN, TURN_BYTES,
};
use super::load::{self, Load, Spent};
use crate::figure::{Figure, Measured};
use crate::limits::Limits;
use crate::report::number;
use crate::stage::{Scale, Stage};

/// Tool calls of a turn where steps are counted.
const TOOLS_PER_TURN: usize = 10;
/// Turns of a session where steps are counted. Its making counts too: a model is sent the whole
/// session, and in a long one the sending would be measured.
const TURNS_OF_STEPS: usize = 1;
/// Turns of a session where turns are measured.
const TURNS_PER_SESSION: usize = 10;

/// One client, one session at a time.
pub(super) async fn one_session(scale: &Scale, limits: &Limits) -> anyhow::Result<Vec<Measured>> {
    let spent = busy(scale, 1, TOOLS_PER_TURN, TURNS_OF_STEPS).await?;
    let limit = format!(
        "{} steps/s: a flush and a bare request each; {} % of it",
        number(limits.steps_1()),
        percent(spent.steps_per_second(), limits.steps_1())
    );
    let steps = STEPS_1.is(spent.steps_per_second()).beside(limit);
    Ok(rest(steps, &spent, &CPU_1, &FLUSHES_1))
}

/// 128 clients, one session each at a time.
pub(super) async fn many_sessions(scale: &Scale, limits: &Limits) -> anyhow::Result<Vec<Measured>> {
    let spent = busy(scale, 128, TOOLS_PER_TURN, TURNS_OF_STEPS).await?;
    let limit = format!(
        "{} bare requests/s on 128 connections; {} % of it",
        number(limits.requests_128),
        percent(spent.steps_per_second(), limits.requests_128)
    );
    let steps = STEPS_128.is(spent.steps_per_second()).beside(limit);
    Ok(rest(steps, &spent, &CPU_128, &FLUSHES_128))
}

/// One client whose turns have one tool call.
pub(super) async fn turn(scale: &Scale, limits: &Limits) -> anyhow::Result<Vec<Measured>> {
    let spent = busy(scale, 1, 1, TURNS_PER_SESSION).await?;
    let limit_ms = 3.0 * 1e3 / limits.steps_1() + 1e3 / limits.requests_1;
    let limit = format!(
        "{} ms: three steps of a flush and a bare request, and the message",
        number(limit_ms)
    );
    let turns = spent.turns.len() as f64;
    let bytes = spent.used.disk_bytes as f64 / turns;
    let given = spent.used.call_bytes as f64 / turns;
    let steps = format!(
        "{} KB given to write calls, sockets included; {} flushes a turn",
        number(given / 1e3),
        number(spent.flushes / turns)
    );
    Ok(vec![
        TURN.is(spent.median_turn_ms()).beside(limit),
        TURN_BYTES.is(bytes / 1e3).beside(steps),
    ])
}

async fn busy(scale: &Scale, sessions: usize, tools: usize, turns: usize) -> anyhow::Result<Spent> {
    let mut stage = Stage::open(scale, &[Tool::Act]).await?;
    let load = Load {
        sessions,
        tools,
        turns,
        warm_up: Duration::from_millis(scale.pick(2_000, 500)),
        span: Duration::from_millis(scale.pick(10_000, 2_000)),
    };
    load::measure(&mut stage, load).await
}

fn rest(
    steps: Measured,
    spent: &Spent,
    cpu: &'static Figure,
    flushes: &'static Figure,
) -> Vec<Measured> {
    let counted = flushes.is(spent.flushes / spent.steps);
    let counted = match spent.traced_flushes {
        Some(traced) => {
            counted.beside(format!("{} by strace, in a slower time of its own", number(traced)))
        }
        None => counted.beside("no strace to count from outside"),
    };
    vec![steps, cpu.is(spent.cpu_ms_per_step()), counted]
}

fn percent(value: f64, limit: f64) -> String {
    number(value / limit * 100.0)
}
