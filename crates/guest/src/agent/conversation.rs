//! Reads frames and gives them to their channels; opens channels for requests.
//!
//! Invariant: the reader never waits for anything but the next bytes, so that no channel holds up
//! another. Deliberately absent: what requests mean.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use mainstay_guest::{
    Decoder, Frame, Hello, Kind, MAX_CHANNELS, MAX_CONNECTIONS, MAX_HEAD_BYTES, PROTOCOL_VERSION,
    Problem, Request, Welcome, welcoming,
};

use super::channel::Channel;
use super::outgoing::Outgoing;
use super::service::Service;

const READ_BYTES: usize = 64 * 1024;

/// The channels of the conversation that is going on over one link.
pub(crate) struct Conversation {
    number: u64,
    out: Arc<Outgoing>,
    channels: Mutex<HashMap<u32, Arc<Channel>>>,
    /// The number of the last connection.
    connections: Mutex<u32>,
}

impl Conversation {
    fn new(number: u64, out: Arc<Outgoing>) -> Arc<Self> {
        Arc::new(Self { number, out, channels: Mutex::default(), connections: Mutex::new(0) })
    }

    /// Adds a channel that this side or the other opened; none when there are too many.
    pub(crate) fn add(&self, id: u32) -> Option<Arc<Channel>> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.len() >= MAX_CHANNELS || channels.contains_key(&id) {
            return None;
        }
        let channel = Arc::new(Channel::new(id, self.number, Arc::clone(&self.out)));
        channels.insert(id, Arc::clone(&channel));
        Some(channel)
    }

    /// Adds a channel for a connection of the machine; none when there are too many. One counts until
    /// both sides are done with it, as it does for the host.
    pub(crate) fn add_connection(&self) -> Option<Arc<Channel>> {
        let id = {
            let mut state = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
            let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
            let count = channels.keys().filter(|id| id.is_multiple_of(2)).count();
            if count >= MAX_CONNECTIONS {
                return None;
            }
            *state = state.checked_add(2)?;
            *state
        };
        self.add(id)
    }

    /// Forgets a connection that both sides are done with.
    pub(crate) fn settle(&self, channel: &Channel) {
        if channel.id().is_multiple_of(2) && channel.is_settled() {
            self.remove(channel.id());
        }
    }

    pub(crate) fn remove(&self, id: u32) {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn get(&self, id: u32) -> Option<Arc<Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn leave(&self) {
        let channels =
            std::mem::take(&mut *self.channels.lock().unwrap_or_else(PoisonError::into_inner));
        for channel in channels.into_values() {
            channel.leave();
        }
    }
}

/// Reads one link.
pub(crate) struct Reader {
    service: Arc<Service>,
    out: Arc<Outgoing>,
    decoder: Decoder,
    current: Option<Arc<Conversation>>,
    heads: HashMap<u32, Vec<u8>>,
}

/// What came makes no sense: there is no conversation any more until the next hello.
struct Nonsense;

impl Reader {
    pub(crate) fn new(service: Arc<Service>, out: Arc<Outgoing>) -> Self {
        let decoder = Decoder::default();
        Self { service, out, decoder, current: None, heads: HashMap::new() }
    }

    /// Reads until the end or an error.
    pub(crate) fn read_from(&mut self, mut link: impl Read) -> std::io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = match link.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.decoder.push(&buffer[..count]);
            self.take_frames();
        }
    }

    /// The host is gone.
    pub(crate) fn hang_up(&mut self) {
        self.decoder.clear();
        self.leave();
    }

    fn take_frames(&mut self) {
        loop {
            match self.decoder.next_frame() {
                Ok(None) => return,
                Ok(Some(frame)) => {
                    if self.take(frame).is_err() {
                        self.leave();
                    }
                }
                Err(_) => {
                    self.leave();
                    self.decoder.skip();
                }
            }
        }
    }

    fn leave(&mut self) {
        self.heads.clear();
        if let Some(old) = self.current.take() {
            self.out.end();
            self.service.left(&old);
            old.leave();
        }
    }

    fn take(&mut self, frame: Frame) -> Result<(), Nonsense> {
        if frame.kind == Kind::Hello {
            let hello: Hello = serde_json::from_slice(&frame.payload).map_err(|_| Nonsense)?;
            self.leave();
            let welcome = Welcome { version: PROTOCOL_VERSION, boot: self.service.boot() };
            let number = self.out.begin(welcoming(&hello, &welcome));
            let conversation = Conversation::new(number, Arc::clone(&self.out));
            self.service.joined(&conversation);
            self.current = Some(conversation);
            return Ok(());
        }
        // Before the first hello, and after nonsense, what comes is of nobody.
        let Some(current) = self.current.clone() else { return Ok(()) };
        match frame.kind {
            Kind::Head => self.head(&frame),
            Kind::Open => self.open(&current, &frame),
            _ => match current.get(frame.channel) {
                Some(channel) => deliver(&current, &channel, frame),
                // An answered request: what the host sent before it knew is late.
                None => Ok(()),
            },
        }
    }

    fn head(&mut self, frame: &Frame) -> Result<(), Nonsense> {
        if self.heads.len() >= MAX_CHANNELS {
            return Err(Nonsense);
        }
        let head = self.heads.entry(frame.channel).or_default();
        head.extend_from_slice(&frame.payload);
        let total: usize = self.heads.values().map(Vec::len).sum();
        if total > MAX_HEAD_BYTES { Err(Nonsense) } else { Ok(()) }
    }

    fn open(&mut self, current: &Arc<Conversation>, frame: &Frame) -> Result<(), Nonsense> {
        if frame.channel.is_multiple_of(2) {
            return Err(Nonsense);
        }
        let channel = current.add(frame.channel).ok_or(Nonsense)?;
        let mut head = self.heads.remove(&frame.channel).unwrap_or_default();
        head.extend_from_slice(&frame.payload);
        let request = serde_json::from_slice::<Request>(&head)
            .map_err(|error| Problem::Invalid(format!("the request is not understood: {error}")));
        self.service.take(Arc::clone(current), channel, request).map_err(|_| Nonsense)
    }
}

fn deliver(current: &Conversation, channel: &Arc<Channel>, frame: Frame) -> Result<(), Nonsense> {
    let is_fine = match frame.kind {
        Kind::Data => channel.push(frame.payload),
        Kind::End => {
            channel.push_end();
            true
        }
        Kind::Credit => match frame.payload.try_into() {
            Ok(bytes) => channel.grant(u32::from_le_bytes(bytes) as usize),
            Err(_) => false,
        },
        Kind::Close => {
            channel.close();
            current.settle(channel);
            true
        }
        Kind::Resize => match <[u8; 4]>::try_from(frame.payload) {
            Ok([c0, c1, r0, r1]) => {
                channel.resize(u16::from_le_bytes([c0, c1]), u16::from_le_bytes([r0, r1]));
                true
            }
            Err(_) => false,
        },
        _ => false,
    };
    if is_fine { Ok(()) } else { Err(Nonsense) }
}
