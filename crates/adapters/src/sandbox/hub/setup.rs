//! What is put into a new machine before its first call.
//!
//! Invariant: everything of it lands in the workspace, which is saved, so that a machine that begins from
//! a checkpoint has it already.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mainstay_core::port::{
    ExecEnd, ExecOutput, ExecRequest, SandboxError, SandboxSetup, WORKSPACE,
};
use mainstay_protocol::EffectId;

use super::guest::Guest;

/// Bound on one step.
const STEP_TIMEOUT_MS: u64 = 15 * 60 * 1000;
/// What is kept of what a step prints.
const STEP_OUTPUT_LIMIT_BYTES: usize = 16 * 1024;
/// What is told of a step that failed.
const MAX_TOLD_CHARS: usize = 2000;

/// Does it all, in order; the first step that fails is the error.
pub(super) async fn set_up(guest: &dyn Guest, setup: &SandboxSetup) -> Result<(), SandboxError> {
    for (path, content) in &setup.files {
        let content = STANDARD.decode(content).map_err(|error| {
            SandboxError::Invalid(format!("the environment's file {path} is not base64: {error}"))
        })?;
        guest.write_file(path, Bytes::from(content)).await?;
    }
    for (number, (what, argv)) in steps(setup).into_iter().enumerate() {
        let effect = EffectId::parse(&format!("eff_setup.{number}"));
        let exec = ExecRequest {
            effect: effect.expect("a number makes an id"),
            argv,
            cwd: WORKSPACE.to_owned(),
            env: setup.env.clone(),
            stdin: Bytes::new(),
            timeout_ms: STEP_TIMEOUT_MS,
            output_limit_bytes: STEP_OUTPUT_LIMIT_BYTES,
        };
        let output = guest.exec(exec, None).await?;
        check(&what, &output)?;
    }
    Ok(())
}

fn steps(setup: &SandboxSetup) -> Vec<(String, Vec<String>)> {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut steps = Vec::new();
    if !setup.python_packages.is_empty() {
        let mut argv = words(&["python3", "-m", "pip", "install", "--user", "--no-input"]);
        argv.extend(words(&["--break-system-packages", "--disable-pip-version-check", "--"]));
        argv.extend(setup.python_packages.iter().cloned());
        steps.push(("installing the environment's Python packages".to_owned(), argv));
    }
    if !setup.npm_packages.is_empty() {
        let prefix = format!("{WORKSPACE}/.local");
        let mut argv = words(&["npm", "install", "--global", "--prefix", &prefix]);
        argv.extend(words(&["--no-audit", "--no-fund", "--"]));
        argv.extend(setup.npm_packages.iter().cloned());
        steps.push(("installing the environment's npm packages".to_owned(), argv));
    }
    for (index, command) in setup.commands.iter().enumerate() {
        let what = format!("the environment's command {} ({command:?})", index + 1);
        steps.push((what, words(&["/bin/sh", "-c", command])));
    }
    steps
}

fn check(what: &str, output: &ExecOutput) -> Result<(), SandboxError> {
    let how = match output.end {
        ExecEnd::Exited { code: 0 } => return Ok(()),
        ExecEnd::Exited { code } => format!("ended with code {code}"),
        ExecEnd::Signalled { signal } => format!("was ended by signal {signal}"),
        ExecEnd::TimedOut => format!("took more than {} minutes", STEP_TIMEOUT_MS / 60_000),
        ExecEnd::OutOfMemory => "ran out of memory".to_owned(),
    };
    let said = match output.stderr.is_empty() {
        true => &output.stdout,
        false => &output.stderr,
    };
    let said = String::from_utf8_lossy(said);
    let said = said.trim();
    let skipped = said.chars().count().saturating_sub(MAX_TOLD_CHARS);
    let told: String = said.chars().skip(skipped).collect();
    Err(SandboxError::Invalid(format!("{what} {how}: {told}")))
}
