//! `mainstay journal list`

use mainstay_client::ChatJournal;
use mainstay_core::spend::day_name;
use mainstay_runtime::{Control, SystemClock};
use mainstay_store::Direction;
use serde_json::json;
use std::sync::Arc;

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::journal::Source;
use crate::limit::Limit;
use crate::reach::Target;
use crate::{key, output, table, time};

/// How many days are read from the store at once.
const PAGE_LIMIT_COUNT: usize = 256;

/// List the days that have a journal of chat completions, newest first
///
/// A session's journal is named as the session is; `mainstay sessions list` lists those.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay journal list
  mainstay journal list --json | jq -r .id | xargs -n 1 mainstay journal verify")]
pub(crate) struct Arguments {
    #[command(flatten)]
    limit: Limit,
    /// Print JSON, one journal a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let journals = context::block_on(list(context, arguments))?;
    if arguments.json {
        let line = |journal: &ChatJournal| json!({"id": journal.id, "day": journal.day, "created_at": journal.created_at});
        return Ok(output::json_lines(&journals.iter().map(line).collect::<Vec<_>>())?);
    }
    let row = |journal: &ChatJournal| {
        vec![journal.id.clone(), journal.day.clone(), time::stamp(journal.created_at)]
    };
    let rows: Vec<Vec<String>> = journals.iter().map(row).collect();
    Ok(output::text(table::render(&["JOURNAL", "DAY", "BEGAN (UTC)"], &rows))?)
}

async fn list(context: &Context, arguments: &Arguments) -> Result<Vec<ChatJournal>, Failure> {
    let source = Source::open(context, &arguments.target)?;
    let mut journals: Vec<ChatJournal> = Vec::new();
    loop {
        let last = journals.last();
        let has_more = match &source {
            Source::Server(client) => {
                let page = client.chat_journals(last.map(|last| last.id.as_str())).await?;
                journals.extend(page.data);
                page.has_more
            }
            Source::Store(store) => {
                let control = Control::open(store.clone(), Arc::new(SystemClock)).await?;
                let after = last.map(|last| last.day.as_str());
                let newest_first = Direction::Descending;
                let tenant = key::operator().tenant;
                let page =
                    control.chat_days(&tenant, after, newest_first, PAGE_LIMIT_COUNT).await?;
                journals.extend(page.days.into_iter().map(|row| ChatJournal {
                    id: row.journal.to_string(),
                    day: day_name(row.day),
                    created_at: row.began_at_ms / 1_000,
                }));
                page.has_more
            }
        };
        if arguments.limit.ends(&mut journals, has_more) {
            return Ok(journals);
        }
    }
}
