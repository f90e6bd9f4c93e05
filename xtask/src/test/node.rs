//! What is run by Node: our tests with the TypeScript SDK, and the MCP conformance suite.
//!
//! Invariant: every program comes from the pinned packages that `setup` installed.

use std::process::Command;

use anyhow::Result;

use crate::setup;
use crate::workspace::Workspace;

const TEST_TIMEOUT_MS: &str = "60000";
const COMPILER: &str = "node_modules/typescript/bin/tsc";
const CONFORMANCE: &str = "node_modules/@modelcontextprotocol/conformance/dist/index.js";
/// The revisions of MCP whose requirements the client is held to. Scenarios that it is known to fail
/// stand in testing/it/mcp, with the reason.
pub(super) const MCP_REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];
/// The program of mainstay-adapters that is the suite's client command.
pub(super) const MCP_CLIENT: &str = "mcp_conformance_client";

/// The SDK's types are half of what is tested.
pub(super) fn types(workspace: &Workspace) -> Result<Command> {
    node(workspace, &[COMPILER, "-p", "."])
}

pub(super) fn tests(workspace: &Workspace) -> Result<Command> {
    let arguments =
        ["--test", "--test-timeout", TEST_TIMEOUT_MS, "--test-reporter=spec", "*.test.ts"];
    let mut command = node(workspace, &arguments)?;
    command.env("MAINSTAY_BIN", workspace.debug_binary("mainstay"));
    Ok(command)
}

pub(super) fn mcp_client(workspace: &Workspace, revision: &str) -> Result<Command> {
    let client = workspace.debug_binary("examples").join(MCP_CLIENT);
    let results = workspace.target_dir.join("mcp-conformance").join(revision);
    let known = workspace.root.join("testing/it/mcp").join(format!("{revision}.yaml"));
    let mut command = node(workspace, &[CONFORMANCE, "client", "--requirements", revision])?;
    command.arg("--command").arg(client).arg("-o").arg(results);
    command.arg("--expected-failures").arg(known);
    Ok(command)
}

fn node(workspace: &Workspace, arguments: &[&str]) -> Result<Command> {
    let python = setup::python_interpreter(workspace)?;
    let mut command = Command::new(python.with_file_name("node"));
    command.args(arguments).current_dir(setup::node_tests(workspace));
    Ok(command)
}
