//! Long work of other programs, shown as it goes.
//!
//! Invariant: what a program says goes to a log file; a person sees a line now and then, and the end
//! of the log when it failed.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process;

const TELL_EVERY_MS: u64 = 20_000;
const SHOWN_LOG_LINES: usize = 30;

/// Runs a program that takes minutes.
pub(super) fn run(what: &str, command: &mut Command, log: &Path) -> Result<()> {
    let line = process::line(command);
    let out = File::create(log).with_context(|| format!("creating {}", log.display()))?;
    let err = out.try_clone().context("sharing a log file")?;
    command.stdout(out).stderr(err);
    let mut child = command.spawn().with_context(|| format!("starting `{line}`"))?;
    let started = Instant::now();
    let (ended, end) = mpsc::sync_channel(1);
    let status = thread::scope(|scope| {
        scope.spawn(move || {
            let status = child.wait();
            // The receiver waits for exactly this.
            let _ = ended.send(status);
        });
        loop {
            match end.recv_timeout(Duration::from_millis(TELL_EVERY_MS)) {
                Ok(status) => break status,
                Err(RecvTimeoutError::Timeout) => {
                    println!("{what}: {} s, {}", started.elapsed().as_secs(), last_line(log));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    break Err(std::io::Error::other("nobody waited for it"));
                }
            }
        }
    });
    let status = status.with_context(|| format!("waiting for `{line}`"))?;
    if !status.success() {
        bail!("{what}: `{line}` ended with {status}; it said last:\n{}", tail(log));
    }
    Ok(())
}

fn last_line(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LOG_LINES)..].join("\n")
}
