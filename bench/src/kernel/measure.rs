//! The groups of the kernel's figures, and what measures each.

use anyhow::bail;

use super::figures::GROUPS;
use super::{crash, growth, parked, start, steps};
use crate::figure::Measured;
use crate::limits::Limits;
use crate::stage::Scale;
use crate::{Options, area};

/// Measures and prints.
pub(crate) async fn measure(options: &Options) -> anyhow::Result<()> {
    area::measure(options, GROUPS, one).await
}

async fn one(group: &str, scale: &Scale, limits: &Limits) -> anyhow::Result<Vec<Measured>> {
    match group {
        "start" => Box::pin(start::measure(scale)).await,
        "turn" => Box::pin(steps::turn(scale, limits)).await,
        "steps-1" => Box::pin(steps::one_session(scale, limits)).await,
        "steps-128" => Box::pin(steps::many_sessions(scale, limits)).await,
        "growth" => Box::pin(growth::measure(scale)).await,
        "crash" => Box::pin(crash::measure(scale)).await,
        "parked" => Box::pin(parked::measure(scale)).await,
        other => bail!("the group {other} has no measurement"),
    }
}
