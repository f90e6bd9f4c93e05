//! `mainstay journal show`

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::journal::{self, Source};
use crate::output;
use crate::reach::Target;

/// How many entries share one table, so that a long journal is shown while it is read.
const TABLE_LIMIT_COUNT: usize = 200;

/// Show a session's journal as a timeline
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay journal show ses_01h…
  mainstay journal show control:default --data-dir /var/lib/mainstay   agents and keys; no server runs")]
pub(crate) struct Arguments {
    /// The session's id, or another journal's name
    session: String,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let source = Source::open(context, &arguments.target)?;
    context::block_on(async {
        let mut entries = Vec::new();
        let read = source.read(&arguments.session, |entry| {
            entries.push(entry);
            if entries.len() == TABLE_LIMIT_COUNT {
                output::text(journal::timeline(&std::mem::take(&mut entries)))?;
            }
            Ok(())
        });
        read.await?;
        if !entries.is_empty() {
            output::text(journal::timeline(&entries))?;
        }
        Ok(())
    })
}
