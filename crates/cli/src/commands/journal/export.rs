//! `mainstay journal export`

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::journal::Source;
use crate::output;
use crate::reach::Target;

/// Print a journal, one entry of JSON a line
///
/// A line is the entry as it is hashed and stored; docs/journal.md describes it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay journal export ses_01h… > session.ndjson
  mainstay journal export ses_01h… | jq -r .kind")]
pub(crate) struct Arguments {
    /// The session's id, or another journal's name
    session: String,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let source = Source::open(context, &arguments.target)?;
    let read = source.read(&arguments.session, |entry| {
        let line = serde_json::to_string(&entry).expect("entries serialise");
        Ok(output::line(line)?)
    });
    context::block_on(read).map(drop)
}
