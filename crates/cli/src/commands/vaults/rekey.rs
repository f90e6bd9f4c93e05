//! `mainstay vaults rekey`

use std::sync::Arc;

use mainstay_runtime::{Control, SystemClock};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::{output, wire};

/// Make another key, and encrypt credentials and webhook secrets with it
///
/// The key before is kept in `vault.retired` beside `vault.key`: it opens what sessions' journals hold,
/// which nobody rewrites. Killed in the middle, run it again; nothing is lost. A key that the operator
/// gives (`vault.key`, MAINSTAY_VAULT_KEY) is not made here: give another one, name this one in
/// `vault.retired_keys`, and run this with --keep-key.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay vaults rekey
  mainstay vaults rekey --keep-key")]
pub(crate) struct Arguments {
    /// Make no key: encrypt again with the one that is there
    #[arg(long)]
    keep_key: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    context::block_on(rekey(context, arguments))
}

async fn rekey(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    context.folder()?.require_store()?;
    let config = context.config(Vec::new())?;
    // Held to the end: no server may seal anything meanwhile.
    let store = wire::store(&config)?;
    let mut vault = wire::vault(&config, &context.environment)?;
    if !arguments.keep_key {
        vault.rotate().map_err(|error| Failure::new(error.to_string()))?;
    }
    let control = Control::open(store, Arc::new(SystemClock)).await?;
    let count = control.reseal(&vault).await?;
    let made = if arguments.keep_key { "" } else { "made another key; keep a copy of it. " };
    Ok(output::line(format!("{made}encrypted {count} credentials and webhook endpoints again"))?)
}
