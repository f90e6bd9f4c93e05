use super::sse::{EventTooLarge, SseParser};

/// Reads a stream cut in two at every place, and byte by byte; the events must be these.
fn check(stream: &str, events: &[&str]) {
    let bytes = stream.as_bytes();
    for cut in 0..=bytes.len() {
        assert_eq!(read(&[&bytes[..cut], &bytes[cut..]]), events, "{stream:?} cut at {cut}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read(&single), events, "{stream:?} byte by byte");
}

fn read(pieces: &[&[u8]]) -> Vec<String> {
    let mut parser = SseParser::default();
    let mut events = Vec::new();
    for piece in pieces {
        parser.feed(piece);
        while let Some(data) = parser.next().expect("small events") {
            events.push(String::from_utf8_lossy(data).into_owned());
        }
    }
    events.extend(parser.finish().map(|data| String::from_utf8_lossy(data).into_owned()));
    events
}

#[test]
fn events_do_not_depend_on_where_bytes_are_cut() {
    check("", &[]);
    check("data: a\n\n", &["a"]);
    check("data:a\n\ndata: b\n\n", &["a", "b"]);
    check("data: ü — 🚀\n\ndata: 東\n\n", &["ü — 🚀", "東"]);
    check("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
    check("data: a\r\rdata: b\r\r", &["a", "b"]);
    check("\u{feff}data: a\n\n", &["a"]);
    check(": hello\n\nevent: ping\ndata: {}\nid: 7\nretry: 3\n\n", &["{}"]);
    check("data: one\ndata: two\ndata\n\n", &["one\ntwo\n"]);
    check("data:  two spaces\n\n", &[" two spaces"]);
    check("\n\n\nevent: nothing\n\n", &[]);
    check("database: a\n\n", &[]);
}

#[test]
fn the_end_of_a_stream_completes_what_is_whole() {
    check("data: a\n", &["a"]);
    check("data: a\n\ndata: [DONE]", &["a", "[DONE]"]);
    check("data: a\n\ndata:[DONE]\n", &["a", "[DONE]"]);
    check("data: a\n\ndata: {\"cut", &["a"]);
}

#[test]
fn an_event_has_a_limit() {
    let mut parser = SseParser::default();
    let line = [b"data: ".as_slice(), &vec![b'x'; 1 << 20]].concat();
    let ended = (0..20).find_map(|_| {
        parser.feed(&line);
        parser.feed(b"\n");
        parser.next().err()
    });
    assert_eq!(ended, Some(EventTooLarge));
}
