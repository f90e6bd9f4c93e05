//! `mainstay agents list`

use mainstay_client::{Agent, Said};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::limit::Limit;
use crate::reach::{self, Target};
use crate::{output, table, time};

/// List agents, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay agents list
  mainstay agents list --json | jq -r .id")]
pub(crate) struct Arguments {
    #[command(flatten)]
    limit: Limit,
    /// Print JSON, one agent a line, as the server sends it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let agents = context::block_on(list(context, arguments))?;
    if arguments.json {
        return Ok(output::json_lines(&agents)?);
    }
    let rows: Vec<Vec<String>> = agents.iter().map(|agent| row(agent)).collect();
    Ok(output::text(table::render(&["AGENT", "NAME", "MODEL", "MADE (UTC)"], &rows))?)
}

async fn list(context: &Context, arguments: &Arguments) -> Result<Vec<Said<Agent>>, Failure> {
    let client = reach::client(context, &arguments.target)?;
    let (mut agents, mut after) = (Vec::new(), None);
    loop {
        let page = client.agents(after.as_deref()).await?;
        after = page.next().map(str::to_owned);
        agents.extend(page.data);
        if arguments.limit.ends(&mut agents, after.is_some()) {
            return Ok(agents);
        }
    }
}

fn row(agent: &Agent) -> Vec<String> {
    vec![
        agent.id.clone(),
        table::cut(agent.name.as_deref().unwrap_or_default(), 40),
        agent.model.clone(),
        time::stamp(agent.created_at),
    ]
}
