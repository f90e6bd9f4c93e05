//! The ways to a host: connections to a socket, or a port that is always there.
//!
//! Invariant: one host at a time; of a socket's connections the newest. Deliberately absent: what is
//! said.

use std::fs::{File, OpenOptions};
use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
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

/// How often it is looked whether a port has a host after all, and how long between two looks.
const HOST_TRIES: usize = 50;
const HOST_PAUSE_MS: u64 = 2;

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
        converse(&mut reader, &port, || has_host(&port))?;
        // The next host comes over the same port.
        wait_for_host(&port);
    }
}

/// Reads until the host is gone. The kernel hears of a host's going, of the next one's coming and of its
/// first words in this order, and may say so in another: an end is none when there is a host behind it.
fn converse(
    reader: &mut Reader,
    mut link: impl io::Read,
    mut has_host: impl FnMut() -> bool,
) -> io::Result<()> {
    loop {
        reader.read_from(&mut link)?;
        if !(0..HOST_TRIES).any(|_| has_host()) {
            reader.hang_up();
            return Ok(());
        }
    }
}

/// Whether there is a host, or one within a moment.
fn has_host(port: &File) -> bool {
    let mut asked = [PollFd::new(port, PollFlags::empty())];
    let gone = |asked: &[PollFd<'_>]| asked[0].revents().contains(PollFlags::HUP);
    if poll(&mut asked, Some(&timespec(Duration::ZERO))).is_ok() && !gone(&asked) {
        return true;
    }
    wait_ms(HOST_PAUSE_MS);
    false
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

/// The kernel lets nobody write to a port until there is a host, so a byte of padding waits for it.
fn wait_for_host(mut port: &File) {
    if io::Write::write(&mut port, &[0]).is_err() {
        pause();
    }
}

pub(crate) fn pause() {
    wait_ms(PORT_PAUSE_MS);
}

fn wait_ms(ms: u64) {
    let _ = poll(&mut [], Some(&timespec(Duration::from_millis(ms))));
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

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
