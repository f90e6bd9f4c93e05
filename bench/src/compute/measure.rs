//! The groups of compute's figures, and what measures each.

use anyhow::bail;

use super::figures::GROUPS;
use super::{hub, microvm, neighbour, process};
use crate::figure::Measured;
use crate::limits::Limits;
use crate::stage::Scale;
use crate::{Options, area};

/// Measures and prints.
pub(crate) async fn measure(options: &Options) -> anyhow::Result<()> {
    area::measure(options, GROUPS, one).await
}

async fn one(group: &str, scale: &Scale, _limits: &Limits) -> anyhow::Result<Vec<Measured>> {
    match group {
        "microvm" => Box::pin(microvm::measure(scale)).await,
        "process" => Box::pin(process::measure(scale)).await,
        "hub" => Box::pin(hub::measure(scale)).await,
        "neighbour" => Box::pin(neighbour::measure(scale)).await,
        other => bail!("the group {other} has no measurement"),
    }
}
