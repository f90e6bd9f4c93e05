use super::{First, MAX_LINE_BYTES, classify};

#[track_caller]
fn check(bytes: &[u8], expected: Option<&First>) {
    assert_eq!(classify(bytes).as_ref(), expected, "{}", bytes.escape_ascii());
}

/// Whatever a lenient server could take for a request is looked at, however it comes.
#[test]
fn requests_are_known_in_every_dress() {
    let long = [b"GET /", &[b'a'; MAX_LINE_BYTES][..]].concat();
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"GET /\xff HTTP/1.1\r\n",
        b"GET\t/\tHTTP/1.1\n",
        b"get / http/1.0\n",
        b"GET / HTTP/1.1 \n",
        b"GET / HTTP/1.1 x\n",
        b"GET /\x01 HTTP/1.1\n",
        b"\r\nGET / HTTP/1.1\r\n",
        b"\nGET / HTTP/1.1\r\n",
        b" GET / HTTP/1.1\r\n",
        b"M-SEARCH * HTTP/1.1\r\n",
        &long,
    ] {
        check(bytes, Some(&First::Http));
    }
    for part in [&b"G"[..], b"GET /\xff", b"GET /\x01", b"\r", b"SSH-2.0-x", &long[..100]] {
        check(part, None);
    }
    check(b"", None);
}

#[test]
fn other_protocols_are_known() {
    for bytes in [
        &b"SSH-2.0-x\r\n"[..],
        b"PING\r\n",
        b"AMQP\0\0\x09\x01",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\x17\x03\x03",
        b"\xff",
    ] {
        check(bytes, Some(&First::Other));
    }
    check(b"PRI * HTTP/2.0\r\n\r\n", Some(&First::Http2));
    check(b"\x16\x03\x01", None);
    check(b"\x16\x02\x01\0\x05hello", Some(&First::BadTls));
}
