//! An area: which figures are measured, in which order, and what becomes of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use mainstay_it::harness::mainstay_binary;

use crate::Options;
use crate::figure::{Group, Measured};
use crate::limits::Limits;
use crate::report;
use crate::stage::Scale;

/// Measures the groups that are asked for, each as `one` does it, and prints.
pub(crate) async fn measure(
    options: &Options,
    groups: &'static [Group],
    one: impl AsyncFn(&str, &Scale, &Limits) -> anyhow::Result<Vec<Measured>>,
) -> anyhow::Result<()> {
    let chosen: Vec<&Group> = groups.iter().filter(|group| is_chosen(group, options)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = groups.iter().map(|group| group.name).collect();
        bail!("no figure has this in its name; the groups are {}", names.join(", "));
    }
    let binary = mainstay_binary()?;
    println!("measuring {}", binary.display());
    let scale = Scale { folder: folder(options, &binary)?, is_quick: options.quick };
    let limits = limits(&scale).await?;
    let mut measured = Vec::new();
    for group in chosen {
        println!("{} …", group.name);
        let figures = one(group.name, &scale, &limits).await;
        measured.extend(figures.with_context(|| format!("measure {}", group.name))?);
    }
    report::print(&measured);
    if let Some(file) = &options.json {
        report::write(&measured, file)?;
    }
    Ok(())
}

fn is_chosen(group: &Group, options: &Options) -> bool {
    let Some(text) = &options.only else { return true };
    group.name.contains(text) || group.figures.iter().any(|figure| figure.name.contains(text))
}

fn folder(options: &Options, binary: &Path) -> anyhow::Result<PathBuf> {
    let beside = || binary.parent().map(Path::to_owned);
    options.folder.clone().or_else(beside).context("find a folder for data")
}

async fn limits(scale: &Scale) -> anyhow::Result<Limits> {
    let folder = tempfile::tempdir_in(&scale.folder)?;
    let span = Duration::from_millis(if scale.is_quick { 500 } else { 2_000 });
    let limits = Limits::measure(folder.path(), span).await.context("measure the machine")?;
    println!(
        "this machine: {} flushes/s behind an overwrite of 4 KB, {} behind an append; {} requests/s \
         of a bare server on one connection, {} on 128",
        report::number(limits.overwrites),
        report::number(limits.appends),
        report::number(limits.requests_1),
        report::number(limits.requests_128),
    );
    Ok(limits)
}
