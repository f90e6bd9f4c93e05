//! `mainstay sessions show`

use mainstay_client::{Client, Session};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::{self, Target};
use crate::{live, output, time};

/// Show a session: where it stands, what it waits for, its items
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sessions show ses_01h…
  mainstay sessions show ses_01h… --json | jq .required_actions")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// Print the session as JSON, as the server sends it, without its items
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
    let session = client.session(&arguments.session).await?;
    if arguments.json {
        let text = serde_json::to_string_pretty(session.json()).expect("what was JSON is JSON");
        return Ok(output::line(text)?);
    }
    head(&session)?;
    let mut after = None;
    loop {
        let page = client.items(&session.id, after.as_deref()).await?;
        after = page.next().map(str::to_owned);
        for item in &page.data {
            if let Some(line) = live::item_line(item) {
                output::line(output::harmless(&line))?;
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
    output::line(output::harmless(&agent))?;
    output::line(format!("status   {}", session.status))?;
    output::line(format!("made     {} UTC", time::stamp(session.created_at)))?;
    if let Some(error) = &session.error {
        output::line(output::harmless(&format!("error    {error}")))?;
    }
    for action in &session.required_actions {
        output::line(format!("waits    {}", live::action_line(action)))?;
    }
    Ok(output::line("")?)
}
