//! `mainstay sessions show`

use mainstay_client::{Client, Session};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::{self, Target};
use crate::{live, output, screen, time};

/// Show a session: where it stands, what it waits for, its items
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sessions show ses_01h…
  mainstay sessions show ses_01h… --json | jq .required_actions
  mainstay sessions show ses_01h… --items --json | jq -r 'select(.role == \"assistant\").content[].text'")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// Print its items alone
    #[arg(long)]
    items: bool,
    /// Print JSON as the server sends it: the session, or with --items one item a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    context::block_on(show(&client, arguments))
}

async fn show(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    if !arguments.items {
        let session = client.session(&arguments.session).await?;
        if arguments.json {
            let text = serde_json::to_string_pretty(session.json()).expect("what was JSON is JSON");
            return Ok(output::line(text)?);
        }
        head(&session)?;
    }
    items(client, arguments).await
}

async fn items(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = client.items(&arguments.session, after.as_deref()).await?;
        after = page.next().map(str::to_owned);
        if arguments.json {
            output::json_lines(&page.data)?;
        } else {
            for line in page.data.iter().filter_map(|item| live::item_line(item)) {
                output::line(screen::harmless(&line))?;
            }
        }
        if after.is_none() {
            return Ok(());
        }
    }
}

fn head(session: &Session) -> Result<(), Failure> {
    let name = session.agent.name.as_deref().unwrap_or(&session.agent.id);
    output::line(format!("session  {}", session.id))?;
    let agent = format!("agent    {name} on {}", session.agent.model);
    output::line(screen::harmless(&agent))?;
    output::line(format!("status   {}", session.status))?;
    output::line(format!("made     {} UTC", time::stamp(session.created_at)))?;
    if let Some(error) = &session.error {
        output::line(screen::harmless(&format!("error    {error}")))?;
    }
    for action in &session.required_actions {
        output::line(format!("waits    {}", live::action_line(action)))?;
    }
    Ok(output::line("")?)
}
