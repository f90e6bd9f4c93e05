use super::*;

#[track_caller]
fn check(bytes: &[u8], expected: &[(Kind, u32, &[u8])], end: Result<usize, FrameError>) {
    for chunk in [1, 7, bytes.len().max(1)] {
        let mut decoder = Decoder::default();
        let mut seen = Vec::new();
        let mut last = Ok(0);
        'all: for piece in bytes.chunks(chunk) {
            decoder.push(piece);
            loop {
                match decoder.next_frame() {
                    Ok(Some(frame)) => seen.push((frame.kind, frame.channel, frame.payload)),
                    Ok(None) => break,
                    Err(error) => {
                        last = Err(error);
                        break 'all;
                    }
                }
            }
        }
        let seen: Vec<_> = seen.iter().map(|(k, c, p)| (*k, *c, p.as_slice())).collect();
        assert_eq!(seen, expected, "in pieces of {chunk}");
        assert_eq!(last.map(|_| decoder.buffered_bytes()), end, "in pieces of {chunk}");
    }
}

fn frame(kind: Kind, channel: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(kind, channel, payload, &mut out);
    out
}

#[test]
fn frames_come_out_as_they_went_in() {
    let two = [frame(Kind::Open, 7, b"{}"), frame(Kind::End, 0xffff_fffe, b"")].concat();
    check(&two, &[(Kind::Open, 7, b"{}"), (Kind::End, 0xffff_fffe, b"")], Ok(0));
    check(
        &[vec![0; 33], two].concat(),
        &[(Kind::Open, 7, b"{}"), (Kind::End, 0xffff_fffe, b"")],
        Ok(0),
    );
    check(&frame(Kind::Data, 1, b"abc")[..11], &[], Ok(11));
}

#[test]
fn a_frame_that_was_cut_is_ended_by_zeros_and_means_nothing_else() {
    let whole = frame(Kind::Close, 0x0102_0304, &[9; 40]);
    let next = frame(Kind::Hello, 0, b"{}");
    for cut in 0..HEADER_BYTES {
        let bytes = [&whole[..cut], &vec![0; HEADER_BYTES + MAX_PAYLOAD_BYTES], &next].concat();
        check(&bytes, &[(Kind::Hello, 0, b"{}")], Ok(0));
    }
    let bytes = [&whole[..20], &vec![0; HEADER_BYTES + MAX_PAYLOAD_BYTES], &next].concat();
    let payload = [[9_u8; 10].as_slice(), &[0; 30]].concat();
    check(&bytes, &[(Kind::Close, 0x0102_0304, &payload), (Kind::Hello, 0, b"{}")], Ok(0));
}

#[test]
fn what_is_no_frame_is_said() {
    check(b"GET / HTTP/1.1", &[], Err(FrameError::Start(b'G')));
    let mut long = frame(Kind::Data, 1, b"");
    long[7] = 1;
    check(&long, &[], Err(FrameError::TooLong(0x1_0000)));
    let mut unknown = frame(Kind::Data, 1, b"");
    unknown[9] = 99;
    check(&unknown, &[], Err(FrameError::Kind(99)));
}
