//! From a request to a process that can be started.
//!
//! Invariant: the program is named by a path, found as a shell would, so that starting it needs no copy
//! of the agent's memory; what is not there is said before anything is started.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use mainstay_guest::Problem;
use rustix::fs::{Access, AtFlags, CWD, accessat};

/// The bounds of the kernel on what a program is given, with room to spare.
const MAX_ARGUMENT_BYTES: usize = 1024 * 1024;

/// What command lines are given to.
const SHELL: &str = "/bin/bash";
/// What takes its place in an image without it.
const PLAIN_SHELL: &str = "/bin/sh";

/// Without it the standard library copies the agent to start a command that has a folder. It looks for
/// the function without asking for it, so that a static program has it only if somebody does.
#[used]
static STARTS_IN_A_FOLDER: unsafe extern "C" fn(
    *mut libc::posix_spawn_file_actions_t,
    *const libc::c_char,
) -> libc::c_int = libc::posix_spawn_file_actions_addchdir_np;

/// A command, not started.
pub(crate) fn program(
    argv: &[String],
    cwd: &str,
    env: &BTreeMap<String, String>,
) -> Result<Command, Problem> {
    let Some((name, arguments)) = argv.split_first() else {
        return Err(Problem::Invalid("a command needs a program".to_owned()));
    };
    let has_nul = argv.iter().chain(env.keys()).chain(env.values()).any(|text| text.contains('\0'));
    if has_nul || env.keys().any(|name| name.is_empty() || name.contains('=')) {
        let text = "arguments and variables hold no NUL byte, and names of variables no `=`";
        return Err(Problem::Invalid(text.to_owned()));
    }
    let size: usize =
        argv.iter().chain(env.keys()).chain(env.values()).map(|text| text.len() + 9).sum();
    if size > MAX_ARGUMENT_BYTES {
        let text = format!(
            "arguments and variables are {size} bytes, more than {MAX_ARGUMENT_BYTES}; put them into a file"
        );
        return Err(Problem::Invalid(text));
    }
    if !Path::new(cwd).is_absolute() || !Path::new(cwd).is_dir() {
        return Err(Problem::Invalid(format!(
            "there is no folder `{cwd}` in the machine to run in"
        )));
    }
    let path = find(name, cwd, env.get("PATH").map(String::as_str).unwrap_or_default())?;
    let mut command = Command::new(path);
    command.arg0(name).args(arguments).current_dir(cwd).env_clear().envs(env);
    Ok(command)
}

fn find(name: &str, cwd: &str, path: &str) -> Result<PathBuf, Problem> {
    if name.contains('/') {
        let file = Path::new(cwd).join(name);
        return match is_program(&file) {
            true => Ok(file),
            // Images of others may have the one shell that every system has.
            false if name == SHELL && !file.exists() => find(PLAIN_SHELL, cwd, path),
            false if file.exists() => Err(Problem::Invalid(format!(
                "`{name}` in the machine may not be run; its mode lacks `x`"
            ))),
            false => Err(Problem::Invalid(format!("there is no program `{name}` in the machine"))),
        };
    }
    let folders = path.split(':').filter(|folder| folder.starts_with('/'));
    folders
        .map(|folder| Path::new(folder).join(name))
        .find(|file| is_program(file))
        .filter(|_| !name.is_empty())
        .ok_or_else(|| {
            Problem::Invalid(format!("there is no program `{name}` in the machine's PATH"))
        })
}

fn is_program(file: &Path) -> bool {
    file.is_file() && accessat(CWD, file, Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}
