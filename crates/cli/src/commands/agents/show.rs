//! `mainstay agents show`

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;
use crate::reach::{self, Target};

/// Show an agent as JSON
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay agents show agent_01h…
  mainstay agents show agent_01h… | jq .tools")]
pub(crate) struct Arguments {
    /// The agent's id
    agent: String,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    let agent = context::block_on(async { Ok(client.agent(&arguments.agent).await?) })?;
    let text = serde_json::to_string_pretty(agent.json()).expect("what was JSON is JSON");
    Ok(output::line(text)?)
}
