//! A tunnel to one destination: what passes it is looked at once, where it begins.
//!
//! Invariant: nothing of the machine reaches the destination before it is known whether it means that
//! destination, as far as that can be seen. Deliberately absent: a look into TLS that is tunnelled; which
//! host is asked for inside of it, only the destination sees.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, join, split,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use url::Host;

use super::address::Destination;
use super::connection::Connection;
use super::exchange::{Exchange, Speech};
use super::hello::{self, Hello};
use super::limits::{COPY_BYTES, HANDSHAKE_TIMEOUT_MS};
use super::refusal::Refusal;
use super::secrets::Substitution;

/// The longest first line that is waited for to see whether it is HTTP.
const MAX_LINE_BYTES: usize = 8 << 10;
/// What a TLS client is told when its connection is refused: a fatal alert, *access denied*.
const ACCESS_DENIED: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 49];

/// What a machine's first bytes are.
#[derive(Debug, PartialEq, Eq)]
enum First {
    Tls(Hello),
    /// TLS that is not understood.
    BadTls,
    Http,
    /// HTTP/2 without TLS.
    Http2,
    Other,
}

/// Moves bytes between a machine and a destination, to the end of both.
pub(super) async fn tunnel<T>(
    connection: &Arc<Connection>,
    io: T,
    destination: Destination,
    stream: TcpStream,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (guest_read, guest_write) = split(io);
    let guest = Guest { read: guest_read, write: guest_write };
    let result = match connection.proxy.secrets.of(&destination) {
        Some(secrets) => with_secrets(connection, guest, destination, stream, secrets).await,
        None => without_secrets(connection, guest, destination, stream).await,
    };
    if let Err(refusal) = result {
        connection.note(&refusal);
    }
}

struct Guest<T> {
    read: ReadHalf<T>,
    write: WriteHalf<T>,
}

/// A destination that gets secrets speaks when it is spoken to: the first bytes decide.
async fn with_secrets<T>(
    connection: &Arc<Connection>,
    mut guest: Guest<T>,
    destination: Destination,
    stream: TcpStream,
    secrets: Arc<Substitution>,
) -> Result<(), Refusal>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (bytes, first) = look(&mut guest.read).await?;
    if let Err(refusal) = check(connection, &destination, &first) {
        // It may have gone already.
        let _ = guest.write.write_all(&ACCESS_DENIED).await;
        return Err(refusal);
    }
    match first {
        First::Tls(_) | First::BadTls => {}
        First::Http if connection.proxy.rule.has_names() => {
            return http(connection, guest, &bytes, destination, stream).await;
        }
        First::Http | First::Http2 | First::Other => return raw(guest, &bytes, stream).await,
    }
    let settings = &connection.proxy.settings;
    let config = settings.authority.server_config(&destination.host, settings.clock.now_ms());
    let config = config.map_err(Refusal::Broken)?;
    let io = join(std::io::Cursor::new(bytes).chain(guest.read), guest.write);
    let shaking = TlsAcceptor::from(config).accept(io);
    let io = timeout(Duration::from_millis(HANDSHAKE_TIMEOUT_MS), shaking)
        .await
        .map_err(|_| Refusal::Broken(format!("no TLS within {HANDSHAKE_TIMEOUT_MS} ms")))?
        .map_err(|error| {
            Refusal::Broken(format!(
                "TLS with the machine, which has to trust the proxy's certificate: {error}"
            ))
        })?;
    let speech = Speech::Secret(secrets);
    let exchange = Exchange::new(Arc::clone(connection), destination, speech, Some(stream));
    connection.serve_within(io, exchange).await;
    Ok(())
}

/// What the destination says passes at once: with some protocols it speaks first.
async fn without_secrets<T>(
    connection: &Arc<Connection>,
    mut guest: Guest<T>,
    destination: Destination,
    mut stream: TcpStream,
) -> Result<(), Refusal>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (bytes, first) = look_beside(&mut guest, &mut stream).await?;
    if let Err(refusal) = check(connection, &destination, &first) {
        if matches!(first, First::Tls(_) | First::BadTls) {
            // It may have gone already.
            let _ = guest.write.write_all(&ACCESS_DENIED).await;
        }
        return Err(refusal);
    }
    match first {
        First::Http if connection.proxy.rule.has_names() => {
            http(connection, guest, &bytes, destination, stream).await
        }
        _ => raw(guest, &bytes, stream).await,
    }
}

/// Looks at what the machine says, and meanwhile lets it hear the destination.
async fn look_beside<T>(
    guest: &mut Guest<T>,
    stream: &mut TcpStream,
) -> Result<(Vec<u8>, First), Refusal>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut early = BytesMut::with_capacity(COPY_BYTES);
    let mut looking = std::pin::pin!(look(&mut guest.read));
    loop {
        tokio::select! {
            looked = &mut looking => return looked,
            read = stream.read_buf(&mut early) => match read {
                Ok(0) => return looking.await,
                Ok(_) => {
                    guest.write.write_all(&early).await?;
                    guest.write.flush().await?;
                    early.clear();
                }
                Err(error) => return Err(error.into()),
            },
        }
    }
}

/// Requests in a tunnel are checked one by one.
async fn http<T>(
    connection: &Arc<Connection>,
    guest: Guest<T>,
    bytes: &[u8],
    destination: Destination,
    stream: TcpStream,
) -> Result<(), Refusal>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = join(std::io::Cursor::new(bytes.to_vec()).chain(guest.read), guest.write);
    let exchange = Exchange::new(Arc::clone(connection), destination, Speech::Plain, Some(stream));
    connection.serve_within(io, exchange).await;
    Ok(())
}

async fn raw<T>(guest: Guest<T>, bytes: &[u8], stream: TcpStream) -> Result<(), Refusal>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut stream = stream;
    stream.write_all(bytes).await?;
    let mut guest = join(guest.read, guest.write);
    tokio::io::copy_bidirectional_with_sizes(&mut guest, &mut stream, COPY_BYTES, COPY_BYTES)
        .await?;
    Ok(())
}

/// Reads until it is clear what a machine says.
async fn look<T: AsyncRead>(guest: &mut ReadHalf<T>) -> Result<(Vec<u8>, First), Refusal> {
    let mut bytes = Vec::new();
    loop {
        if let Some(first) = classify(&bytes) {
            return Ok((bytes, first));
        }
        let mut more = [0; 2_048];
        let count = guest.read(&mut more).await?;
        if count == 0 {
            let is_tls = bytes.first() == Some(&hello::HANDSHAKE);
            return Ok((bytes, if is_tls { First::BadTls } else { First::Other }));
        }
        bytes.extend_from_slice(&more[..count]);
    }
}

/// What bytes are; none when more are needed.
fn classify(bytes: &[u8]) -> Option<First> {
    let first = bytes.first()?;
    if *first == hello::HANDSHAKE {
        return match hello::read(bytes) {
            hello::Read::Whole(hello) => Some(First::Tls(hello)),
            hello::Read::Bad => Some(First::BadTls),
            hello::Read::Part => None,
        };
    }
    // In doubt it is HTTP: that is looked at, and refused when it is none.
    let is_name =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~ \t\r\n".contains(byte);
    if !is_name(first) {
        return Some(First::Other);
    }
    let line = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => bytes[..end].trim_ascii(),
        None if bytes.contains(&0) => return Some(First::Other),
        None if bytes.len() < MAX_LINE_BYTES => return None,
        None => return Some(First::Http),
    };
    let says_http = line.windows(5).any(|part| part.eq_ignore_ascii_case(b"HTTP/"));
    Some(match line {
        b"PRI * HTTP/2.0" => First::Http2,
        // Servers skip empty lines before a request.
        b"" => First::Http,
        _ if says_http => First::Http,
        _ => First::Other,
    })
}

/// Refuses a connection that asks for another host than it was made for.
fn check(connection: &Connection, destination: &Destination, first: &First) -> Result<(), Refusal> {
    if !connection.proxy.rule.has_names() {
        return Ok(());
    }
    let host = destination.to_string();
    let hello = match first {
        First::Http | First::Other => return Ok(()),
        First::Tls(hello) if !hello.is_hiding => hello,
        First::Tls(_) | First::BadTls | First::Http2 => return Err(Refusal::Hidden { host }),
    };
    match (&hello.server_name, &destination.host) {
        (None, Host::Domain(_)) => Err(Refusal::Hidden { host }),
        (None, Host::Ipv4(_) | Host::Ipv6(_)) => Ok(()),
        (Some(name), Host::Domain(own)) if name.trim_end_matches('.').eq_ignore_ascii_case(own) => {
            Ok(())
        }
        (Some(name), _) => Err(Refusal::OtherHost { host, name: name.clone() }),
    }
}

#[cfg(test)]
#[path = "tunnel_tests.rs"]
mod tests;
