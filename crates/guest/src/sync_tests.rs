use super::*;
use crate::frame::Decoder;

#[test]
fn a_guest_finds_the_hello_behind_any_rest() {
    let hello = Hello { version: 1, nonce: [7; NONCE_BYTES] };
    let mut frame = Vec::new();
    encode(Kind::Data, 3, &vec![0xA5; MAX_PAYLOAD_BYTES], &mut frame);
    for cut in [0, 1, 9, 10, 11, 5000, frame.len()] {
        let mut decoder = Decoder::default();
        decoder.push(&frame[..cut]);
        decoder.push(&greeting(&hello));
        let mut last = None;
        while let Some(frame) = decoder.next_frame().expect("zeros end what was begun") {
            last = Some(frame);
        }
        let last = last.expect("the hello");
        assert_eq!(last.kind, Kind::Hello, "cut at {cut}");
        assert_eq!(serde_json::from_slice::<Hello>(&last.payload).ok(), Some(hello.clone()));
    }
}

#[test]
fn a_host_discards_what_is_not_for_it() {
    let hello = Hello { version: 1, nonce: [9; NONCE_BYTES] };
    let other = Hello { version: 1, nonce: [8; NONCE_BYTES] };
    let welcome = Welcome { version: 1, boot: 2 };
    let mut stream = vec![0xA5; 40_000];
    stream.extend(welcoming(&other, &welcome));
    stream.extend_from_slice(&MARK);
    let answer = welcoming(&hello, &welcome);
    stream.extend_from_slice(&answer);
    for piece in [1, 23, 4096, stream.len()] {
        let mut seeker = Seeker::new(&hello.nonce);
        let mut rest: Option<Vec<u8>> = None;
        for bytes in stream.chunks(piece) {
            match &mut rest {
                Some(rest) => rest.extend_from_slice(bytes),
                None => rest = seeker.push(bytes),
            }
        }
        assert_eq!(rest.as_deref(), Some(&answer[SIGN_BYTES..]), "in pieces of {piece}");
        assert_eq!(seeker.discarded_bytes(), stream.len() - answer.len());
    }
}
