use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::mpsc;

use mainstay_guest::{Hello, Kind, PROTOCOL_VERSION, Request, encode, greeting};

use super::*;

/// What is read from a port, an end between any two.
struct Spoken(VecDeque<io::Cursor<Vec<u8>>>);

impl Read for Spoken {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(first) = self.0.front_mut() else { return Ok(0) };
        let count = first.read(into)?;
        if count == 0 {
            self.0.pop_front();
        }
        Ok(count)
    }
}

/// More than a conversation of two frames takes.
const MAX_PIECES: usize = 64;

struct Said(mpsc::SyncSender<Vec<u8>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nobody listens once the test is over.
        let _ = self.0.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_host_that_spoke_before_its_coming_was_heard_of_is_answered() {
    let hello = greeting(&Hello { version: PROTOCOL_VERSION, nonce: [7; 16] });
    let mut asked = Vec::new();
    let request = serde_json::to_vec(&Request::Health).expect("a name");
    encode(Kind::Open, 1, &request, &mut asked);
    let mut spoken = Spoken([hello, asked].map(io::Cursor::new).into());
    let (said, heard) = mpsc::sync_channel(MAX_PIECES);
    let out = Arc::new(Outgoing::default());
    let mut reader = Reader::new(Service::new(false), Arc::clone(&out));
    let written = Arc::clone(&out);
    let writer = std::thread::spawn(move || written.write_to(Said(said)));
    let hear = |end: &[u8]| {
        let mut all = Vec::new();
        while !all.windows(end.len()).any(|window| window == end) {
            all.extend(heard.recv_timeout(Duration::from_secs(30)).expect("it is answered"));
        }
    };
    let mut looks = 0;
    let is_there = || {
        looks += 1;
        match looks {
            // The end behind the hello is that of the host before: the second look sees this one.
            1 => hear(b"MAINSTAY"),
            // The end behind the request is one.
            3 => hear(b"\"health\""),
            _ => {}
        }
        looks == 2
    };
    converse(&mut reader, &mut spoken, is_there).expect("it is read");
    assert_eq!(looks, 2 + HOST_TRIES);
    out.close();
    writer.join().expect("no panic");
}
