//! What `mainstay chat` is asked, and the conversation.

use mainstay_client::Client;
use serde_json::{Value, json};

use super::turn;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::input;
use crate::output;
use crate::reach::{self, Target};

/// Talk to an agent; the session is kept, and can be gone on with
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay chat                                  a new session with the server's default model
  mainstay chat --agent agent_01h…               a new session with an agent
  mainstay chat --session ses_01h…               go on with a session
  mainstay chat --session ses_01h… -m 'Go on.'   one message, then end

In a conversation an empty line does nothing, /quit ends it, ^C cancels the running turn.")]
pub(crate) struct Arguments {
    /// The agent of a new session
    #[arg(long, conflicts_with_all = ["session", "model"])]
    agent: Option<String>,
    /// The model of a new session without an agent
    #[arg(long, conflicts_with = "session")]
    model: Option<String>,
    /// The session to go on with
    #[arg(long)]
    session: Option<String>,
    /// One message; the command ends when it is answered
    #[arg(long, short)]
    message: Option<String>,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    context::block_on(converse(&client, arguments))
}

async fn converse(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let mut session = arguments.session.clone();
    if let Some(message) = &arguments.message {
        let session = opened(client, arguments, &mut session).await?;
        turn::take(client, &session, message).await?;
        output::note(format!("go on with: mainstay chat --session {session}"));
        return Ok(());
    }
    output::note("type a message; /quit ends");
    while let Some(line) = prompt().await? {
        match line.trim() {
            "" => {}
            "/quit" | "/exit" => break,
            message => {
                let session = opened(client, arguments, &mut session).await?;
                turn::take(client, &session, message).await?;
            }
        }
    }
    if let Some(session) = session {
        output::note(format!("go on with: mainstay chat --session {session}"));
    }
    Ok(())
}

async fn prompt() -> Result<Option<String>, Failure> {
    output::text("> ")?;
    input::line().await
}

/// The session, made at the first message.
async fn opened(
    client: &Client,
    arguments: &Arguments,
    session: &mut Option<String>,
) -> Result<String, Failure> {
    if let Some(session) = session {
        return Ok(session.clone());
    }
    let agent = match &arguments.agent {
        Some(agent) => agent.clone(),
        None => client.create_agent(&definition(client, arguments).await?).await?.id,
    };
    // A session without compute takes its first input when it is made or later.
    let params = json!({ "agent_id": agent, "environment": { "type": "none" } });
    let made = client.create_session(&params).await?;
    *session = Some(made.id.clone());
    Ok(made.id)
}

async fn definition(client: &Client, arguments: &Arguments) -> Result<Value, Failure> {
    let model = match &arguments.model {
        Some(model) => model.clone(),
        None => first_model(client).await?,
    };
    Ok(json!({ "model": model, "name": "chat" }))
}

async fn first_model(client: &Client) -> Result<String, Failure> {
    let models = client.models().await?;
    models.into_iter().next().map(|model| model.id).ok_or_else(|| {
        Failure::usage("the server knows no model by name").hint("name one with --model")
    })
}
