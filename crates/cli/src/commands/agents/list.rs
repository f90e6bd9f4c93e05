//! `mainstay agents list`

use mainstay_client::Agent;

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::{self, Target};
use crate::{output, table, time};

/// List agents, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many at the most
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let agents = context::block_on(list(context, arguments))?;
    let rows: Vec<Vec<String>> = agents.iter().map(row).collect();
    Ok(output::text(table::render(&["AGENT", "NAME", "MODEL", "MADE"], &rows))?)
}

async fn list(context: &Context, arguments: &Arguments) -> Result<Vec<Agent>, Failure> {
    let client = reach::client(context, &arguments.target)?;
    let (mut agents, mut after) = (Vec::new(), None);
    loop {
        let page = client.agents(after.as_deref()).await?;
        after = page.next().map(str::to_owned);
        agents.extend(page.data);
        if after.is_none() || agents.len() >= arguments.limit {
            agents.truncate(arguments.limit);
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
