//! `mainstay keys update`

use mainstay_protocol::KeyId;

use super::access::Access;
use super::spend;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::Target;
use crate::{key, output};

/// Change what a key may spend
///
/// The limit holds for chat completions (`/v1/chat/completions`) and `/v1/responses/compact`, from the
/// next one on. Sessions, responses among them, have limits of their own. What was spent in the period stays counted.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay keys update key_01h… --spend-limit 20 --spend-period month
  mainstay keys update key_01h… --no-spend-limit")]
pub(crate) struct Arguments {
    /// The key's id, as `keys list` shows it
    key: String,
    /// The most that it may spend in a period, US dollars
    #[arg(
        long,
        value_name = "USD",
        value_parser = spend::parse_usd,
        required_unless_present = "no_spend_limit"
    )]
    spend_limit: Option<f64>,
    #[command(flatten)]
    period: spend::Period,
    /// It may spend without bound
    #[arg(long, conflicts_with = "spend_limit")]
    no_spend_limit: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let id = KeyId::parse(&arguments.key).map_err(|error| Failure::usage(error.to_string()))?;
    context::block_on(update(context, arguments, &id))?;
    output::note(format!("updated {id}"));
    Ok(())
}

async fn update(context: &Context, arguments: &Arguments, id: &KeyId) -> Result<(), Failure> {
    let limit = arguments.spend_limit.map(|usd| (usd, arguments.period.spend_period));
    match Access::open(context, &arguments.target).await? {
        Access::Server(client) => {
            let limit = limit.map(|(usd, period)| spend::for_server(usd, period));
            client.limit_key(id.as_str(), limit.as_ref()).await?;
        }
        Access::Store(control, _) => {
            let limit = limit.map(|(usd, period)| spend::for_store(usd, period));
            control.limit_key(&key::operator(), id, limit).await?;
        }
    }
    Ok(())
}
