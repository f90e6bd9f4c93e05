//! The file tools, on the files of the session's machine. They are the tools of a workspace without a
//! machine, and read alike; a path may also be absolute, since the machine is the session's own.

use std::collections::BTreeMap;
use std::io::Cursor;

use bytes::Bytes;
use mainstay_core::port::{
    ExecEnd, ExecRequest, FileInfo, FileKind, Readiness, SandboxError, SandboxRequest, Sandboxes,
    ToolCall, ToolError, ToolOutput, WORKSPACE,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::{answer, failed_call};
use crate::tool::files::{EditArguments, Edited, Tool, Window, window_of};
use crate::tool::output::{MAX_OUTPUT_BYTES, bounded_error, terminal};

/// The longest path, in bytes.
const MAX_PATH_BYTES: usize = 4_096;
/// The most of a file that one call looks at.
const MAX_READ_BYTES: usize = 8_388_608;
/// The largest file that one call writes or edits, in bytes.
const MAX_WRITE_BYTES: usize = 1_048_576;
/// The most entries that one call lists.
const MAX_LIST_ENTRIES: usize = 1_000;
/// How long one call looks for a text.
const SEARCH_TIMEOUT_MS: u64 = 50_000;
/// The most bytes of one found line that are shown.
const MAX_SHOWN_LINE_BYTES: &str = "300";

/// Why a call is not answered: told to the model, or a failure of the machine.
enum Stop {
    Model(String),
    Machine(SandboxError),
}

impl From<SandboxError> for Stop {
    fn from(error: SandboxError) -> Self {
        Self::Machine(error)
    }
}

type Answered = Result<(String, Readiness), Stop>;

pub(super) async fn call(
    sandboxes: &dyn Sandboxes,
    request: &SandboxRequest,
    call: &ToolCall,
) -> Result<ToolOutput, ToolError> {
    let Some(tool) = Tool::named(&call.spec.remote_name) else {
        return Err(terminal(format!("there is no tool {:?} of a machine", call.spec.remote_name)));
    };
    let at = Machine { sandboxes, request };
    let answered = match tool {
        Tool::Read => at.read(call).await,
        Tool::Write => at.write(call).await,
        Tool::Edit => at.edit(call).await,
        Tool::List => at.list(call).await,
        Tool::Search => at.search(call).await,
    };
    match answered {
        Ok((text, readiness)) => Ok(answer(readiness, &text, false)),
        Err(Stop::Model(text)) => Ok(bounded_error(text)),
        Err(Stop::Machine(error)) => failed_call(&error, call),
    }
}

struct Machine<'a> {
    sandboxes: &'a dyn Sandboxes,
    request: &'a SandboxRequest,
}

#[derive(Deserialize)]
struct Read {
    path: String,
    #[serde(flatten)]
    window: Window,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Write {
    path: String,
    content: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    path: String,
    #[serde(default)]
    recursive: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    text: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    regex: bool,
}

impl Machine<'_> {
    async fn read(&self, call: &ToolCall) -> Answered {
        let arguments: Read = arguments(call)?;
        let path = path(&arguments.path)?;
        let (bytes, info, readiness) =
            self.sandboxes.read_file(self.request, &path, 0, MAX_READ_BYTES).await?;
        if bytes.contains(&0) {
            let size_bytes = info.size_bytes;
            return Err(Stop::Model(format!(
                "read {path:?}: it is a binary file of {size_bytes} bytes"
            )));
        }
        let read_bytes = bytes.len();
        let text = window_of(&mut Cursor::new(bytes), &arguments.window, info.size_bytes);
        let mut text = text.map_err(|error| Stop::Model(format!("read {path:?}: {error}")))?;
        if (read_bytes as u64) < info.size_bytes {
            text.push_str(&format!(
                "\n[only the first {read_bytes} bytes of the file can be read so; use the shell for the rest]"
            ));
        }
        Ok((text, readiness))
    }

    async fn write(&self, call: &ToolCall) -> Answered {
        let arguments: Write = arguments(call)?;
        let path = path(&arguments.path)?;
        let size_bytes = arguments.content.len();
        if size_bytes > MAX_WRITE_BYTES {
            let text = format!("the content has {size_bytes} bytes, more than {MAX_WRITE_BYTES}");
            return Err(Stop::Model(text));
        }
        let content = Bytes::from(arguments.content);
        let readiness = self.sandboxes.write_file(self.request, &path, content).await?;
        Ok((format!("wrote {size_bytes} bytes to {}", arguments.path), readiness))
    }

    async fn edit(&self, call: &ToolCall) -> Answered {
        let arguments: EditArguments = arguments(call)?;
        let path = path(&arguments.path)?;
        let (bytes, info, readiness) =
            self.sandboxes.read_file(self.request, &path, 0, MAX_WRITE_BYTES).await?;
        if (bytes.len() as u64) < info.size_bytes {
            let text = format!("edit {path:?}: it has more than {MAX_WRITE_BYTES} bytes");
            return Err(Stop::Model(text));
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Err(Stop::Model(format!("edit {path:?}: it is not a text in UTF-8")));
        };
        let edited = arguments.apply(text, call.attempt).map_err(Stop::Model)?;
        if let Edited::Changed(text) = edited {
            self.sandboxes.write_file(self.request, &path, Bytes::from(text)).await?;
        }
        Ok((arguments.done(), readiness))
    }

    async fn list(&self, call: &ToolCall) -> Answered {
        let arguments: List = arguments(call)?;
        let folder = path(&arguments.path)?;
        let (files, readiness) = self
            .sandboxes
            .list_files(self.request, &folder, arguments.recursive, None, MAX_LIST_ENTRIES + 1)
            .await?;
        let mut lines: Vec<String> =
            files.iter().take(MAX_LIST_ENTRIES).map(|file| line(file, &arguments.path)).collect();
        if files.len() > MAX_LIST_ENTRIES {
            lines.push(format!("[cut: more than {MAX_LIST_ENTRIES} entries]"));
        }
        if lines.is_empty() {
            lines.push("(empty)".to_owned());
        }
        Ok((lines.join("\n"), readiness))
    }

    async fn search(&self, call: &ToolCall) -> Answered {
        let arguments: Search = arguments(call)?;
        let place = if arguments.path.is_empty() { "." } else { &arguments.path };
        path(place)?;
        let mut argv: Vec<String> = ["rg", "--line-number", "--no-heading", "--with-filename"]
            .into_iter()
            .chain(["--color=never", "--ignore-case", "--hidden", "--no-ignore", "--sort=path"])
            .chain(["--max-columns", MAX_SHOWN_LINE_BYTES, "--max-columns-preview"])
            .map(str::to_owned)
            .collect();
        if !arguments.regex {
            argv.push("--fixed-strings".to_owned());
        }
        argv.extend(["--".to_owned(), arguments.text.clone(), place.to_owned()]);
        let exec = ExecRequest {
            effect: call.effect.clone(),
            argv,
            cwd: WORKSPACE.to_owned(),
            env: BTreeMap::new(),
            stdin: Bytes::new(),
            timeout_ms: SEARCH_TIMEOUT_MS,
            output_limit_bytes: MAX_OUTPUT_BYTES / 2,
        };
        let (output, readiness) = self.sandboxes.exec(self.request, exec, None).await?;
        let mut text = String::from_utf8_lossy(&output.stdout).replace("\n./", "\n");
        if let Some(rest) = text.strip_prefix("./") {
            text = rest.to_owned();
        }
        match output.end {
            ExecEnd::Exited { code: 0 } if output.stdout_omitted_bytes == 0 => {
                Ok((text, readiness))
            }
            ExecEnd::Exited { code: 0 } => {
                text.push_str("\n[cut: there is more; look for something narrower]");
                Ok((text, readiness))
            }
            ExecEnd::Exited { code: 1 } => {
                Ok((format!("no line contains {:?}", arguments.text), readiness))
            }
            ExecEnd::Exited { .. } => {
                Err(Stop::Model(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()))
            }
            ExecEnd::TimedOut | ExecEnd::OutOfMemory | ExecEnd::Signalled { .. } => Err(
                Stop::Model("the search was too large; look in a folder or for less".to_owned()),
            ),
        }
    }
}

fn arguments<A: DeserializeOwned>(call: &ToolCall) -> Result<A, Stop> {
    A::deserialize(&*call.arguments)
        .map_err(|error| Stop::Model(format!("the arguments do not fit: {error}")))
}

fn path(text: &str) -> Result<String, Stop> {
    machine_path(text).map_err(Stop::Model)
}

/// The absolute path that a model means; a relative one begins in the workspace.
pub(super) fn machine_path(text: &str) -> Result<String, String> {
    if text.len() > MAX_PATH_BYTES {
        return Err(format!("the path is longer than {MAX_PATH_BYTES} bytes"));
    }
    if text.contains('\0') {
        return Err(format!("{text:?} is not a path"));
    }
    if text.starts_with('/') {
        return Ok(text.to_owned());
    }
    let inner = text.trim_start_matches("./");
    Ok(match inner {
        "" | "." => WORKSPACE.to_owned(),
        inner => format!("{WORKSPACE}/{inner}"),
    })
}

/// As the model named the folder: relative to the workspace unless it said otherwise.
fn line(file: &FileInfo, asked: &str) -> String {
    let path = match asked.starts_with('/') {
        true => file.path.as_str(),
        false => file
            .path
            .strip_prefix(WORKSPACE)
            .map_or(file.path.as_str(), |path| path.trim_start_matches('/')),
    };
    match file.kind {
        FileKind::Folder => format!("{path}/"),
        FileKind::File | FileKind::Link | FileKind::Other => path.to_owned(),
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
