//! `mainstay journal verify`

use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mainstay_protocol::{Entry, Hash};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::journal::{Chain, Source};
use crate::output;
use crate::reach::Target;

/// Recompute a journal's hashes, and print its head
///
/// Keep the head's hash somewhere else: `--head` proves later that nothing before it was changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay journal verify ses_01h…
  mainstay journal verify ses_01h… --head 62a50180…
  mainstay journal verify --file session.ndjson

Exit code 1 says that the journal is not whole, and the message which entry does not fit.")]
pub(crate) struct Arguments {
    /// The session's id, or another journal's name
    #[arg(required_unless_present = "file")]
    session: Option<String>,
    /// An exported journal instead
    #[arg(long, value_name = "FILE", conflicts_with = "session")]
    file: Option<PathBuf>,
    /// A hash that the journal must have had as its head at some time
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let mut check = Check::new(arguments.head.as_deref())?;
    if let Some(path) = &arguments.file {
        read_file(path, |entry| check.push(&entry))?;
        return check.finish();
    }
    let session = arguments.session.as_deref().unwrap_or_default();
    let source = Source::open(context, &arguments.target)?;
    context::block_on(source.read(session, |entry| check.push(&entry)))?;
    check.finish()
}

struct Check {
    chain: Chain,
    wanted: Option<Hash>,
    is_found: bool,
    journal: String,
}

impl Check {
    fn new(head: Option<&str>) -> Result<Self, Failure> {
        let parse = |text: &str| {
            Hash::parse(text).ok_or_else(|| {
                Failure::usage(format!("{text:?} is not a hash of 64 hexadecimal digits"))
            })
        };
        let wanted = head.map(parse).transpose()?;
        Ok(Self { chain: Chain::new(), wanted, is_found: false, journal: String::new() })
    }

    fn push(&mut self, entry: &Entry) -> Result<(), Failure> {
        self.chain.push(entry).map_err(|error| Failure::new(error.to_string()))?;
        self.is_found |= self.wanted == Some(entry.hash);
        if self.journal.is_empty() {
            self.journal = entry.journal.to_string();
        }
        if self.journal != *entry.journal {
            let message = format!("entry {} belongs to journal {}", entry.seq, entry.journal);
            return Err(Failure::new(message));
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        let head = self.chain.head();
        if let (Some(wanted), false) = (self.wanted, self.is_found) {
            let message = format!("journal {} never had the head {wanted}", self.journal);
            return Err(Failure::new(message));
        }
        let text = format!("{} verified: {} entries, head {}", self.journal, head.seq, head.hash);
        Ok(output::line(text)?)
    }
}

fn read_file(
    path: &Path,
    mut take: impl FnMut(Entry) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let context = || format!("read {}", path.display());
    let file = std::fs::File::open(path).with_context(context)?;
    let mut count = 0;
    for line in std::io::BufReader::new(file).lines() {
        let line = line.with_context(context)?;
        count += 1;
        let entry = serde_json::from_str(&line)
            .map_err(|error| Failure::new(format!("line {count} is not an entry: {error}")))?;
        take(entry)?;
    }
    if count == 0 {
        return Err(Failure::new(format!("{} holds no entry", path.display())));
    }
    Ok(())
}
