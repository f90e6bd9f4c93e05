//! `mainstay sandbox rm`

use super::show;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::{self, Target};

/// End a session's machine; the session and its checkpoints stay
///
/// The next call makes a machine from the last checkpoint, and the agent is told what is gone. To remove
/// the workspace too, delete the session.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sandbox rm ses_01h…")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// Print JSON as the server sends it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    let sandbox =
        context::block_on(async { Ok(client.remove_sandbox(&arguments.session).await?) })?;
    show::print(&sandbox, arguments.json)
}
