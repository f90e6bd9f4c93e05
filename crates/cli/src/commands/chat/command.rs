//! What `mainstay chat` is asked, and the conversation.

use mainstay_client::Client;
use mainstay_protocol::ErrorCode;
use serde_json::json;

use super::turn::{self, Ended};
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::input;
use crate::output;
use crate::reach::{self, Target};

/// Talk to an agent; the session is kept, and can be gone on with
///
/// A new session is made at the first message. What the session waits for (the result of a function
/// that the client runs, an approval) is asked for in between.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay chat                                  a new session with the server's default model
  mainstay chat --model openai/gpt-5-mini        a new session with a model
  mainstay chat --agent agent_01h…               a new session with an agent
  mainstay chat --session ses_01h…               go on with a session
  mainstay chat --session ses_01h… -m 'Go on.'   one message, then end; exit code 1 without an answer

In a conversation an empty line does nothing, /quit ends it, ^C cancels the running turn and at the
prompt ends the conversation.")]
pub(crate) struct Arguments {
    /// The agent of a new session
    #[arg(long, value_name = "ID", conflicts_with_all = ["session", "model"])]
    agent: Option<String>,
    /// The model of a new session without an agent; the server's default when not given
    #[arg(long, conflicts_with = "session")]
    model: Option<String>,
    /// The session to go on with
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// One message; the command ends when it is answered
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    match &arguments.message {
        Some(message) => context::block_on(say(&client, arguments, message)),
        None => context::block_on(converse(&client, arguments)),
    }
}

/// One message and its answer.
async fn say(client: &Client, arguments: &Arguments, message: &str) -> Result<(), Failure> {
    let session = match &arguments.session {
        Some(session) => session.clone(),
        None => make(client, arguments).await?,
    };
    let taken = turn::take(client, &session, Some(message)).await;
    go_on_with(&session);
    match taken? {
        Ended::Answered => Ok(()),
        Ended::Unanswered => Err(Failure::new("the turn ended without an answer")),
    }
}

async fn converse(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let mut session = arguments.session.clone();
    let ended = exchange(client, arguments, &mut session).await;
    if let Some(session) = session {
        go_on_with(&session);
    }
    ended
}

/// Messages and answers until the user ends it.
async fn exchange(
    client: &Client,
    arguments: &Arguments,
    session: &mut Option<String>,
) -> Result<(), Failure> {
    if let Some(session) = session
        && !client.session(session).await?.required_actions.is_empty()
    {
        turn::take(client, session, None).await?;
    }
    if input::is_terminal() {
        output::note("type a message; /quit ends");
    }
    while let Some(line) = prompt().await? {
        let message = match line.trim() {
            "" => continue,
            "/quit" | "/exit" => break,
            message => message,
        };
        let session = match session {
            Some(session) => session,
            None => session.insert(make(client, arguments).await?),
        };
        turn::take(client, session, Some(message)).await?;
    }
    Ok(())
}

async fn prompt() -> Result<Option<String>, Failure> {
    if input::is_terminal() {
        output::text("> ")?;
    }
    input::line().await
}

/// A new session, without compute.
async fn make(client: &Client, arguments: &Arguments) -> Result<String, Failure> {
    let mut params = json!({ "environment": { "type": "none" } });
    if let Some(agent) = &arguments.agent {
        params["agent_id"] = json!(agent);
    }
    if let Some(model) = &arguments.model {
        params["agent"] = json!({ "model": model });
    }
    match client.create_session(&params).await {
        Ok(session) => Ok(session.id),
        Err(error) if error.code() == Some(ErrorCode::MissingParameter) => {
            Err(Failure::usage("the server has no default model").hint(
                "name one with --model, or give the server one: `default_model` in the section \
                 `server` of its configuration, or MAINSTAY_SERVER__DEFAULT_MODEL",
            ))
        }
        Err(error) => Err(error.into()),
    }
}

fn go_on_with(session: &str) {
    output::note(format!("go on with: mainstay chat --session {session}"));
}
