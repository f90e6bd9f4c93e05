use super::{Frame, MAX_FRAME_BYTES, Parser, TooLong};

/// Whatever the cut, the same frames come out.
fn check(bytes: &str, expected: &[(Option<&str>, &str)]) {
    for cut in 0..=bytes.len() {
        let mut parser = Parser::default();
        let (left, right) = bytes.as_bytes().split_at(cut);
        let mut frames = Vec::new();
        for part in [left, right] {
            parser.push(part).expect("short enough");
            frames.extend(std::iter::from_fn(|| parser.next()));
        }
        let expected: Vec<Frame> = expected
            .iter()
            .map(|(id, data)| Frame { id: id.map(str::to_owned), data: (*data).to_owned() })
            .collect();
        assert_eq!(frames, expected, "cut at {cut}");
    }
}

#[test]
fn frames() {
    check("data: {}\n\n", &[(None, "{}")]);
    check("event: a\nid: 7\ndata: x\n\ndata: y\n\n", &[(Some("7"), "x"), (None, "y")]);
    check("data: a\ndata: b\n\n", &[(None, "a\nb")]);
    check("data:\n\n", &[(None, "")]);
    check("data: a\r\n\r\n", &[(None, "a")]);
}

#[test]
fn what_is_no_frame() {
    check(": keep-alive\n", &[]);
    check(": keep-alive\n\n", &[]);
    check("id: 7\n\n", &[]);
    check("data: begun and never ended\n", &[]);
    check(": keep-alive\ndata: x\n\n", &[(None, "x")]);
}

#[test]
fn a_line_without_end_is_refused() {
    let mut parser = Parser::default();
    let chunk = vec![b'x'; MAX_FRAME_BYTES / 2 + 1];
    assert_eq!(parser.push(&chunk), Ok(()));
    assert_eq!(parser.push(&chunk), Err(TooLong));
}
