//! What this machine can do at the most: flushes of its disk, and bare HTTP requests.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures::future::try_join_all;
use hyper::Method;
use mainstay_it::harness::{Connection, Target};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// About what a step writes to the log.
const PIECE_BYTES: usize = 4096;
/// How much of a file is overwritten again and again.
const FILE_BYTES: u64 = 4 << 20;
/// About what a request of a step holds.
const REQUEST_BYTES: usize = 512;

/// What this machine can do at the most, each second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Flushes behind an overwrite.
    pub(crate) overwrites: f64,
    /// Flushes behind an append, which change the file's size too.
    pub(crate) appends: f64,
    /// Requests answered, one after the other.
    pub(crate) requests_1: f64,
    /// Requests answered, on 128 connections.
    pub(crate) requests_128: f64,
}

impl Limits {
    pub(crate) async fn measure(folder: &Path, span: Duration) -> anyhow::Result<Self> {
        let overwrites = overwrites(folder, span).context("flush overwrites")?;
        let appends = appends(folder, span).context("flush appends")?;
        let (requests_1, requests_128) = requests(span).await.context("ask a bare server")?;
        Ok(Self { overwrites, appends, requests_1, requests_128 })
    }

    /// Steps a second if each cost one flush and one request and nothing else.
    pub(crate) fn steps_1(&self) -> f64 {
        1.0 / (1.0 / self.overwrites + 1.0 / self.requests_1)
    }
}

fn overwrites(folder: &Path, span: Duration) -> std::io::Result<f64> {
    let file = File::create(folder.join("overwrites"))?;
    for at in (0..FILE_BYTES).step_by(PIECE_BYTES) {
        file.write_all_at(&[0; PIECE_BYTES], at)?;
    }
    file.sync_all()?;
    per_second(span, |count| {
        file.write_all_at(&[7; PIECE_BYTES], count * PIECE_BYTES as u64 % FILE_BYTES)?;
        file.sync_data()
    })
}

fn appends(folder: &Path, span: Duration) -> std::io::Result<f64> {
    let file = File::create(folder.join("appends"))?;
    per_second(span, |count| {
        file.write_all_at(&[7; PIECE_BYTES], count * PIECE_BYTES as u64)?;
        file.sync_data()
    })
}

fn per_second(
    span: Duration,
    mut once: impl FnMut(u64) -> std::io::Result<()>,
) -> std::io::Result<f64> {
    let (start, mut count) = (Instant::now(), 0_u64);
    while start.elapsed() < span {
        once(count)?;
        count += 1;
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

async fn requests(span: Duration) -> anyhow::Result<(f64, f64)> {
    let this = std::env::current_exe()?;
    let mut child =
        Command::new(this).arg("echo").stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut line = String::new();
    let stdout = child.stdout.take().context("the server has an output")?;
    BufReader::new(stdout).read_line(&mut line).await?;
    let target = Target::new(line.trim().parse()?, "none")?;
    let one = ask(&target, 1, span).await?;
    let many = ask(&target, 128, span).await?;
    child.kill().await?;
    Ok((one, many))
}

async fn ask(
    target: &std::sync::Arc<Target>,
    connections: usize,
    span: Duration,
) -> anyhow::Result<f64> {
    let body = bytes::Bytes::from(vec![b'x'; REQUEST_BYTES]);
    let start = Instant::now();
    let clients = (0..connections).map(|_| async {
        let (mut connection, mut count) = (Connection::open(target).await?, 0_u64);
        while start.elapsed() < span {
            connection.call(Method::POST, "/", &[], body.clone()).await?.success()?;
            count += 1;
        }
        anyhow::Ok(count)
    });
    let counts = try_join_all(clients).await?;
    Ok(counts.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64())
}
