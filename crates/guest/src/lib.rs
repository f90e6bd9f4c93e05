//! What host and guest say to each other, and the agent that runs inside of every machine.
//!
//! # The wire
//! One byte stream carries frames of at most [`MAX_PAYLOAD_BYTES`] bytes, on many channels. The host
//! opens a channel with a [`Request`]; the guest answers with data and one [`Kind::Result`]. The guest
//! opens channels too, one for each connection to the machine's local proxy. What is sent as
//! [`Kind::Data`] is paid for with credit that the receiver grants, so that neither a slow reader nor a
//! flood blocks another channel or grows memory. `docs/spec/guest-protocol.md` has all of it.
//!
//! # The agent
//! ```text
//! cargo build -p mainstay-guest --profile guest --target x86_64-unknown-linux-gnu
//! ```
//! with `RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static"` gives one static file of
//! less than 2 MB. `mainstay-guest --help` has its arguments.
//!
//! Invariant: both sides treat the other as hostile: every length is checked before anything is kept.
//! Deliberately absent: what the host does with the answers.

mod frame;
mod limits;
mod message;
mod sync;

pub use frame::{Decoder, Frame, FrameError, HEADER_BYTES, Kind, MAX_PAYLOAD_BYTES, encode};
pub use limits::{
    MAX_CHANNELS, MAX_COMMANDS, MAX_CONNECTIONS, MAX_HEAD_BYTES, MAX_LIST_COUNT,
    MAX_OUTPUT_LIMIT_BYTES, MAX_READ_BYTES, MAX_STDIN_BYTES, MAX_WRITE_BYTES, PROXY_PORT,
    WINDOW_BYTES,
};
pub use message::{
    Answer, CodeDone, CodePart, Done, End, ExecDone, FileEntry, FileKind, FileStat, Health, Hello,
    Language, Limits, Problem, Reply, Request, ScanDone, ScanEntry, Settings, Since, Welcome,
};
pub use sync::{NONCE_BYTES, Seeker, greeting, welcoming};

/// The version of the protocol; both sides must have the same.
pub const PROTOCOL_VERSION: u32 = 1;
