//! The stages, in the order in which they run: what is quickest to tell first.
//!
//! Invariant: a stage that needs the built programs fails at once when their build failed, instead of
//! testing older ones.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};

use super::tally::{Summary, Tally};
use crate::process;
use crate::setup;
use crate::tidy;
use crate::workspace::Workspace;

/// Seeds of the simulation in one run of the tests.
const SIMULATED_SEEDS: u32 = 2_000;
const SDK_TESTS: &str = "testing/it/python";
const SDK_TEST_TIMEOUT_SECONDS: u32 = 120;

pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Whether it belongs to the short selection.
    pub(super) is_quick: bool,
    pub(super) run: fn(&mut Context<'_>) -> Result<Tally>,
}

pub(super) const ALL: &[Stage] = &[
    Stage { name: "fmt", about: "the code is formatted", is_quick: true, run: fmt },
    Stage { name: "tidy", about: "the house rules hold", is_quick: true, run: tidy },
    Stage {
        name: "deny",
        about: "licences, sources and bans of dependencies",
        is_quick: false,
        run: deny,
    },
    Stage { name: "clippy", about: "no warnings", is_quick: true, run: clippy },
    Stage { name: "build", about: "the programs that tests start", is_quick: true, run: build },
    Stage { name: "nextest", about: "unit and integration tests", is_quick: true, run: nextest },
    Stage { name: "doctests", about: "examples in documentation", is_quick: false, run: doctests },
    Stage {
        name: "sim",
        about: "seeded simulation of the runtime",
        is_quick: false,
        run: simulation,
    },
    Stage {
        name: "sdk",
        about: "official SDKs against the real binary",
        is_quick: false,
        run: sdk,
    },
];

/// The names of all stages.
pub(super) fn names() -> Vec<&'static str> {
    ALL.iter().map(|stage| stage.name).collect()
}

/// What one stage leaves for the next.
pub(super) struct Context<'a> {
    workspace: &'a Workspace,
    built: Built,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Built {
    NotYet,
    Yes,
    Failed,
}

impl<'a> Context<'a> {
    pub(super) fn new(workspace: &'a Workspace) -> Self {
        Self { workspace, built: Built::NotYet }
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.workspace.cargo();
        command.args(arguments).env("MAINSTAY_BIN", self.workspace.debug_binary("mainstay"));
        command
    }

    /// Builds the programs unless that was done, or has failed, already.
    fn ensure_built(&mut self) -> Result<()> {
        match self.built {
            Built::Yes => return Ok(()),
            Built::Failed => bail!("this stage needs the programs, whose build failed"),
            Built::NotYet => {}
        }
        self.built = Built::Failed;
        // With the tests, because cargo then settles features as it does for nextest and builds
        // every dependency once.
        let build = counted(
            &mut self.cargo(&["build", "--workspace", "--bins", "--tests"]),
            Summary::None,
        )?;
        ensure!(build.failed == 0, "building the programs failed");
        self.built = Built::Yes;
        Ok(())
    }
}

fn fmt(context: &mut Context<'_>) -> Result<Tally> {
    counted(&mut context.cargo(&["fmt", "--all", "--check"]), Summary::None)
}

fn tidy(context: &mut Context<'_>) -> Result<Tally> {
    let (passed, failed) = tidy::count(context.workspace)?;
    Ok(Tally { passed, failed, skipped: 0 })
}

/// Advisories are left to a person or a schedule: they need a database from the network, and change
/// the result of an unchanged commit.
fn deny(context: &mut Context<'_>) -> Result<Tally> {
    let arguments = ["deny", "--log-level", "error", "check", "bans", "licenses", "sources"];
    counted(&mut context.cargo(&arguments), Summary::None)
}

fn clippy(context: &mut Context<'_>) -> Result<Tally> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    counted(&mut context.cargo(&arguments), Summary::None)
}

fn build(context: &mut Context<'_>) -> Result<Tally> {
    context.ensure_built()?;
    Ok(Tally::success())
}

fn nextest(context: &mut Context<'_>) -> Result<Tally> {
    context.ensure_built()?;
    let arguments = ["nextest", "run", "--workspace", "--profile", "ci"];
    counted(&mut context.cargo(&arguments), Summary::Nextest)
}

fn doctests(context: &mut Context<'_>) -> Result<Tally> {
    counted(&mut context.cargo(&["test", "--workspace", "--doc"]), Summary::Libtest)
}

fn simulation(context: &mut Context<'_>) -> Result<Tally> {
    context.ensure_built()?;
    let mut command = Command::new(context.workspace.debug_binary("mainstay-sim"));
    command.args(["--seeds", &SIMULATED_SEEDS.to_string()]).current_dir(&context.workspace.root);
    counted(&mut command, Summary::Plain)
}

fn sdk(context: &mut Context<'_>) -> Result<Tally> {
    context.ensure_built()?;
    let mut command = Command::new(setup::python_interpreter(context.workspace)?);
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout"]);
    command.arg(SDK_TEST_TIMEOUT_SECONDS.to_string()).arg(SDK_TESTS);
    command.current_dir(&context.workspace.root).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("MAINSTAY_BIN", context.workspace.debug_binary("mainstay"));
    counted(&mut command, Summary::Pytest)
}

/// Runs a program, passes its output on as it comes, and counts what its summary lines say.
fn counted(command: &mut Command, summary: Summary) -> Result<Tally> {
    println!("$ {}", process::line(command));
    if io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always").env("PY_COLORS", "1");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().with_context(|| format!("starting `{}`", process::line(command)))?;
    let stdout = child.stdout.take().context("taking the program's standard output")?;
    let stderr = child.stderr.take().context("taking the program's standard error")?;
    let seen = thread::scope(|scope| {
        let errors = scope.spawn(|| forward(stderr, &mut io::stderr(), summary));
        let output = forward(stdout, &mut io::stdout(), summary)?;
        Ok::<_, anyhow::Error>(join(output, errors.join().expect("forwarding does not panic")?))
    })?;
    let status = child.wait().context("waiting for the program")?;
    Ok(judge(seen, status.success()))
}

/// The program's exit status has the last word.
fn judge(seen: Option<Tally>, succeeded: bool) -> Tally {
    match (seen, succeeded) {
        (Some(tally), true) => tally,
        (Some(tally), false) if tally.failed > 0 => tally,
        (Some(tally), false) => tally + Tally::failure(),
        (None, true) => Tally::success(),
        (None, false) => Tally::failure(),
    }
}

/// Returns the sum of the summaries, or nothing if there was none.
fn forward(source: impl Read, sink: &mut impl Write, summary: Summary) -> Result<Option<Tally>> {
    let mut reader = BufReader::new(source);
    let mut line = Vec::new();
    let mut seen = None;
    while reader.read_until(b'\n', &mut line).context("reading the program's output")? > 0 {
        sink.write_all(&line).context("passing the program's output on")?;
        seen = join(seen, summary.read(&String::from_utf8_lossy(&line)));
        line.clear();
    }
    Ok(seen)
}

fn join(left: Option<Tally>, right: Option<Tally>) -> Option<Tally> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left + right),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
#[path = "stages_tests.rs"]
mod tests;
