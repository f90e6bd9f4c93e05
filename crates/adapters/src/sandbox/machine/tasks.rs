//! The tasks of one connection: one reads, one writes, and two for each connection of the machine.
//!
//! Invariant: they live in one set that ends with the machine's value. The reader waits for nothing but
//! bytes, so that no lane holds up another.

use std::sync::Arc;

use bytes::Bytes;
use mainstay_core::port::{OutputStream, SandboxError};
use mainstay_guest::{Decoder, Done, Frame, Kind, MAX_PAYLOAD_BYTES};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::failure::nonsense;
use super::gate::Gate;
use super::lane::{Arrival, Lane, Opener};

const READ_BYTES: usize = 64 * 1024;

/// What is written at once; the last frame may go beyond.
const WRITE_BYTES: usize = 64 * 1024;

/// What waits between a machine's connection and its gate.
const GATE_BUFFER_BYTES: usize = 64 * 1024;

pub(super) async fn write(
    connection: Arc<Connection>,
    mut link: OwnedWriteHalf,
    mut frames: mpsc::Receiver<Vec<u8>>,
) {
    loop {
        let urgent = connection.take_urgent();
        let bytes = if urgent.is_empty() {
            tokio::select! {
                biased;
                () = connection.closed() => return,
                () = connection.has_urgent.notified() => continue,
                frame = frames.recv() => match frame {
                    Some(frame) => with_more(frame, &mut frames),
                    None => return,
                },
            }
        } else {
            urgent
        };
        let written = tokio::select! {
            biased;
            () = connection.closed() => return,
            written = link.write_all(&bytes) => written,
        };
        if let Err(error) = written {
            connection.fail(SandboxError::Broken(format!("write to its agent: {error}")));
            return;
        }
    }
}

/// What waits already goes along: each write wakes the machine, which is what a short call costs most.
fn with_more(mut bytes: Vec<u8>, frames: &mut mpsc::Receiver<Vec<u8>>) -> Vec<u8> {
    while bytes.len() < WRITE_BYTES
        && let Ok(frame) = frames.try_recv()
    {
        bytes.extend_from_slice(&frame);
    }
    bytes
}

pub(super) struct Reader {
    pub(super) connection: Arc<Connection>,
    pub(super) decoder: Decoder,
    pub(super) gate: Arc<dyn Gate>,
    pub(super) pumps: JoinSet<()>,
}

impl Reader {
    pub(super) async fn read(mut self, mut link: OwnedReadHalf) {
        let reason = self.read_until_wrong(&mut link).await;
        self.connection.fail(reason);
    }

    async fn read_until_wrong(&mut self, link: &mut OwnedReadHalf) -> SandboxError {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            loop {
                match self.decoder.next_frame() {
                    Ok(None) => break,
                    Ok(Some(frame)) => {
                        if let Err(what) = self.take(&frame) {
                            let (kind, channel) = (frame.kind, frame.channel);
                            return nonsense(format_args!("{what} ({kind:?}, channel {channel})"));
                        }
                    }
                    Err(error) => return nonsense(error),
                }
            }
            while self.pumps.try_join_next().is_some() {}
            let read = tokio::select! {
                biased;
                () = self.connection.closed() => {
                    return SandboxError::Broken("the connection to its agent was closed".to_owned());
                }
                read = link.read(&mut buffer) => read,
            };
            match read {
                Ok(0) => return SandboxError::Broken("its agent has hung up".to_owned()),
                Ok(count) => self.decoder.push(&buffer[..count]),
                Err(error) => {
                    return SandboxError::Broken(format!("read from its agent: {error}"));
                }
            }
        }
    }

    fn take(&mut self, frame: &Frame) -> Result<(), &'static str> {
        if frame.kind == Kind::Open {
            return self.open(frame.channel);
        }
        let lane = self.connection.lane(frame.channel).ok_or("a channel that is not open")?;
        match (frame.kind, lane.opener) {
            (Kind::Data, _) => lane.data(&frame.payload),
            (Kind::End, _) => lane.end(),
            (Kind::Credit, _) => {
                let bytes =
                    frame.payload.as_slice().try_into().map_err(|_| "no amount of credit")?;
                lane.credit(u32::from_le_bytes(bytes) as usize)
            }
            (Kind::LiveStdout, Opener::Host) => {
                lane.show(OutputStream::Stdout, &frame.payload);
                Ok(())
            }
            (Kind::LiveStderr, Opener::Host) => {
                lane.show(OutputStream::Stderr, &frame.payload);
                Ok(())
            }
            (Kind::Result, Opener::Host) => {
                let done = serde_json::from_slice(&frame.payload).map_err(|_| "no result")?;
                self.connection.remove(lane.id);
                lane.result(match done {
                    Done::Ok(answer) => Ok(answer),
                    Done::Error(problem) => Err(problem),
                });
                Ok(())
            }
            (Kind::Close, Opener::Guest) => {
                lane.close()?;
                if lane.is_gone() {
                    self.connection.remove(lane.id);
                }
                Ok(())
            }
            _ => Err("a frame that has no place there"),
        }
    }

    fn open(&mut self, id: u32) -> Result<(), &'static str> {
        if id == 0 || !id.is_multiple_of(2) {
            return Err("a channel with a number of the host");
        }
        let permit = Arc::clone(&self.connection.connections).try_acquire_owned();
        let permit = permit.map_err(|_| "more connections than it may have")?;
        let lane =
            self.connection.insert(id, Opener::Guest, permit).ok_or("a channel that is open")?;
        let (ours, theirs) = duplex(GATE_BUFFER_BYTES);
        let (reading, writing) = split(ours);
        let connection = Arc::clone(&self.connection);
        self.pumps.spawn(pump(connection, lane, reading, writing));
        self.gate.open(theirs);
        Ok(())
    }
}

/// Carries one connection of the machine both ways, each until its end.
async fn pump(
    connection: Arc<Connection>,
    lane: Arc<Lane>,
    reading: ReadHalf<DuplexStream>,
    writing: WriteHalf<DuplexStream>,
) {
    let both = async {
        let up = async {
            if to_gate(&connection, &lane, writing).await.is_ok() {
                lane.closed().await;
            }
        };
        let down = to_guest(&connection, &lane, reading);
        tokio::pin!(up, down);
        tokio::select! {
            // The guest is done with it: nothing that the gate still sends would arrive.
            () = &mut up => {}
            () = &mut down => up.await,
        }
    };
    tokio::select! {
        biased;
        () = connection.closed() => return,
        () = both => {}
    }
    lane.abandon();
    if lane.mark_closed() {
        connection.send_urgent(Kind::Close, lane.id, &[]);
    }
    if lane.is_gone() {
        connection.remove(lane.id);
    }
}

async fn to_gate(
    connection: &Connection,
    lane: &Lane,
    mut writing: WriteHalf<DuplexStream>,
) -> Result<(), Unwanted> {
    loop {
        match lane.next().await {
            Arrival::Data(piece, granted) => {
                if writing.write_all(&piece).await.is_err() {
                    return Err(Unwanted);
                }
                connection.grant(lane.id, granted);
            }
            Arrival::End => {
                let _ = writing.shutdown().await;
                return Ok(());
            }
            Arrival::Shown(..) | Arrival::Result(_) => {}
        }
    }
}

async fn to_guest(connection: &Connection, lane: &Lane, mut reading: ReadHalf<DuplexStream>) {
    let mut buffer = vec![0; MAX_PAYLOAD_BYTES];
    loop {
        let count = match reading.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        if send_data(connection, lane, Bytes::copy_from_slice(&buffer[..count])).await.is_err() {
            return;
        }
    }
    let _ = connection.send(Kind::End, lane.id, &[]).await;
}

/// The other side wants no more.
pub(super) struct Unwanted;

/// Sends data as credit allows.
pub(super) async fn send_data(
    connection: &Connection,
    lane: &Lane,
    mut bytes: Bytes,
) -> Result<(), Unwanted> {
    while !bytes.is_empty() {
        let wanted = bytes.len().min(MAX_PAYLOAD_BYTES);
        let room = lane.take_credit(wanted).await.ok_or(Unwanted)?;
        let piece = bytes.split_to(room);
        connection.send(Kind::Data, lane.id, &piece).await.map_err(|_| Unwanted)?;
    }
    Ok(())
}
