//! `mainstay sessions list`

use mainstay_client::{ListSessions, Session};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::{self, Target};
use crate::{output, table, time};

/// List sessions, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Of this agent alone
    #[arg(long)]
    agent: Option<String>,
    /// How many at the most
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print JSON, one session a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let sessions = context::block_on(list(context, arguments))?;
    if arguments.json {
        for session in &sessions {
            output::line(serde_json::to_string(session).expect("what was JSON is JSON"))?;
        }
        return Ok(());
    }
    let rows: Vec<Vec<String>> = sessions.iter().map(row).collect();
    let headings = ["SESSION", "STATUS", "AGENT", "MODEL", "MADE", "LAST ACTIVE"];
    Ok(output::text(table::render(&headings, &rows))?)
}

async fn list(context: &Context, arguments: &Arguments) -> Result<Vec<Session>, Failure> {
    let client = reach::client(context, &arguments.target)?;
    let mut which = ListSessions { agent: arguments.agent.clone(), after: None };
    let mut sessions = Vec::new();
    loop {
        let page = client.sessions(&which).await?;
        which.after = page.next().map(str::to_owned);
        sessions.extend(page.data);
        if which.after.is_none() || sessions.len() >= arguments.limit {
            sessions.truncate(arguments.limit);
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
