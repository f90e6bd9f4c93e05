use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::{Hello, Read, read};

/// What a client says first.
fn client_hello(name: &str) -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).expect("memory takes it");
    bytes
}

fn named(name: Option<&str>) -> Read {
    Read::Whole(Hello { server_name: name.map(ToOwned::to_owned), is_hiding: false })
}

/// The same message, in records of a few bytes each.
fn fragmented(bytes: &[u8], width: usize) -> Vec<u8> {
    let records = bytes[5..].chunks(width).map(|part| {
        let length = u16::try_from(part.len()).expect("small").to_be_bytes();
        [&[0x16, 3, 1][..], &length, part].concat()
    });
    records.collect::<Vec<_>>().concat()
}

/// The message with this extension behind the others.
fn with_extension(bytes: &[u8], kind: u16, content: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("small").to_be_bytes();
    let extension = [&kind.to_be_bytes()[..], &length(content), content].concat();
    let mut body = bytes[9..].to_vec();
    let sessions = 35 + usize::from(body[34]);
    let ciphers = usize::from(u16::from_be_bytes([body[sessions], body[sessions + 1]]));
    let at = sessions + 2 + ciphers + 2;
    body.extend(extension);
    let extensions = length(&body[at + 2..]);
    body[at..at + 2].copy_from_slice(&extensions);
    let size = u32::try_from(body.len()).expect("small").to_be_bytes();
    let message = [&[1][..], &size[1..], &body].concat();
    [&[0x16, 3, 1][..], &length(&message), &message].concat()
}

#[test]
fn the_name_is_found_however_it_is_cut() {
    let bytes = client_hello("pypi.org");
    assert_eq!(read(&bytes), named(Some("pypi.org")));
    assert_eq!(read(&client_hello("1.2.3.4")), named(None));
    assert_eq!(read(&[&bytes[..], b"more"].concat()), named(Some("pypi.org")));
    for width in [1, 7, 100] {
        let cut = fragmented(&bytes, width);
        assert_eq!(read(&cut), named(Some("pypi.org")), "records of {width}");
        assert_eq!(read(&cut[..cut.len() - 1]), Read::Part);
    }
    for end in 0..bytes.len() {
        assert_eq!(read(&bytes[..end]), Read::Part, "{end} bytes");
    }
}

#[test]
fn what_hides_a_name_is_noticed() {
    let bytes = client_hello("pypi.org");
    let second = [&[0, 12, 0, 0, 9][..], b"evil.test"].concat();
    assert_eq!(read(&with_extension(&bytes, 0, &second)), Read::Bad);
    let hiding = Hello { server_name: Some("pypi.org".to_owned()), is_hiding: true };
    assert_eq!(read(&with_extension(&bytes, 0xfe0d, b"secret")), Read::Whole(hiding));
}

#[test]
fn other_bytes_are_refused() {
    let whole = client_hello("pypi.org");
    for (index, byte) in [(0, 0x17), (1, 2), (5, 2), (6, 0xff)] {
        let mut bytes = whole.clone();
        bytes[index] = byte;
        assert_eq!(read(&bytes), Read::Bad, "byte {index}");
    }
    assert_eq!(read(&[0x16, 3, 1, 0, 0]), Read::Bad);
    // No change of one byte makes it panic or read beyond its end.
    for index in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[index] = bytes[index].wrapping_add(1);
        let _ = read(&bytes);
    }
}
