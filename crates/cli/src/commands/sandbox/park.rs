//! `mainstay sandbox park`

use super::show;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::{self, Target};

/// Put a session's machine away until it is needed again
///
/// Its processes stand still where its tier can keep them; its workspace is saved. A machine that a turn
/// works in is not parked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sandbox park ses_01h…")]
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
    let sandbox = context::block_on(async { Ok(client.park_sandbox(&arguments.session).await?) })?;
    show::print(&sandbox, arguments.json)
}
