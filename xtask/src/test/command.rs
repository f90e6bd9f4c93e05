//! Runs the stages one after the other and sums them up.
//!
//! Invariant: the last line is `N passed, N failed`, and a failed stage counts at least one failure.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::stages::{self, Context, Stage};
use super::tally::Tally;
use crate::setup::{self, Purpose};
use crate::workspace::Workspace;

/// Run every check and test, as continuous integration does
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leave out what takes longest: the dependency check, documentation tests, simulation, SDK tests,
    /// the embedded model
    #[arg(long)]
    quick: bool,
    /// Run only these stages
    #[arg(long, value_name = "STAGE", value_delimiter = ',', value_parser = stages::names())]
    only: Vec<String>,
}

/// How one stage went.
struct Report {
    name: &'static str,
    result: Outcome,
    took: Duration,
}

#[derive(Clone, Copy)]
enum Outcome {
    Ran(Tally),
    LeftOut,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    setup::ensure(workspace, Purpose::Test)?;
    let mut context = Context::new(workspace);
    let reports: Vec<Report> =
        stages::ALL.iter().map(|stage| run_stage(stage, &mut context, arguments)).collect();
    conclude(&reports)
}

fn run_stage(stage: &Stage, context: &mut Context<'_>, arguments: &Arguments) -> Report {
    if !is_chosen(stage, arguments) {
        return Report { name: stage.name, result: Outcome::LeftOut, took: Duration::ZERO };
    }
    println!("\n=== {}: {} ===", stage.name, stage.about);
    let start = Instant::now();
    let tally = (stage.run)(context).unwrap_or_else(|error| {
        println!("error: {error:#}");
        Tally::failure()
    });
    Report { name: stage.name, result: Outcome::Ran(tally), took: start.elapsed() }
}

fn is_chosen(stage: &Stage, arguments: &Arguments) -> bool {
    if arguments.only.is_empty() {
        return stage.is_quick || !arguments.quick;
    }
    arguments.only.iter().any(|name| name == stage.name)
}

fn conclude(reports: &[Report]) -> Result<()> {
    println!("\n{:<12}{:<10}{:>8}{:>8}{:>10}", "stage", "result", "passed", "failed", "seconds");
    for report in reports {
        println!("{}", row(report));
    }
    let total = reports.iter().fold(Tally::default(), |sum, report| sum + tally(report));
    let took: Duration = reports.iter().map(|report| report.took).sum();
    println!(
        "{:<12}{:<10}{:>8}{:>8}{:>10.1}\n",
        "all",
        "",
        total.passed,
        total.failed,
        took.as_secs_f64()
    );
    println!("{total}");
    if total.failed > 0 {
        bail!("failed: {}", names_of_failed(reports).join(", "));
    }
    Ok(())
}

fn row(report: &Report) -> String {
    let Tally { passed, failed, .. } = tally(report);
    let result = match report.result {
        Outcome::LeftOut => return format!("{:<12}left out", report.name),
        Outcome::Ran(_) if failed == 0 => "ok",
        Outcome::Ran(_) => "FAILED",
    };
    format!(
        "{:<12}{result:<10}{passed:>8}{failed:>8}{:>10.1}",
        report.name,
        report.took.as_secs_f64()
    )
}

fn tally(report: &Report) -> Tally {
    match report.result {
        Outcome::Ran(tally) => tally,
        Outcome::LeftOut => Tally::default(),
    }
}

fn names_of_failed(reports: &[Report]) -> Vec<&'static str> {
    reports.iter().filter(|report| tally(report).failed > 0).map(|report| report.name).collect()
}
