//! `mainstay sessions cancel`

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;
use crate::reach::{self, Target};

/// Cancel a session's active turn; what it had done stays done
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    context::block_on(async { Ok(client.cancel(&arguments.session).await?) })?;
    output::note(format!("cancelled the active turn of {}", arguments.session));
    Ok(())
}
