//! `mainstay sandbox logs`

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::{self, Target};
use crate::{output, screen};

/// Show the ends of a machine's logs: what its agent and what keeps it said
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sandbox logs ses_01h…
  mainstay sandbox logs ses_01h… --bytes 1000000 --json | jq -r 'select(.name == \"agent\").text'")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// The most of each log
    #[arg(long, value_name = "COUNT", default_value_t = 65_536, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    bytes: u64,
    /// Print JSON, one log a line, as the server sends it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    let logs = context::block_on(async {
        Ok(client.sandbox_logs(&arguments.session, arguments.bytes).await?)
    })?;
    if arguments.json {
        return Ok(output::json_lines(&logs)?);
    }
    if logs.iter().all(|log| log.text.is_empty()) {
        output::note("there are no logs: the machine is not there, or said nothing");
    }
    for log in &logs {
        for line in log.text.lines() {
            output::line(format!("{}: {}", log.name, screen::harmless(line)))?;
        }
    }
    Ok(())
}
