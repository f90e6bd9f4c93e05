//! `mainstay keys create`

use mainstay_core::resource::KeyKind;
use mainstay_protocol::Scope;

use super::access::Access;
use super::spend;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::key::NewKey;
use crate::output;
use crate::reach::Target;

/// The longest name of a key.
const MAX_NAME_CHARS: usize = 128;

/// Make a key and print it, alone, on stdout
///
/// The key is shown this once; the installation keeps its hash. On a data folder that is not there
/// yet the folder is made, so that a key can be had before the first start. With --sigv4 it prints an
/// access key id and a secret access key as lines for the environment; the installation keeps the
/// secret encrypted, since signatures are checked with it, and never shows it again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay keys create --name laptop
  export OPENAI_API_KEY=$(mainstay keys create --name notebook)
  mainstay keys create --name ops --admin
  mainstay keys create --name ci --spend-limit 5 --spend-period month
  export $(mainstay keys create --name executor --sigv4)
  mainstay keys create --name move --scope use --scope import")]
pub(crate) struct Arguments {
    /// A name for people
    #[arg(long)]
    name: String,
    /// It may also make and revoke keys, and read metrics: `--scope use --scope admin`
    #[arg(long, conflicts_with = "scope")]
    admin: bool,
    /// What it may do, several times for several things: use agents and sessions, administer keys
    /// and metrics, import under given ids [default: use]
    #[arg(long, value_name = "SCOPE", value_parser = parse_scope)]
    scope: Vec<Scope>,
    /// It signs requests (AWS Signature Version 4) instead of going with them: for Bedrock's SDKs and
    /// the executor of a self-hosted environment
    #[arg(long)]
    sigv4: bool,
    /// The most that it may spend in a period, US dollars: it holds for chat completions
    /// (`/v1/chat/completions`) and `/v1/responses/compact`; sessions have limits of their own
    #[arg(long, value_name = "USD", value_parser = spend::parse_usd)]
    spend_limit: Option<f64>,
    #[command(flatten)]
    period: spend::Period,
    #[command(flatten)]
    target: Target,
}

impl Arguments {
    fn kind(&self) -> KeyKind {
        if self.sigv4 { KeyKind::Sigv4 } else { KeyKind::Bearer }
    }

    fn scopes(&self) -> Vec<Scope> {
        match (self.admin, self.scope.as_slice()) {
            (true, _) => vec![Scope::Use, Scope::Admin],
            (false, []) => vec![Scope::Use],
            (false, named) => named.to_vec(),
        }
    }
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    let named = [Scope::Use, Scope::Admin, Scope::Import];
    let found = named.into_iter().find(|scope| scope.as_str() == text);
    found.ok_or_else(|| {
        format!("{text:?} is no scope; there are {}", named.map(Scope::as_str).join(", "))
    })
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let length = arguments.name.chars().count();
    if length == 0 || length > MAX_NAME_CHARS {
        let message = format!("a key's name has 1 to {MAX_NAME_CHARS} characters, not {length}");
        return Err(Failure::usage(message));
    }
    let (id, secret) = context::block_on(create(context, arguments))?;
    match arguments.kind() {
        KeyKind::Bearer => Ok(output::line(secret)?),
        KeyKind::Sigv4 => {
            output::line(format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}"))?;
            Ok(())
        }
    }
}

/// Answers the key's id and its secret.
async fn create(context: &Context, arguments: &Arguments) -> Result<(String, String), Failure> {
    let limit = arguments.spend_limit.map(|usd| (usd, arguments.period.spend_period));
    match Access::open_or_make(context, &arguments.target).await? {
        Access::Server(client) => {
            let scopes = arguments.scopes();
            let new = mainstay_client::NewKey {
                name: arguments.name.clone(),
                scopes: scopes.into_iter().map(|scope| scope.as_str().to_owned()).collect(),
                kind: arguments.kind().as_str().to_owned(),
                spend_limit: limit.map(|(usd, period)| spend::for_server(usd, period)),
            };
            let key = client.create_key(&new).await?;
            let hidden = || Failure::new("the server made a key and did not show it");
            Ok((key.id, key.secret.ok_or_else(hidden)?))
        }
        Access::Store(control, seals) => {
            let (name, scopes) = (arguments.name.clone(), arguments.scopes());
            let spend_limit = limit.map(|(usd, period)| spend::for_store(usd, period));
            let new = NewKey { name, scopes, kind: arguments.kind(), spend_limit };
            let (row, secret) = new.create(&control, seals.as_ref()).await?;
            Ok((row.id.to_string(), secret))
        }
    }
}
