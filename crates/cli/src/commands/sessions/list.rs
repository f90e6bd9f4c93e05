//! `mainstay sessions list`

use mainstay_client::{ListSessions, Said, Session};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::limit::Limit;
use crate::reach::{self, Target};
use crate::{output, table, time};

/// List sessions, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sessions list
  mainstay sessions list --agent agent_01h… --limit 500
  mainstay sessions list --json | jq -r 'select(.status == \"requires_action\") | .id'")]
pub(crate) struct Arguments {
    /// Of this agent alone
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    #[command(flatten)]
    limit: Limit,
    /// Print JSON, one session a line, as the server sends it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let sessions = context::block_on(list(context, arguments))?;
    if arguments.json {
        return Ok(output::json_lines(&sessions)?);
    }
    let rows: Vec<Vec<String>> = sessions.iter().map(|session| row(session)).collect();
    let headings = ["SESSION", "STATUS", "AGENT", "MODEL", "MADE (UTC)", "LAST ACTIVE"];
    Ok(output::text(table::render(&headings, &rows))?)
}

async fn list(context: &Context, arguments: &Arguments) -> Result<Vec<Said<Session>>, Failure> {
    let client = reach::client(context, &arguments.target)?;
    let mut which = ListSessions { agent: arguments.agent.clone(), after: None };
    let mut sessions = Vec::new();
    loop {
        let page = client.sessions(&which).await?;
        which.after = page.next().map(str::to_owned);
        sessions.extend(page.data);
        if arguments.limit.ends(&mut sessions, which.after.is_some()) {
            return Ok(sessions);
        }
    }
}

fn row(session: &Session) -> Vec<String> {
    let agent = session.agent.name.as_deref().unwrap_or(&session.agent.id);
    vec![
        session.id.clone(),
        session.status.clone(),
        table::cut(agent, 32),
        session.agent.model.clone(),
        time::stamp(session.created_at),
        session.last_active_at.map(time::stamp).unwrap_or_default(),
    ]
}
