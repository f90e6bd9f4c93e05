//! `mainstay sessions follow`

use mainstay_client::{Client, ClientError, EventBody};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::live::Live;
use crate::output;
use crate::reach::{self, Target};

/// Sequence numbers are the entry's position times this, plus the event's place among the entry's.
const NUMBERS_PER_ENTRY: u64 = 100;
/// How long to wait before a lost server is tried again.
const RECONNECT_WAIT_MS: u64 = 500;
/// How often a lost server is tried again.
const RECONNECT_LIMIT_COUNT: u32 = 120;

/// Follow a session as it goes, over lost connections and restarts
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sessions follow ses_01h…             from the beginning until it rests
  mainstay sessions follow ses_01h… --after 1203 --json
  mainstay sessions follow ses_01h… --forever")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// Begin behind this sequence number
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// Go on when the session rests
    #[arg(long)]
    forever: bool,
    /// Print each event as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    context::block_on(follow(&client, arguments))
}

async fn follow(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    // A session at rest has nothing to come: what is there is shown, then the command ends.
    let session = client.session(&arguments.session).await?;
    let mut rests = session.status == "idle" && !arguments.forever;
    let newest = if rests { last_entry(client, &session.id).await? } else { 0 };
    let mut follower = client.follow(&session.id, Some(arguments.after)).await?;
    let mut live = Live::default();
    let mut failures = 0;
    loop {
        if rests && follower.at().unwrap_or_default() / NUMBERS_PER_ENTRY >= newest {
            return Ok(());
        }
        let event = match follower.next().await {
            Ok(event) => event,
            Err(error @ ClientError::Unreachable { .. }) if failures < RECONNECT_LIMIT_COUNT => {
                failures += 1;
                if failures == 1 {
                    output::note(format!("{error}; trying again"));
                }
                context::pass(RECONNECT_WAIT_MS).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        failures = 0;
        if arguments.json {
            output::line(serde_json::to_string(&event).expect("what was JSON is JSON"))?;
        } else {
            live.show(&event)?;
        }
        let ends = matches!(
            event.body,
            EventBody::SessionIdle(_)
                | EventBody::SessionFailed(_)
                | EventBody::SessionBudgetReached(_)
        );
        if ends && !arguments.forever && newest == 0 {
            rests = true;
        }
    }
}

/// The position of the last entry of a session at rest.
async fn last_entry(client: &Client, session: &str) -> Result<u64, Failure> {
    let mut after = 0;
    loop {
        let page = client.journal(session, after).await?;
        after = page.data.last().map_or(after, |entry| entry.seq);
        if !page.has_more {
            return Ok(after);
        }
    }
}
