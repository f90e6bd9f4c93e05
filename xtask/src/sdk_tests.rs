//! `cargo xtask sdk-tests`: OpenAI's own tests of their SDK, unmodified, against the real binary.
//!
//! Invariant: every case passes but those that docs/compatibility.md names with a reason, and each of
//! those fails; the plugin in testing/it/openai_suite sees to it, and starts the servers.
//! Deliberately absent: cases that need no server are run too, because telling them apart would be a
//! second list.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::image;
use crate::process;
use crate::setup::{self, Purpose};
use crate::test;
use crate::workspace::Workspace;

/// The suite's files that are about what Mainstay serves.
const FILES: [&str; 10] = [
    "tests/api_resources/beta/agents",
    "tests/api_resources/beta/test_agents.py",
    "tests/api_resources/test_responses.py",
    "tests/api_resources/responses",
    "tests/api_resources/test_conversations.py",
    "tests/api_resources/conversations",
    "tests/api_resources/chat",
    "tests/api_resources/test_models.py",
    "tests/api_resources/test_webhooks.py",
    "tests/api_resources/webhooks",
];
/// Our plugin, and what it shares with our own tests.
const PLUGIN_FOLDERS: [&str; 2] = ["testing/it/openai_suite", "testing/it/python"];
const PLUGIN: &str = "literal_ids";
/// Each has a server of its own, because the cases use the same ids; a file's cases need the same
/// things and stay together.
const WORKERS: &str = "2";
const CASE_TIMEOUT_SECONDS: &str = "20";

/// Run OpenAI's own SDK tests against the server
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only cases whose names match, as `pytest -k` reads it: `sessions and not delete`
    pattern: Option<String>,
    /// Further arguments for pytest, such as `--tb short` to see where a case failed
    #[arg(last = true)]
    rest: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    setup::ensure(workspace, Purpose::Test)?;
    // One of the suite's things is an environment.
    image::ensure(workspace)?;
    process::run(workspace.cargo().args(test::BUILD_PROGRAMS))?;
    let mut pytest = command(workspace, &workspace.debug_binary("mainstay"))?;
    if let Some(pattern) = &arguments.pattern {
        pytest.args(["-k", pattern]);
    }
    process::run(pytest.args(&arguments.rest))
}

/// The run of all cases with this binary, by the Python that `setup` made.
pub(crate) fn command(workspace: &Workspace, binary: &Path) -> Result<Command> {
    let python = setup::python_interpreter(workspace)?;
    let plugins = PLUGIN_FOLDERS.map(|folder| workspace.root.join(folder));
    let mut command = Command::new(&python);
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", PLUGIN]);
    command.args(["-n", WORKERS, "--dist", "loadfile", "--durations", "0", "--durations-min", "5"]);
    command.args(["--timeout", CASE_TIMEOUT_SECONDS, "--tb", "line"]).args(FILES);
    command.current_dir(setup::openai_suite(workspace)?);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("MAINSTAY_BIN", binary);
    command.env("PYTHONPATH", std::env::join_paths(plugins)?);
    Ok(command)
}
