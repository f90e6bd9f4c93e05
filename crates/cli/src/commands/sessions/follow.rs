//! `mainstay sessions follow`

use mainstay_client::Client;

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::live::Live;
use crate::output;
use crate::reach::{self, Target};
use crate::watch::{self, Watch};

/// Sequence numbers are the entry's position times this, plus the event's place among the entry's.
const NUMBERS_PER_ENTRY: u64 = 100;
/// How long the last entry's further events may take.
const LAST_EVENTS_WAIT_MS: u64 = 200;

/// Follow a session as it goes, over lost connections and restarts
///
/// It ends when the session rests. One that waits for a result or an approval is followed on. ^C
/// ends following and nothing else.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sessions follow ses_01h…             from the beginning until it rests
  mainstay sessions follow ses_01h… --after 1203 --json
  mainstay sessions follow ses_01h… --forever")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// Begin behind this sequence number; 0 is the session's beginning
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
    /// Go on when the session rests
    #[arg(long)]
    forever: bool,
    /// Print JSON, one event a line, as the server sends it
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
    let session = client.session(&arguments.session).await?;
    // A rest before this number is not the one that is waited for.
    let newest = session.sequence_number;
    let was_resting = watch::is_resting(&session.status);
    let mut watch = Watch::behind(client, &session.id, arguments.after).await?;
    let mut live = Live::default();
    loop {
        let is_told = watch.at() / NUMBERS_PER_ENTRY >= newest / NUMBERS_PER_ENTRY;
        let event = tokio::select! {
            biased;
            event = watch.next() => event?,
            // An entry's events come together.
            () = context::pass(LAST_EVENTS_WAIT_MS), if is_told && was_resting && !arguments.forever => {
                return Ok(());
            }
        };
        if arguments.json {
            output::line(event.json.to_string())?;
        } else {
            live.show(&event)?;
        }
        let is_new = watch.at() > newest;
        if is_new && watch::is_rest(&event) && !arguments.forever {
            return Ok(());
        }
    }
}
