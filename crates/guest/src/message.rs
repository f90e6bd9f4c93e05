//! What frames carry as JSON.
//!
//! Invariant: plain data; paths in it are paths inside of the machine. Deliberately absent: bulk bytes,
//! which are data frames.

mod answer;
mod request;

pub use answer::{
    Answer, CodeDone, CodePart, Done, End, ExecDone, FileEntry, FileKind, FileStat, Health,
    Problem, Reply, ScanDone, ScanEntry, Welcome,
};
pub use request::{Hello, Language, Limits, Request, Settings, Since};
