//! `mainstay-sim`: runs seeds and prints those that fail, each with the line that runs it again.

#![expect(clippy::print_stdout, reason = "this program's output is what it prints")]

use std::process::ExitCode;

use clap::Parser;
use mainstay_sim::{Options, simulate};

/// Every seed is run; every fiftieth twice, and must give the same bytes.
const TWICE_EVERY: u64 = 50;

/// Seeded simulation of the real runtime.
#[derive(Parser)]
struct Args {
    /// How many seeds to run, from 0.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// Run this seed alone, twice.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let (first, count) = args.seed.map_or((0, args.seeds), |seed| (seed, 1));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<Totals> = std::thread::scope(|scope| {
        let run = |worker| scope.spawn(move || seeds(first, count, worker as u64, workers));
        let handles: Vec<_> = (0..workers).map(run).collect();
        handles.into_iter().map(|handle| handle.join().expect("workers catch panics")).collect()
    });
    let mut totals = Totals::default();
    for part in results {
        totals.add(&part);
    }
    println!(
        "{} entries, {} deaths of processes, {} effects on the world",
        totals.entries, totals.deaths, totals.deeds
    );
    println!("{} passed, {} failed", totals.passed, totals.failed);
    if totals.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Default)]
struct Totals {
    passed: u64,
    failed: u64,
    entries: usize,
    deaths: u64,
    deeds: usize,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.entries += other.entries;
        self.deaths += other.deaths;
        self.deeds += other.deeds;
    }
}

fn seeds(first: u64, count: u64, worker: u64, workers: usize) -> Totals {
    let mut totals = Totals::default();
    for seed in (first + worker..first + count).step_by(workers) {
        one(seed, count == 1 || seed % TWICE_EVERY == 0, &mut totals);
    }
    totals
}

fn one(seed: u64, twice: bool, totals: &mut Totals) {
    let run = || std::panic::catch_unwind(|| simulate(Options { seed }));
    let failure = match run() {
        Err(_) => Some("the run panicked".to_owned()),
        Ok(report) => {
            totals.entries += report.entries;
            totals.deaths += u64::from(report.deaths);
            totals.deeds += report.deeds;
            let again = twice.then(|| run().ok()).flatten();
            match (report.failure, again) {
                (None, Some(again)) if again.digest != report.digest => {
                    Some("the same seed gave other bytes the second time".to_owned())
                }
                (failure, _) => failure,
            }
        }
    };
    match failure {
        None => totals.passed += 1,
        Some(what) => {
            totals.failed += 1;
            println!("seed {seed} failed: {what}\n  again: cargo xtask sim --seed {seed}");
        }
    }
}
