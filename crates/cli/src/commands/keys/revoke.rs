//! `mainstay keys revoke`

use mainstay_protocol::KeyId;

use super::access::Access;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::Target;
use crate::{key, output};

/// Revoke a key; it opens nothing from now on
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay keys revoke key_01h…")]
pub(crate) struct Arguments {
    /// The key's id, as `keys list` shows it
    key: String,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let id = KeyId::parse(&arguments.key).map_err(|error| Failure::usage(error.to_string()))?;
    context::block_on(revoke(context, arguments, &id))?;
    output::note(format!("revoked {id}"));
    Ok(())
}

async fn revoke(context: &Context, arguments: &Arguments, id: &KeyId) -> Result<(), Failure> {
    match Access::open(context, &arguments.target).await? {
        Access::Server(client) => Ok(client.revoke_key(id.as_str()).await?),
        Access::Store(control, _) => Ok(control.revoke_key(&key::operator(), id).await?),
    }
}
