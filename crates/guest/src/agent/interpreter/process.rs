//! The process of one interpreter.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Stdio};
use std::time::Duration;

use mainstay_guest::{Language, Problem};
use rustix::process::{Signal, kill_process};

use crate::agent::children::pid;
use crate::agent::exec::{Tree, cannot_start, program};
use crate::agent::service::Service;

/// A program that does not read what it is sent is broken.
const WRITE_TIMEOUT_MS: u64 = 10_000;

const PYTHON: &str = include_str!("python.py");
const JAVASCRIPT: &str = include_str!("javascript.js");

/// Has the socket as descriptor 3 and nothing as standard input, then is the interpreter.
const LAUNCH: &str = "exec \"$@\" 3<&0 0</dev/null";

pub(super) struct Process {
    pub(super) child: Child,
    pub(super) control: UnixStream,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
    /// Whether code ran in it, so that it may have variables.
    pub(super) has_run: bool,
    /// The variables that it has.
    env: BTreeMap<String, String>,
    /// Whether it draws fresh randomness before it runs code.
    needs_seed: bool,
}

impl Process {
    pub(super) fn start(service: &Service, language: Language) -> Result<Self, Problem> {
        let (own, theirs) = UnixStream::pair().map_err(|error| {
            Problem::Broken(format!("make a socket for an interpreter: {error}"))
        })?;
        let env = env(service);
        let (name, arguments) = match language {
            Language::Python => ("python3", ["-c", PYTHON]),
            Language::Javascript => ("node", ["-e", JAVASCRIPT]),
        };
        // Looked for first, so that what is missing is named and not the shell's complaint.
        program(&[name.to_owned()], CWD, &env)?;
        let argv: Vec<String> = ["sh", "-c", LAUNCH, "sh", name]
            .iter()
            .chain(&arguments)
            .map(|&part| part.to_owned())
            .collect();
        let child = spawn(service, &argv, &env, theirs.into())?;
        let prepared = own
            .set_write_timeout(Some(Duration::from_millis(WRITE_TIMEOUT_MS)))
            .and_then(|()| own.set_nonblocking(false));
        prepared.map_err(|error| Problem::Broken(format!("set up an interpreter: {error}")))?;
        Self::of(child, own, env)
    }

    fn of(
        mut child: Child,
        control: UnixStream,
        env: BTreeMap<String, String>,
    ) -> Result<Self, Problem> {
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Problem::Broken("an interpreter has no outputs".to_owned()));
        };
        Ok(Self { child, control, stdout, stderr, has_run: false, env, needs_seed: false })
    }

    /// Has it draw fresh randomness: at once where code ran that may draw from it, and else when code is
    /// about to. A new machine's interpreter then stays as it was until it is needed.
    pub(super) fn reseed(&mut self) {
        self.needs_seed = true;
        if self.has_run {
            let _ = self.seed();
        }
    }

    /// Sends code. What commands have as variables now it has too: it may have begun in a template, or
    /// before the machine was given a secret's placeholder.
    pub(super) fn run(&mut self, service: &Service, source: &str) -> std::io::Result<()> {
        self.renew(env(service))?;
        if self.needs_seed {
            self.seed()?;
        }
        self.has_run = true;
        self.send(&serde_json::json!({ "op": "run", "source": source }))
    }

    fn renew(&mut self, env: BTreeMap<String, String>) -> std::io::Result<()> {
        let is_new = |(name, value): &(&String, &String)| self.env.get(*name) != Some(value);
        let set: BTreeMap<_, _> = env.iter().filter(is_new).collect();
        let unset: Vec<_> = self.env.keys().filter(|name| !env.contains_key(*name)).collect();
        if !set.is_empty() || !unset.is_empty() {
            self.send(&serde_json::json!({ "op": "env", "set": set, "unset": unset }))?;
        }
        self.env = env;
        Ok(())
    }

    fn seed(&mut self) -> std::io::Result<()> {
        self.send(&serde_json::json!({ "op": "reseed" }))?;
        self.needs_seed = false;
        Ok(())
    }

    fn send(&mut self, request: &serde_json::Value) -> std::io::Result<()> {
        let text = request.to_string();
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let mut frame = length.to_le_bytes().to_vec();
        frame.extend_from_slice(text.as_bytes());
        self.control.write_all(&frame)
    }

    pub(super) fn interrupt(&self) {
        let _ = kill_process(pid(&self.child), Signal::INT);
    }

    /// Ends it with all that it started, and says how it ended.
    pub(super) fn kill(mut self, service: &Service) -> String {
        Tree::of(pid(&self.child)).kill();
        match service.children.wait(&mut self.child) {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

const CWD: &str = "/workspace";

const OWN_VARIABLES: [(&str, &str); 1] = [("MPLBACKEND", "Agg")];

fn env(service: &Service) -> BTreeMap<String, String> {
    let mut env = service.env();
    env.extend(OWN_VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned())));
    env
}

fn spawn(
    service: &Service,
    argv: &[String],
    env: &BTreeMap<String, String>,
    control: OwnedFd,
) -> Result<Child, Problem> {
    let mut command = program(argv, CWD, env)?;
    command
        .process_group(0)
        .stdin(Stdio::from(control))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    service.children.spawn(&mut command).map_err(|error| cannot_start(&argv[4], &error))
}
