//! `mainstay keys list`

use mainstay_client::Key;
use mainstay_core::port::Clock;
use mainstay_core::resource::KeyRow;
use mainstay_core::spend::KeySpend;
use mainstay_runtime::SystemClock;
use serde_json::json;

use super::access::Access;
use super::spend;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::Target;
use crate::{key, output, table, time};

/// List the keys, revoked ones too
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay keys list
  mainstay keys list --json | jq -r 'select(.revoked_at == null) | .id'")]
pub(crate) struct Arguments {
    /// Print JSON, one key a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let keys = context::block_on(list(context, arguments))?;
    if arguments.json {
        let keys: Vec<serde_json::Value> = keys.iter().map(as_json).collect();
        return Ok(output::json_lines(&keys)?);
    }
    let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
    Ok(output::text(table::render(
        &["KEY", "TYPE", "NAME", "SCOPES", "MADE (UTC)", "REVOKED", "SPENT (USD)"],
        &rows,
    ))?)
}

async fn list(context: &Context, arguments: &Arguments) -> Result<Vec<Key>, Failure> {
    match Access::open(context, &arguments.target).await? {
        Access::Server(client) => Ok(client.keys().await?),
        Access::Store(control, _) => {
            let now_ms = SystemClock.now_ms();
            let mut keys = Vec::new();
            for row in control.keys(&key::operator().tenant).await? {
                let spent = control.key_spend(&row.tenant, &row.id).await?;
                keys.push(key_of(row, &spent, now_ms));
            }
            Ok(keys)
        }
    }
}

fn key_of(row: KeyRow, spent: &KeySpend, now_ms: u64) -> Key {
    Key {
        spend_limit: spend::shown(&row, spent, now_ms),
        kind: row.kind().as_str().to_owned(),
        id: row.id.to_string(),
        name: row.name,
        scopes: row.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        created_at: row.created_at_ms / 1000,
        revoked_at: row.revoked_at_ms.map(|at_ms| at_ms / 1000),
        secret: None,
    }
}

fn row(key: &Key) -> Vec<String> {
    vec![
        key.id.clone(),
        key.kind.clone(),
        table::cut(&key.name, 40),
        key.scopes.join(","),
        time::stamp(key.created_at),
        key.revoked_at.map(time::stamp).unwrap_or_default(),
        key.spend_limit.as_ref().map(spend::words).unwrap_or_default(),
    ]
}

fn as_json(key: &Key) -> serde_json::Value {
    json!({
        "id": key.id,
        "type": key.kind,
        "name": key.name,
        "scopes": key.scopes,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
        "spend_limit": key.spend_limit.as_ref().map(|limit| json!({
            "limit_usd": limit.limit_usd,
            "period": limit.period,
            "spent_usd": limit.spent_usd,
            "reserved_usd": limit.reserved_usd,
            "resets_at": limit.resets_at,
        })),
    })
}
