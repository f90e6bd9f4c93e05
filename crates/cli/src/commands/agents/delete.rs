//! `mainstay agents delete`

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;
use crate::reach::{self, Target};

/// Delete an agent; its sessions stay and take no new turns
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay agents delete agent_01h…")]
pub(crate) struct Arguments {
    /// The agent's id
    agent: String,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    context::block_on(async { Ok(client.delete_agent(&arguments.agent).await?) })?;
    output::note(format!("deleted {}", arguments.agent));
    Ok(())
}
