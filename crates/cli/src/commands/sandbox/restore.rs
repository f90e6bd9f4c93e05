//! `mainstay sandbox restore`

use super::show;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::{self, Target};

/// Set a session's workspace back to a checkpoint
///
/// Its machine ends. The next call makes one from that checkpoint, and the agent is told that the work of
/// the calls since may be gone. The conversation stays as it is; to go back with it, fork the session.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sandbox checkpoints ses_01h…
  mainstay sandbox restore ses_01h… ckpt_42")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// The checkpoint's id
    checkpoint: String,
    /// Print JSON as the server sends it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    let sandbox = context::block_on(async {
        Ok(client.restore_sandbox(&arguments.session, &arguments.checkpoint).await?)
    })?;
    show::print(&sandbox, arguments.json)
}
