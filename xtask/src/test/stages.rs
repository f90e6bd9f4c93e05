//! The stages, in the order in which they run: what is quickest to tell first.
//!
//! Invariant: a stage that needs the built programs fails at once when their build failed, instead of
//! testing older ones.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};

use super::node;
use super::tally::{Summary, Tally};
use crate::image;
use crate::process;
use crate::quickstart;
use crate::sdk_tests;
use crate::setup;
use crate::tidy;
use crate::workspace::Workspace;

/// With the tests, because cargo then settles features as it does for nextest and builds every
/// dependency once.
pub(crate) const BUILD_PROGRAMS: [&str; 4] = ["build", "--workspace", "--bins", "--tests"];
/// Seeds of the simulation in one run of the tests.
const SIMULATED_SEEDS: u32 = 2_000;
const SDK_TESTS: &str = "testing/it/python";
const SDK_TEST_TIMEOUT_SECONDS: u32 = 120;
const OPENAPI_TESTS: &str = "testing/it/openapi";
/// All operations together; the first test waits for them.
const OPENAPI_TEST_TIMEOUT_SECONDS: u32 = 400;
const MODEL_TESTS: &str = "testing/it/model";
/// A model that computes on a busy machine needs minutes for what it does in seconds on a quiet one.
const MODEL_TEST_TIMEOUT_SECONDS: u32 = 900;

/// The adapter's tests with the feature, the real model's among them, built as the binary is, so that
/// the library behind it is compiled once.
const MODEL_ADAPTER_TESTS: [&str; 11] = [
    "nextest",
    "run",
    "--release",
    "--package",
    "mainstay-adapters",
    "--features",
    "embedded-model",
    "--profile",
    "ci",
    "--filterset",
    "test(/embedded/)",
];

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
    Stage {
        name: "openapi",
        about: "Schemathesis over the document, against the real binary",
        is_quick: false,
        run: openapi,
    },
    Stage {
        name: "sdk-node",
        about: "the TypeScript SDK against the real binary",
        is_quick: false,
        run: sdk_node,
    },
    Stage {
        name: "sdk-suite",
        about: "OpenAI's own tests against the real binary",
        is_quick: false,
        run: sdk_suite,
    },
    Stage {
        name: "mcp",
        about: "the MCP conformance suite against our client",
        is_quick: false,
        run: mcp,
    },
    Stage {
        name: "model",
        about: "the embedded model itself, and the quickstart with it",
        is_quick: false,
        run: model,
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
        let build = counted(&mut self.cargo(&BUILD_PROGRAMS), Summary::None)?;
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
    // Sandboxes are tested with what they are really made from.
    image::ensure(context.workspace)?;
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
    image::ensure(context.workspace)?;
    let binary = context.workspace.debug_binary("mainstay");
    pytest(context, SDK_TESTS, SDK_TEST_TIMEOUT_SECONDS, &binary)
}

fn openapi(context: &mut Context<'_>) -> Result<Tally> {
    context.ensure_built()?;
    let binary = context.workspace.debug_binary("mainstay");
    pytest(context, OPENAPI_TESTS, OPENAPI_TEST_TIMEOUT_SECONDS, &binary)
}

fn sdk_node(context: &mut Context<'_>) -> Result<Tally> {
    context.ensure_built()?;
    image::ensure(context.workspace)?;
    let types = counted(&mut node::types(context.workspace)?, Summary::None)?;
    Ok(types + counted(&mut node::tests(context.workspace)?, Summary::Node)?)
}

fn mcp(context: &mut Context<'_>) -> Result<Tally> {
    context.ensure_built()?;
    let build = [&BUILD_PROGRAMS[..], &["--example", node::MCP_CLIENT]].concat();
    let mut tally = counted(&mut context.cargo(&build), Summary::None)?;
    for revision in node::MCP_REVISIONS {
        tally =
            tally + counted(&mut node::mcp_client(context.workspace, revision)?, Summary::None)?;
    }
    Ok(tally)
}

fn sdk_suite(context: &mut Context<'_>) -> Result<Tally> {
    context.ensure_built()?;
    image::ensure(context.workspace)?;
    let binary = context.workspace.debug_binary("mainstay");
    counted(&mut sdk_tests::command(context.workspace, &binary)?, Summary::Pytest)
}

/// Fails where the model cannot be had, because then nothing was tested. In release, because a model
/// that computes unoptimised is too slow to wait for.
fn model(context: &mut Context<'_>) -> Result<Tally> {
    let workspace = context.workspace;
    quickstart::build_with_model(workspace)?;
    let binary = workspace.release_binary("mainstay");
    let python = setup::python_interpreter(workspace)?;
    let mut pull = Command::new(&binary);
    pull.args(["model", "pull"]).env("PATH", workspace.path_with_python(&python));
    let pulled = counted(&mut pull, Summary::None)?;
    ensure!(pulled.failed == 0, "the embedded model could not be had");
    let adapter = counted(&mut context.cargo(&MODEL_ADAPTER_TESTS), Summary::Nextest)?;
    // What the filter left out ran in the stage `nextest`.
    let adapter = Tally { skipped: 0, ..adapter };
    Ok(pulled + adapter + pytest(context, MODEL_TESTS, MODEL_TEST_TIMEOUT_SECONDS, &binary)?)
}

/// Tests of `folder` with this binary, by the Python that `setup` made.
fn pytest(
    context: &Context<'_>,
    folder: &str,
    timeout_seconds: u32,
    binary: &Path,
) -> Result<Tally> {
    let python = setup::python_interpreter(context.workspace)?;
    let mut command = Command::new(&python);
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "--timeout"]);
    command.arg(timeout_seconds.to_string()).arg(folder).current_dir(&context.workspace.root);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("MAINSTAY_BIN", binary);
    // Commands that tests run as they are printed find this Python too.
    command.env("PATH", context.workspace.path_with_python(&python));
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
