//! `mainstay sandbox checkpoints`

use mainstay_client::{Checkpoint, Said};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::limit::Limit;
use crate::reach::{self, Target};
use crate::{output, table, time};

/// List a session's checkpoints, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sandbox checkpoints ses_01h…
  mainstay sandbox checkpoints ses_01h… --json | jq -r '.connections[].host'")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    #[command(flatten)]
    limit: Limit,
    /// Print JSON, one checkpoint a line, as the server sends it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let found = context::block_on(list(context, arguments))?;
    if arguments.json {
        return Ok(output::json_lines(&found)?);
    }
    print(&found)
}

async fn list(context: &Context, arguments: &Arguments) -> Result<Vec<Said<Checkpoint>>, Failure> {
    let client = reach::client(context, &arguments.target)?;
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = client.checkpoints(&arguments.session, after.as_deref()).await?;
        after = page.next().map(str::to_owned);
        found.extend(page.data);
        if arguments.limit.ends(&mut found, after.is_some()) {
            return Ok(found);
        }
    }
}

/// Checkpoints for a person.
pub(super) fn print(found: &[Said<Checkpoint>]) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = found.iter().map(|checkpoint| row(checkpoint)).collect();
    let headings = ["CHECKPOINT", "MADE (UTC)", "FILES", "BYTES", "NEW BYTES", "KEPT"];
    Ok(output::text(table::render(&headings, &rows))?)
}

fn row(checkpoint: &Checkpoint) -> Vec<String> {
    let number = |value: u64| match checkpoint.workspace {
        Some(_) => value.to_string(),
        None => "no machine".to_owned(),
    };
    vec![
        checkpoint.id.clone(),
        time::stamp(checkpoint.created_at),
        number(checkpoint.file_count),
        number(checkpoint.size_bytes),
        number(checkpoint.written_bytes),
        if checkpoint.kept { "yes" } else { "no" }.to_owned(),
    ]
}
