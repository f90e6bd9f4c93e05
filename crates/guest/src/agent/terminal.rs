//! A command on a terminal, for people.
//!
//! Invariant: it ends with its command, with its channel, or with its host, and with it all that was
//! started on it. Deliberately absent: what is typed and shown; bytes go both ways as they are.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mainstay_guest::{Answer, End, MAX_PAYLOAD_BYTES, Problem, Reply};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::process::{PidfdFlags, Signal, pidfd_open};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::channel::{Channel, Watcher};
use super::children::pid;
use super::clock::timespec;
use super::exec::{Place, Tree, cannot_start, program};
use super::service::Service;

/// Between the hang-up and the order to end.
const HANG_UP_GRACE_MS: u64 = 300;

/// Has the terminal as its own, then is the command.
const LAUNCHER: [&str; 2] = ["setsid", "--ctty"];

/// A terminal as the host asks for it.
pub(crate) struct Wanted {
    pub(crate) argv: Vec<String>,
    pub(crate) cwd: String,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

struct Terminal {
    master: File,
    over: OwnedFd,
}

impl Watcher for Terminal {
    fn closed(&self) {
        let _ = rustix::io::write(&self.over, &1_u64.to_ne_bytes());
    }

    fn left(&self) {
        self.closed();
    }

    fn resized(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let _ = tcsetwinsize(&self.master, size);
    }
}

pub(crate) fn terminal(service: &Service, channel: &Arc<Channel>, wanted: &Wanted) -> Reply {
    let _place = Place::take(&service.running)
        .ok_or_else(|| Problem::Limit("too many commands run in the machine already".to_owned()))?;
    let (terminal, mut child) = start(service, wanted)?;
    let terminal = Arc::new(terminal);
    let watcher: Arc<dyn Watcher> = Arc::clone(&terminal) as _;
    channel.watch(&watcher);
    let (typing, typed) = (Arc::clone(channel), Arc::clone(&terminal));
    service.run(move || {
        while let Ok(Some(piece)) = typing.read() {
            if (&typed.master).write_all(&piece).is_err() {
                return;
            }
        }
    });
    show(channel, &terminal, &child);
    let mut tree = Tree::of(pid(&child));
    tree.signal(Signal::HUP);
    let _ = poll(&mut [], Some(&timespec(Duration::from_millis(HANG_UP_GRACE_MS))));
    tree.kill();
    channel.shut();
    let status = service.children.wait(&mut child);
    let status = status.map_err(|error| Problem::Broken(format!("end a terminal: {error}")))?;
    let end = match status.code() {
        Some(code) => End::Exited { code },
        None => End::Signalled { signal: status.signal().unwrap_or_default() },
    };
    Ok(Answer::Terminal { end })
}

fn start(service: &Service, wanted: &Wanted) -> Result<(Terminal, Child), Problem> {
    let mut env = service.env();
    env.insert("TERM".to_owned(), "xterm-256color".to_owned());
    env.extend(wanted.env.clone());
    // Looked for first, so that what is missing is named and not the launcher's complaint.
    program(&wanted.argv, &wanted.cwd, &env)?;
    let launched = LAUNCHER.iter().map(|&part| part.to_owned());
    let argv: Vec<String> = launched.chain(wanted.argv.iter().cloned()).collect();
    let mut command = program(&argv, &wanted.cwd, &env)?;
    let broken = |error: rustix::io::Errno| Problem::Broken(format!("make a terminal: {error}"));
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).map_err(broken)?;
    grantpt(&master).and_then(|()| unlockpt(&master)).map_err(broken)?;
    let slave = ioctl_tiocgptpeer(&master, flags).map_err(broken)?;
    let size = Winsize { ws_row: wanted.rows, ws_col: wanted.columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).map_err(broken)?;
    let side = || slave.try_clone().map(Stdio::from);
    let sides = (|| Ok::<_, std::io::Error>((side()?, side()?, side()?)))();
    let (stdin, stdout, stderr) =
        sides.map_err(|error| Problem::Broken(format!("make a terminal: {error}")))?;
    command.stdin(stdin).stdout(stdout).stderr(stderr);
    let over = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(broken)?;
    let spawned = service.children.spawn(&mut command);
    let child = spawned.map_err(|error| cannot_start(&wanted.argv[0], &error))?;
    Ok((Terminal { master: master.into(), over }, child))
}

/// Shows what comes until the command ends or nobody looks any more.
fn show(channel: &Channel, terminal: &Terminal, child: &Child) {
    let Ok(process) = pidfd_open(pid(child), PidfdFlags::empty()) else { return };
    let mut buffer = vec![0; MAX_PAYLOAD_BYTES];
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(terminal.master.as_fd(), PollFlags::IN),
            PollFd::new(&process, PollFlags::IN),
            PollFd::new(&terminal.over, PollFlags::IN),
        ];
        if poll(&mut fds, None).is_err_and(|error| error != rustix::io::Errno::INTR) {
            return;
        }
        let [shown, ended, over] = fds.map(|fd| fd.revents());
        if !over.is_empty() {
            return;
        }
        if shown.contains(PollFlags::IN) {
            match (&terminal.master).read(&mut buffer) {
                Ok(count) if channel.write(&buffer[..count]).is_ok() => {}
                _ => return,
            }
        } else if !ended.is_empty() || !shown.is_empty() {
            return;
        }
    }
}
