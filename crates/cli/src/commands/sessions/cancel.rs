//! `mainstay sessions cancel`

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;
use crate::reach::{self, Target};
use crate::watch;

/// Cancel a session's active turn; what it had done stays done
///
/// Calls under way are given up, and what is queued behind the turn is taken next. A session at rest
/// is left as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sessions cancel ses_01h…")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    let id = &arguments.session;
    let was_resting = context::block_on(async {
        let session = client.session(id).await?;
        let was_resting = watch::is_resting(&session.status);
        if !was_resting {
            client.cancel(id).await?;
        }
        Ok(was_resting)
    })?;
    output::note(if was_resting {
        format!("no turn of {id} is active")
    } else {
        format!("cancelled the active turn of {id}")
    });
    Ok(())
}
