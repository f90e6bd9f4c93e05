//! The groups of the doors' figures, and what measures each.

use anyhow::bail;

use super::figures::GROUPS;
use super::{followers, reconnect, responses};
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
        "responses" => Box::pin(responses::measure(scale)).await,
        "reconnect" => Box::pin(reconnect::measure(scale)).await,
        "followers" => Box::pin(followers::measure(scale)).await,
        other => bail!("the group {other} has no measurement"),
    }
}
