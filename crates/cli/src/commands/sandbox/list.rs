//! `mainstay sandbox list`

use clap::ValueEnum;
use mainstay_client::{ListSandboxes, Said, Sandbox};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::limit::Limit;
use crate::reach::{self, Target};
use crate::{output, table, time};

/// List the machines that there are, newest session first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sandbox list
  mainstay sandbox list --status running --tier microvm
  mainstay sandbox list --json | jq -r 'select(.unsaved_calls > 0) | .id'")]
pub(crate) struct Arguments {
    /// Those that do this alone
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// Those kept apart like this alone
    #[arg(long, value_enum)]
    tier: Option<Tier>,
    #[command(flatten)]
    limit: Limit,
    /// Print JSON, one sandbox a line, as the server sends it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    Running,
    Parked,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Tier {
    Microvm,
    Process,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let sandboxes = context::block_on(list(context, arguments))?;
    if arguments.json {
        return Ok(output::json_lines(&sandboxes)?);
    }
    let rows: Vec<Vec<String>> = sandboxes.iter().map(|sandbox| row(sandbox)).collect();
    let headings =
        ["SESSION", "STATUS", "TIER", "MADE (UTC)", "LAST USED", "SAVED", "UNSAVED CALLS"];
    Ok(output::text(table::render(&headings, &rows))?)
}

async fn list(context: &Context, arguments: &Arguments) -> Result<Vec<Said<Sandbox>>, Failure> {
    let client = reach::client(context, &arguments.target)?;
    let name = |value: clap::builder::PossibleValue| value.get_name().to_owned();
    let mut which = ListSandboxes {
        status: arguments.status.and_then(|status| status.to_possible_value()).map(name),
        tier: arguments.tier.and_then(|tier| tier.to_possible_value()).map(name),
        after: None,
    };
    let mut sandboxes = Vec::new();
    loop {
        let page = client.sandboxes(&which).await?;
        which.after = page.next().map(str::to_owned);
        sandboxes.extend(page.data);
        if arguments.limit.ends(&mut sandboxes, which.after.is_some()) {
            return Ok(sandboxes);
        }
    }
}

fn row(sandbox: &Sandbox) -> Vec<String> {
    let saved = sandbox.checkpoint.as_ref();
    vec![
        sandbox.id.clone(),
        sandbox.status.clone(),
        sandbox.tier.clone().unwrap_or_default(),
        sandbox.created_at.map(time::stamp).unwrap_or_default(),
        sandbox.used_at.map(time::stamp).unwrap_or_default(),
        saved.map_or_else(|| "nothing".to_owned(), |saved| format!("ckpt_{}", saved.seq)),
        sandbox.unsaved_calls.to_string(),
    ]
}
