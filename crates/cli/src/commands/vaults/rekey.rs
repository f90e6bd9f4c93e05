//! `mainstay vaults rekey`

use std::sync::Arc;

use mainstay_core::resource::Sealed;
use mainstay_protocol::SessionId;
use mainstay_runtime::{Control, SystemClock};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::{output, wire};

/// The most sessions that are named.
const MAX_SHOWN: usize = 20;

/// Make another key, and encrypt everything with it that can be encrypted again
///
/// That is: credentials, webhook secrets, environment templates, environments of automations, signing keys, consents that wait and
/// OAuth clients; the command counts each. The key before is kept in `vault.retired` beside `vault.key`: it opens the set-ups of machines in sessions'
/// journals, which nobody rewrites, and answers kept for repeated requests, which lapse within a day. The
/// command says whether a session needs it; if none does, it can be removed a day later. Killed in the
/// middle, run it again; nothing is lost. A key that the operator gives (`vault.key`, MAINSTAY_VAULT_KEY) is
/// not made here: give another one, name this one in `vault.retired_keys`, and run this with --keep-key.
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
    let done = control.reseal(&vault).await?;
    let made = if arguments.keep_key { "" } else { "made another key; keep a copy of it. " };
    output::line(format!(
        "{made}encrypted {} credentials and webhook endpoints, {} environment templates, {} automations, \
         {} signing keys, {} waiting consents and {} OAuth clients again",
        done.credential_count,
        done.template_count,
        done.automation_count,
        done.key_count,
        done.consent_count,
        done.client_count
    ))?;
    let opens = |belongs_to: &str, sealed: &Sealed| {
        vault.opens_alone(belongs_to, sealed).unwrap_or_default()
    };
    let left = control.unopened_setups(opens).await?;
    Ok(output::line(remaining(&left))?)
}

/// What the keys before are still needed for.
fn remaining(left: &[SessionId]) -> String {
    if left.is_empty() {
        return "no session's journal needs a key before; kept answers need it for a day, then \
                vault.retired can be removed"
            .to_owned();
    }
    let shown: Vec<&str> = left.iter().take(MAX_SHOWN).map(SessionId::as_str).collect();
    let more = if left.len() > MAX_SHOWN { ", …" } else { "" };
    format!(
        "the journals of {} sessions hold machines' set-ups under keys before, which nobody rewrites: keep \
         vault.retired until these sessions are deleted: {}{more}",
        left.len(),
        shown.join(", ")
    )
}
