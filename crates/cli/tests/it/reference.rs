//! The pages of `docs/` that repeat what the binary says.
//!
//! Invariant: they are what the binary says. A page that is not leaves the right one in the build's
//! folder for temporary files, and the failure names the copy that sets it right.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mainstay_it::harness::Connection;
use serde_json::Value;

use crate::support::{Home, World};

const BEGIN: &str = "<!-- made from `mainstay config schema`; do not edit -->\n";
const END: &str = "<!-- end -->\n";

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// Compares a page with what it should be.
fn check(name: &str, expected: &str) {
    let path = page(name);
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    if is == expected {
        return;
    }
    let wanted = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&wanted, expected).expect("the right page");
    let (wanted, path) = (wanted.display(), path.display());
    panic!("docs/{name} is not what the binary says; this sets it right:\ncp {wanted} {path}");
}

#[tokio::test]
async fn the_command_line() {
    let home = Home::new();
    let mut text = String::from(
        "# The command line\n\nEvery command, as `--help` shows it. Made from the binary; a test \
         compares them.\n",
    );
    let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(command) = waiting.pop() {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let said = home.run(&arguments, &[]).await;
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        let name = ["mainstay"].into_iter().chain(command.iter().map(String::as_str));
        let name: Vec<&str> = name.collect();
        let help = said.stdout.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        let _ = write!(text, "\n## {}\n\n```text\n{}\n```\n", name.join(" "), help.trim_end());
        let has_examples = said.stdout.contains("Examples:\n");
        let is_leaf = !said.stdout.contains("\nCommands:\n");
        assert!(has_examples || !is_leaf || command[0] == "model", "{command:?} has no example");
        let inner = subcommands(&said.stdout).into_iter().rev();
        waiting.extend(inner.map(|word| [command.as_slice(), &[word]].concat()));
    }
    check("cli.md", &text);
}

/// The commands that a help text lists.
fn subcommands(help: &str) -> Vec<String> {
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let entries = list.lines().take_while(|line| !line.is_empty());
    // Further lines of a description are indented deeper.
    let names = entries.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_settings() {
    let schema = Home::new().run(&["config", "schema"], &[]).await.stdout;
    let schema: Value = serde_json::from_str(&schema).expect("the schema is JSON");
    let mut table = String::new();
    for section in ["server", "data", "limits", "tools", "compute", "vault", "log"] {
        let title = section[..1].to_uppercase() + &section[1..];
        let _ = write!(table, "\n### `[{section}]`\n\n{HEAD}");
        rows(&mut table, &schema["$defs"][&title], section);
    }
    let _ = write!(table, "\n### `[[providers]]`\n\n{HEAD}");
    rows(&mut table, &schema["$defs"]["Provider"], "");
    let _ = write!(table, "\n### `[[providers.models]]`\n\n{HEAD}");
    rows(&mut table, &schema["$defs"]["Model"], "");
    let _ = write!(table, "\n### `[providers.models.price]`\n\n{HEAD}");
    rows(&mut table, &schema["$defs"]["ModelPrice"], "");
    let _ = write!(table, "\n### `[tools.mcp_servers.NAME]`\n\n{HEAD}");
    rows(&mut table, &schema["$defs"]["McpServer"], "");
    let is = std::fs::read_to_string(page("configuration.md")).expect("docs/configuration.md");
    let (before, rest) = is.split_once(BEGIN).expect("the page has the mark of its tables");
    let (_, after) = rest.split_once(END).expect("the page has the mark behind its tables");
    check("configuration.md", &format!("{before}{BEGIN}{table}\n{END}{after}"));
}

const HEAD: &str = "| setting | default | what it is |\n|---|---|---|\n";

/// A definition's settings. Those of a section have an environment variable.
fn rows(table: &mut String, definition: &Value, section: &str) {
    let required: Vec<&str> =
        definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, setting) in definition["properties"].as_object().expect("settings") {
        let default = match &setting["default"] {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            // Depends on the user's home.
            _ if (section, name.as_str()) == ("data", "dir") => {
                "`~/.local/share/mainstay`".to_owned()
            }
            Value::Null => "unset".to_owned(),
            Value::String(text) => format!("`\"{text}\"`"),
            other => format!("`{other}`"),
        };
        let about = setting["description"].as_str().expect("settings are described");
        let about = about.replace('\n', " ");
        let variable = match section {
            "" => String::new(),
            section => format!("<br>`MAINSTAY_{}__{}`", section, name).to_uppercase(),
        };
        let variable = variable.replace("<BR>", "<br>");
        let _ = writeln!(table, "| `{name}`{variable} | {default} | {about} |");
    }
}

#[tokio::test]
async fn the_metrics() {
    let world = World::new().await;
    let server = world.start().await;
    let mut connection = Connection::open(&server.target).await.expect("a connection");
    let method = "GET".parse().expect("a method");
    let metrics = connection.call(method, "/metrics", &[], "").await.expect("an answer");
    let metrics = String::from_utf8(metrics.body.to_vec()).expect("text");
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut served: Vec<String> = types
        .map(|line| line.split_once(' ').expect("a name and a kind"))
        .map(|(name, kind)| format!("| `{name}` | {kind} |"))
        .collect();
    let operation = std::fs::read_to_string(page("operation.md")).expect("docs/operation.md");
    let rows = operation.lines().filter(|line| line.starts_with("| `mainstay_"));
    let mut told: Vec<String> =
        rows.map(|row| row.split('|').take(3).collect::<Vec<_>>().join("|") + "|").collect();
    served.sort();
    told.sort();
    assert_eq!(served, told, "docs/operation.md lists other metrics than the server has");
}

/// Each tool that the pages show makes an agent.
#[tokio::test]
async fn the_tools() {
    let mut world = World::new().await;
    let programs = "{ ledger = { command = \"true\" }, NAME = { command = \"true\" } }";
    let programs = ("MAINSTAY_TOOLS__MCP_SERVERS".to_owned(), programs.to_owned());
    world.setup.environment.push(programs);
    let server = world.start().await;
    let mut connection = Connection::open(&server.target).await.expect("a connection");
    for (name, expected_count) in [("tools.md", 6), ("api.md", 5)] {
        let blocks = blocks(name, "json");
        let values = blocks
            .iter()
            .flat_map(|block| serde_json::Deserializer::from_str(block).into_iter::<Value>());
        let values = values.map(|value| value.expect("the page's JSON is JSON"));
        let tools: Vec<Value> = values.filter(|value| value["type"].is_string()).collect();
        assert_eq!(tools.len(), expected_count, "{name}");
        for tool in tools {
            let body = serde_json::json!({"model": "scripted", "tools": [tool]});
            let made = connection.post("/v1/agents", &body).await;
            made.unwrap_or_else(|error| panic!("{name}: {tool}: {error:#}"));
        }
    }
}

/// Each piece of configuration that the pages show can be used.
#[tokio::test]
async fn the_pieces_of_configuration() {
    let home = Home::new();
    let pieces = ["tools.md", "models.md"].map(|name| blocks(name, "toml")).concat();
    assert_eq!(pieces.len(), 3);
    for piece in pieces {
        home.write("mainstay.toml", &piece);
        let arguments = ["config", "check", "--config", "mainstay.toml"];
        let said = home.run(&arguments, &[("LEDGER_TOKEN", "x")]).await;
        assert_eq!(said.code, Some(0), "{piece}: {}", said.shown());
    }
}

/// A page's blocks in a language.
fn blocks(name: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(page(name)).expect("the page");
    let begin = format!("```{language}\n");
    let blocks = text.split(&begin).skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.map(|(block, _)| block.to_owned()).collect()
}
