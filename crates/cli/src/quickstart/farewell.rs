//! What to type next.
//!
//! Invariant: the lines work as they are printed, in the shell the quickstart was started from.

use std::path::{Path, PathBuf};

use super::display::{Display, Tone};

/// Where everything is.
pub(super) struct Next<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) config: &'a Path,
    pub(super) url: &'a str,
    pub(super) agent: &'a str,
    pub(super) session: &'a str,
}

impl Next<'_> {
    /// The line that starts the server again.
    pub(super) fn serve(&self) -> String {
        format!("{} serve --config {}", shown(self.program), shown(self.config))
    }

    /// The three lines.
    pub(super) fn lines(&self) -> [(&'static str, String); 3] {
        let (url, agent) = (self.url, self.agent);
        let key = shown(&self.folder.join("key"));
        let curl = format!(
            "curl -N {url}/v1/agents/sessions -H \"Authorization: Bearer $(cat {key})\" \
             -H 'Content-Type: application/json' -d '{{\"agent_id\": \"{agent}\", \"environment\": \
             {{\"type\": \"none\"}}, \"input\": \"Who is customer C-07?\", \"stream\": true}}'"
        );
        let python = format!(
            "python3 -c 'from openai import OpenAI; client = OpenAI(base_url=\"{url}/v1\", \
             api_key=open(\"{key}\").read().strip()); [print(event.delta, end=\"\", flush=True) for \
             event in client.beta.agents.sessions.create(agent_id=\"{agent}\", environment={{\"type\": \
             \"none\"}}, input=\"Who is customer C-07?\", stream=True) if \
             event.type.endswith(\"output_text.delta\")]'"
        );
        let chat = format!(
            "{} chat --data-dir {} --session {}",
            shown(self.program),
            shown(self.folder),
            self.session
        );
        [
            ("curl", curl),
            ("the OpenAI Python SDK (pip install 'openai>=3.54')", python),
            ("the command line, in the same session", chat),
        ]
    }

    pub(super) fn show(&self, display: &mut Display) -> std::io::Result<()> {
        display.heading("Talk to it")?;
        for (name, line) in self.lines() {
            display.line(Tone::Quiet, &format!("# {name}"))?;
            display.command(&line)?;
        }
        Ok(())
    }
}

/// A path as short as it can be said from here, quoted where a shell needs it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let inner = here.and_then(|here| path.strip_prefix(here).map(PathBuf::from).ok());
    let mut text = inner.as_deref().unwrap_or(path).to_string_lossy().into_owned();
    if !text.contains('/') {
        text = format!("./{text}");
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
