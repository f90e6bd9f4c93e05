//! The machine's end of its only way out: a listener on the loopback address whose connections the host
//! gets, one channel each.
//!
//! Invariant: a bounded number of connections; each direction ends by itself, so a half-closed
//! connection stays one. Without a host connections are refused. Deliberately absent: what the host makes
//! of them; nothing here looks at a byte.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mainstay_guest::{MAX_CONNECTIONS, MAX_PAYLOAD_BYTES, PROXY_PORT};

use super::channel::Channel;
use super::conversation::Conversation;
use super::machine::say;
use super::pool::Pool;
use super::service::Service;

/// Two for each connection.
const MAX_THREADS: usize = 2 * MAX_CONNECTIONS;

/// Takes connections, for ever.
pub(crate) fn listen(service: &Arc<Service>) {
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, PROXY_PORT)) {
        Ok(listener) => listener,
        Err(error) => return say(&format!("listen on port {PROXY_PORT}: {error}")),
    };
    let threads = Pool::new("egress", 0, MAX_THREADS, || {});
    for stream in listener.incoming() {
        match stream {
            // One that cannot be carried is closed, which whoever made it sees.
            Ok(stream) => drop(carry(service, &threads, stream)),
            Err(_) => super::link::pause(),
        }
    }
}

/// One connection, as its two directions see it.
struct Carried {
    conversation: Arc<Conversation>,
    channel: Arc<Channel>,
    stream: TcpStream,
    directions_left: AtomicUsize,
}

fn carry(service: &Service, threads: &Pool, stream: TcpStream) -> Option<()> {
    let _ = stream.set_nodelay(true);
    let conversation = service.conversation()?;
    let channel = conversation.add_connection()?;
    let carried = Carried { conversation, channel, stream, directions_left: AtomicUsize::new(2) };
    let carried = Arc::new(carried);
    if carried.channel.send_open().is_err() {
        return None;
    }
    let directions: [fn(&Carried); 2] = [Carried::inward, Carried::outward];
    for direction in directions {
        let one = Arc::clone(&carried);
        let is_run = threads.run(move || {
            direction(&one);
            one.direction_ended();
        });
        if !is_run {
            carried.abort();
            carried.direction_ended();
        }
    }
    Some(())
}

impl Carried {
    /// From the host to whoever connected.
    fn inward(&self) {
        loop {
            match self.channel.read() {
                Ok(Some(piece)) if (&self.stream).write_all(&piece).is_ok() => {}
                Ok(None) => return drop(self.stream.shutdown(Shutdown::Write)),
                _ => return self.abort(),
            }
        }
    }

    fn outward(&self) {
        let mut buffer = vec![0; MAX_PAYLOAD_BYTES];
        loop {
            match (&self.stream).read(&mut buffer) {
                Ok(0) | Err(_) => {
                    let _ = self.channel.write_end();
                    return;
                }
                Ok(count) if self.channel.write(&buffer[..count]).is_ok() => {}
                Ok(_) => return self.abort(),
            }
        }
    }

    fn abort(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn direction_ended(&self) {
        if self.directions_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _ = self.channel.send_close();
            self.conversation.settle(&self.channel);
        }
    }
}
