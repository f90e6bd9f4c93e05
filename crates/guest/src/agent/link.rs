//! The ways to a host: connections to a socket, or a port that is always there.
//!
//! Invariant: one host at a time; of a socket's connections the newest. Deliberately absent: what is
//! said.

use std::fs::{File, OpenOptions};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use super::clock::timespec;
use super::conversation::Reader;
use super::machine::say;
use super::outgoing::Outgoing;
use super::service::Service;

/// Between two looks at a port that has no host.
const PORT_PAUSE_MS: u64 = 20;

/// How often it is looked for a port that is not there yet.
const PORT_TRIES: usize = 500;

/// Serves whoever connects, for ever.
pub(crate) fn serve_socket(service: &Arc<Service>, listener: OwnedFd) -> io::Result<()> {
    let listener = UnixListener::from(listener);
    listener.set_nonblocking(false)?;
    let mut last: Option<(UnixStream, JoinHandle<()>)> = None;
    loop {
        let (stream, _) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
            Err(error) => {
                say(&format!("accept a host: {error}"));
                pause();
                continue;
            }
        };
        if let Some((old, thread)) = last.take() {
            let _ = old.shutdown(Shutdown::Both);
            let _ = thread.join();
        }
        match serve_stream(service, &stream) {
            Ok(thread) => last = Some((stream, thread)),
            Err(error) => say(&format!("serve a host: {error}")),
        }
    }
}

fn serve_stream(service: &Arc<Service>, stream: &UnixStream) -> io::Result<JoinHandle<()>> {
    let reading = stream.try_clone()?;
    let writing = stream.try_clone()?;
    let out = Arc::new(Outgoing::default());
    let mut reader = Reader::new(Arc::clone(service), Arc::clone(&out));
    let written = Arc::clone(&out);
    Builder::new().name("writer".to_owned()).spawn(move || {
        written.write_to(&writing);
        let _ = writing.shutdown(Shutdown::Both);
    })?;
    Builder::new().name("reader".to_owned()).spawn(move || {
        let _ = reader.read_from(&reading);
        reader.hang_up();
        out.close();
        let _ = reading.shutdown(Shutdown::Both);
    })
}

/// Serves the port, for ever.
pub(crate) fn serve_port(service: &Arc<Service>, path: &Path) -> io::Result<()> {
    let port = open_port(path)?;
    let writing = port.try_clone()?;
    let out = Arc::new(Outgoing::default());
    let mut reader = Reader::new(Arc::clone(service), Arc::clone(&out));
    Builder::new().name("writer".to_owned()).spawn(move || out.write_to(Patient(writing)))?;
    loop {
        // An end is a host that is gone; the next one comes over the same port.
        reader.read_from(&port)?;
        reader.hang_up();
        wait_for_host(&port);
    }
}

/// The kernel makes the port a moment after its start.
fn open_port(path: &Path) -> io::Result<File> {
    let mut tries = PORT_TRIES;
    loop {
        match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries > 0 => {
                tries -= 1;
                pause();
            }
            opened => return opened,
        }
    }
}

/// A port without a host says so at once and again and again.
fn wait_for_host(port: &File) {
    loop {
        let mut fds = [PollFd::from_borrowed_fd(port.as_fd(), PollFlags::IN)];
        let pause = Duration::from_millis(PORT_PAUSE_MS);
        let is_gone = match poll(&mut fds, Some(&timespec(pause))) {
            Ok(_) => fds[0].revents().contains(PollFlags::HUP),
            Err(_) => false,
        };
        if !is_gone {
            return;
        }
        self::pause();
    }
}

pub(crate) fn pause() {
    let pause = Duration::from_millis(PORT_PAUSE_MS);
    let _ = poll(&mut [], Some(&timespec(pause)));
}

/// Writes to a port whose host may be gone: the bytes wait for the next one, who discards them.
struct Patient(File);

impl io::Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Ok(0) => pause(),
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => pause(),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
