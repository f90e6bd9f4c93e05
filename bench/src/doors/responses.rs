//! A response beside the bare call of the same model.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hyper::Method;
use mainstay_it::harness::{Connection, Feed, Target};
use mainstay_it::model_server::{Script, Step};
use serde_json::json;
use tokio::task::JoinSet;

use super::figures::{FIRST_TOKEN, OVERHEAD};
use crate::figure::Measured;
use crate::report::number;
use crate::sample::{percentile, sorted};
use crate::stage::{Scale, Stage};

/// Clients at once.
const CLIENTS: usize = 16;
/// How long the model thinks: without it the clients would measure how many calls the processors
/// carry, not how long one takes.
const DELAY_MS: u64 = 50;

/// When the pieces of one answer came.
struct Timed {
    first_ms: f64,
    whole_ms: f64,
}

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let stage = Stage::open(scale, &[]).await?;
    let address = stage.world.url.trim_start_matches("http://").parse();
    let model = Target::new(address.context("the scripted model's address")?, "bare")?;
    let calls = scale.pick(100, 10);
    // Each in turn, twice, so that neither has the quieter machine.
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        bare.extend(clients(&model, calls).await.context("call the model")?);
        ours.extend(clients(&stage.server.target, calls).await.context("ask for responses")?);
    }
    let (bare_first, bare_whole) = split(bare);
    let (first, whole) = split(ours);
    let beside = |bare: &[f64], ours: &[f64]| {
        format!(
            "bare {} ms, p95 {} ms; response {} ms, p95 {} ms; the model thinks {DELAY_MS} ms",
            number(percentile(bare, 50)),
            number(percentile(bare, 95)),
            number(percentile(ours, 50)),
            number(percentile(ours, 95)),
        )
    };
    let over = |bare: &[f64], ours: &[f64]| percentile(ours, 50) - percentile(bare, 50);
    Ok(vec![
        OVERHEAD.is(over(&bare_whole, &whole)).beside(beside(&bare_whole, &whole)),
        FIRST_TOKEN.is(over(&bare_first, &first)).beside(beside(&bare_first, &first)),
    ])
}

/// The times to the first piece and to the whole, each smallest first.
fn split(timed: Vec<Timed>) -> (Vec<f64>, Vec<f64>) {
    let (first, whole) = timed.into_iter().map(|timed| (timed.first_ms, timed.whole_ms)).unzip();
    (sorted(first), sorted(whole))
}

async fn clients(target: &Arc<Target>, calls: usize) -> anyhow::Result<Vec<Timed>> {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let target = target.clone();
        clients.spawn(async move {
            // Clients that began together would meet at every step.
            tokio::time::sleep(Duration::from_millis(DELAY_MS * client as u64 / 16)).await;
            let mut timed = Vec::with_capacity(calls);
            for _ in 0..calls {
                timed.push(call(&target).await?);
            }
            anyhow::Ok(timed)
        });
    }
    let mut timed = Vec::new();
    while let Some(ended) = clients.join_next().await {
        timed.extend(ended.context("a client panicked")??);
    }
    Ok(timed)
}

async fn call(target: &Arc<Target>) -> anyhow::Result<Timed> {
    let step = Step {
        text: Some("An answer of a few words.".to_owned()),
        pieces: Some(5),
        delay_ms: DELAY_MS,
        ..Step::default()
    };
    let message = Script::new(vec![step]).to_message();
    let input = json!([{"type": "message", "role": "user", "content": message}]);
    let body = json!({"model": "scripted", "input": input, "stream": true});
    let mut connection = Connection::open(target).await?;
    let start = Instant::now();
    let response = connection.send(Method::POST, "/v1/responses", &[], body.to_string()).await?;
    ensure!(response.status().is_success(), "HTTP {}", response.status());
    let mut feed = Feed::of(response.into_body(), connection);
    feed.until(&["response.output_text.delta"]).await?;
    let first_ms = start.elapsed().as_secs_f64() * 1e3;
    feed.until(&["response.completed"]).await?;
    Ok(Timed { first_ms, whole_ms: start.elapsed().as_secs_f64() * 1e3 })
}
