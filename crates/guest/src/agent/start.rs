//! From the arguments to a served host.

use std::ffi::OsString;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::Builder;

use mainstay_guest::PROTOCOL_VERSION;

use super::arguments::{Arguments, HELP, Link, parse};
use super::confine::hide_process;
use super::link::{serve_port, serve_socket};
use super::machine::say;
use super::service::Service;
use super::{egress, init, presence};

/// The process that orphans are left to.
const FIRST_PROCESS: u32 = 1;

/// Runs the agent with these arguments.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let done = match parse(arguments) {
        Ok(Arguments::Help) => print(HELP),
        Ok(Arguments::Version) => print(&format!("mainstay-guest, protocol {PROTOCOL_VERSION}\n")),
        Ok(Arguments::Serve { link, is_init }) => serve(&link, is_init),
        Err(reason) => Err(reason),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            say(&reason);
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> Result<(), String> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| format!("print: {error}"))
}

fn serve(link: &Link, is_init: bool) -> Result<(), String> {
    if is_init {
        init::begin()?;
    }
    hide_process()?;
    let service = Service::new(is_init);
    let watched = Arc::clone(&service);
    thread("presence", move || presence::watch(&watched))?;
    let listening = Arc::clone(&service);
    thread("egress", move || egress::listen(&listening))?;
    if std::process::id() == FIRST_PROCESS {
        let children = Arc::clone(&service.children);
        thread("reaper", move || children.reap())?;
    }
    match link {
        Link::Socket => {
            serve_socket(&service, listener()?).map_err(|error| format!("listen: {error}"))
        }
        Link::Port(path) => serve_port(&service, path)
            .map_err(|error| format!("serve the port {}: {error}", path.display())),
    }
}

fn thread<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<(), String> {
    let started = Builder::new().name(name.to_owned()).spawn(run);
    started.map(drop).map_err(|error| format!("start a thread: {error}"))
}

/// The socket that standard input is, where commands do not inherit it.
fn listener() -> Result<OwnedFd, String> {
    let fail = |error: std::io::Error| format!("use the socket on standard input: {error}");
    let socket = std::io::stdin().as_fd().try_clone_to_owned().map_err(fail)?;
    let nothing = std::fs::File::open("/dev/null").map_err(fail)?;
    rustix::stdio::dup2_stdin(&nothing).map_err(|error| fail(error.into()))?;
    Ok(socket)
}
