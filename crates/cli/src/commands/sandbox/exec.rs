//! `mainstay sandbox exec`
//!
//! Invariant: what the command prints goes to the same stream here, once, whether it came while the
//! command ran or with its end.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};

use mainstay_client::{ExecDone, ExecEvent, NewExec};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;
use crate::reach::{self, Target};
use crate::screen;

/// The most that is read from standard input.
const MAX_INPUT_BYTES: u64 = 1_048_576;

/// Run a command in a session's machine, which is made if it is not there
///
/// Its outputs are shown as they come, and its exit code is this command's. The journal says who ran it
/// and how it ended; what it changed in /workspace is saved. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sandbox exec ses_01h… -- ls -l
  mainstay sandbox exec ses_01h… -- bash -c 'du -sh * | sort -h'
  mainstay sandbox exec ses_01h… --stdin -- tee notes.txt < notes.txt
  mainstay sandbox exec ses_01h… --json -- true | jq .exit_code")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// Program and arguments; no shell reads them
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// Working folder [default: /workspace]
    #[arg(long, value_name = "FOLDER")]
    cwd: Option<String>,
    /// A variable for the command; may be given again
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Give it what comes on standard input (text, up to 1 MiB)
    #[arg(long)]
    stdin: bool,
    /// Its time in milliseconds [default: 120000]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout_ms: Option<u64>,
    /// Print one JSON object when it has ended, with all that is kept of its outputs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "a variable is written NAME=VALUE".to_owned())
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let exec = NewExec {
        command: arguments.command.clone(),
        cwd: arguments.cwd.clone(),
        env: arguments.env.iter().cloned().collect::<BTreeMap<_, _>>(),
        stdin: if arguments.stdin { input()? } else { String::new() },
        timeout_ms: arguments.timeout_ms,
    };
    let done = context::block_on(follow(context, arguments, &exec))?;
    if done.end == "timed_out" {
        output::note("the command was killed: its time was over (--timeout-ms gives it more)");
    } else if done.end == "out_of_memory" {
        output::note("the command was killed: the machine's memory ran out");
    }
    Failure::of_command(done.exit_code, done.signal)
}

fn input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(Failure::usage(format!(
            "standard input is longer than {MAX_INPUT_BYTES} bytes"
        )));
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage("standard input is not text"))
}

async fn follow(
    context: &Context,
    arguments: &Arguments,
    exec: &NewExec,
) -> Result<ExecDone, Failure> {
    let client = reach::client(context, &arguments.target)?;
    let mut running = client.exec(&arguments.session, exec).await?;
    let mut shown = Shown::default();
    while let Some(event) = running.next().await? {
        match event {
            ExecEvent::Output { stream, delta } if !arguments.json => {
                shown.more(&stream, &delta)?;
            }
            ExecEvent::Ended { exec } => {
                if arguments.json {
                    output::line(json(&exec))?;
                } else {
                    shown.rest("stdout", &exec.stdout, exec.stdout_omitted_bytes)?;
                    shown.rest("stderr", &exec.stderr, exec.stderr_omitted_bytes)?;
                }
                return Ok(exec);
            }
            ExecEvent::Error { error } => return Err(Failure::new(error.message)),
            ExecEvent::Begun { .. } | ExecEvent::Output { .. } | ExecEvent::Other => {}
        }
    }
    Err(Failure::new("the server left before the command ended")
        .hint("`mainstay journal show` says what became of it"))
}

fn json(exec: &ExecDone) -> String {
    serde_json::json!({
        "end": exec.end, "exit_code": exec.exit_code, "signal": exec.signal,
        "stdout": exec.stdout, "stderr": exec.stderr,
        "stdout_omitted_bytes": exec.stdout_omitted_bytes,
        "stderr_omitted_bytes": exec.stderr_omitted_bytes,
        "duration_ms": exec.duration_ms,
    })
    .to_string()
}

/// What was printed of each output.
#[derive(Default)]
struct Shown {
    stdout: String,
    stderr: String,
}

impl Shown {
    fn more(&mut self, stream: &str, text: &str) -> Result<(), Failure> {
        if stream == "stderr" {
            self.stderr.push_str(text);
            output::error(&for_eyes(text, std::io::stderr().is_terminal()));
        } else {
            self.stdout.push_str(text);
            output::text(for_eyes(text, std::io::stdout().is_terminal()))?;
        }
        Ok(())
    }

    /// What did not come while the command ran.
    fn rest(&mut self, stream: &str, whole: &str, omitted_bytes: u64) -> Result<(), Failure> {
        let shown = if stream == "stderr" { &self.stderr } else { &self.stdout };
        if omitted_bytes > 0 {
            output::note(format!(
                "{stream} was longer: {omitted_bytes} bytes of its middle are not kept"
            ));
        }
        // Where what came is no beginning of what is kept, it was more than that.
        match whole.strip_prefix(shown.as_str()).map(str::to_owned) {
            Some(rest) if !rest.is_empty() => self.more(stream, &rest),
            Some(_) | None => Ok(()),
        }
    }
}

/// A person's terminal is not steered by what is in the machine; a pipe gets what there is.
fn for_eyes(text: &str, is_terminal: bool) -> String {
    if is_terminal { screen::harmless(text).into_owned() } else { text.to_owned() }
}
