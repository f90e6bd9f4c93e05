//! What a TLS client says before anything is encrypted: which host it means.
//!
//! Invariant: a message that is not understood whole says nothing; whoever asks refuses it.

use super::limits::MAX_HELLO_BYTES;

/// The type of a TLS record that holds handshake messages; the first byte of any TLS connection.
pub(super) const HANDSHAKE: u8 = 0x16;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
const HOST_NAME: u8 = 0;
const RECORD_HEAD_BYTES: usize = 5;

/// A client's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hello {
    /// The host that it names.
    pub(super) server_name: Option<String>,
    /// Whether another message is hidden in it, with another name.
    pub(super) is_hiding: bool,
}

/// What the bytes so far are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Read {
    /// The message.
    Whole(Hello),
    /// Its beginning.
    Part,
    /// Something else.
    Bad,
}

/// Reads a client's first message from the bytes that it has sent so far.
pub(super) fn read(bytes: &[u8]) -> Read {
    let mut message = Vec::new();
    let mut rest = bytes;
    loop {
        if let Some(wanted) = length_of(&message) {
            if wanted > MAX_HELLO_BYTES || message[0] != CLIENT_HELLO {
                return Read::Bad;
            }
            if let Some(body) = message.get(4..4 + wanted) {
                return hello(body).map_or(Read::Bad, Read::Whole);
            }
        }
        let Some(head) = rest.get(..RECORD_HEAD_BYTES) else {
            let is_tls = rest.first().is_none_or(|first| *first == HANDSHAKE);
            return if is_tls { Read::Part } else { Read::Bad };
        };
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        if head[0] != HANDSHAKE || head[1] != 3 || length == 0 || length > 1 << 14 {
            return Read::Bad;
        }
        let Some(body) = rest.get(RECORD_HEAD_BYTES..RECORD_HEAD_BYTES + length) else {
            return Read::Part;
        };
        message.extend_from_slice(body);
        rest = &rest[RECORD_HEAD_BYTES + length..];
    }
}

fn length_of(message: &[u8]) -> Option<usize> {
    let [_, a, b, c] = *message.first_chunk::<4>()?;
    Some(usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c))
}

fn hello(body: &[u8]) -> Option<Hello> {
    const VERSION_AND_RANDOM_BYTES: usize = 34;
    let mut rest = Fields(body.get(VERSION_AND_RANDOM_BYTES..)?);
    rest.short()?;
    rest.long()?;
    rest.short()?;
    let mut hello = Hello { server_name: None, is_hiding: false };
    if rest.0.is_empty() {
        return Some(hello);
    }
    let mut extensions = Fields(rest.long()?);
    if !rest.0.is_empty() {
        return None;
    }
    while !extensions.0.is_empty() {
        let kind = u16::from_be_bytes(*extensions.take(2)?.first_chunk()?);
        let content = extensions.long()?;
        match kind {
            SERVER_NAME if hello.server_name.is_some() => return None,
            SERVER_NAME => hello.server_name = Some(server_name(content)?),
            ENCRYPTED_CLIENT_HELLO => hello.is_hiding = true,
            _ => {}
        }
    }
    Some(hello)
}

/// The only name in the extension.
fn server_name(content: &[u8]) -> Option<String> {
    let mut content = Fields(content);
    let mut list = Fields(content.long()?);
    let kind = *list.take(1)?.first()?;
    let name = list.long()?;
    if kind != HOST_NAME || !list.0.is_empty() || !content.0.is_empty() || name.is_empty() {
        return None;
    }
    let name = std::str::from_utf8(name).ok().filter(|name| name.is_ascii())?;
    Some(name.to_owned())
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Bytes behind a length of one byte.
    fn short(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(*self.take(1)?.first()?);
        self.take(length)
    }

    /// Bytes behind a length of two bytes.
    fn long(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(u16::from_be_bytes(*self.take(2)?.first_chunk()?));
        self.take(length)
    }
}

#[cfg(test)]
#[path = "hello_tests.rs"]
mod tests;
