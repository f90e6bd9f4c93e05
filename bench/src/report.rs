//! The table, and the file for scripts.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use crate::figure::{Goal, Measured};

const HEADINGS: [&str; 6] =
    ["figure", "goal", "value", "reached", "limit of this machine", "peers"];

/// Prints the table.
pub(crate) fn print(measured: &[Measured]) {
    let rows: Vec<[String; 6]> = measured.iter().map(row).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEADINGS[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let line = |cells: [&str; 6]| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
    };
    println!();
    line(HEADINGS);
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    line(std::array::from_fn(|column| rules[column].as_str()));
    for row in &rows {
        line(std::array::from_fn(|column| row[column].as_str()));
    }
    let (reached, all) = measured
        .iter()
        .filter_map(reached)
        .fold((0, 0), |(reached, all), is| (reached + usize::from(is), all + 1));
    println!("\n{reached} of {all} goals reached");
}

/// Writes the figures for scripts.
pub(crate) fn write(measured: &[Measured], file: &Path) -> anyhow::Result<()> {
    let array: Vec<Value> = measured.iter().map(object).collect();
    let text = serde_json::to_string_pretty(&array)?;
    std::fs::write(file, text + "\n").with_context(|| format!("write {}", file.display()))
}

fn row(measured: &Measured) -> [String; 6] {
    let is_reached = match reached(measured) {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    let figure = measured.figure;
    let value = format!("{} {}", number(measured.value), figure.unit);
    [
        figure.name.to_owned(),
        goal(figure.goal),
        value.trim_end().to_owned(),
        is_reached.to_owned(),
        measured.limit.clone().unwrap_or_default(),
        figure.peer.to_owned(),
    ]
}

fn object(measured: &Measured) -> Value {
    let figure = measured.figure;
    json!({
        "figure": figure.name,
        "value": measured.value,
        "unit": figure.unit,
        "goal": goal(figure.goal),
        "reached": reached(measured),
        "limit": measured.limit,
        "peer": figure.peer,
    })
}

fn reached(measured: &Measured) -> Option<bool> {
    measured.figure.goal.is_reached(measured.value)
}

fn goal(goal: Goal) -> String {
    match goal {
        Goal::AtLeast(bound) => format!("≥ {}", number(bound)),
        Goal::AtMost(bound) => format!("≤ {}", number(bound)),
        Goal::None => String::new(),
    }
}

/// A number with as many digits as say something.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => thousands(value),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => trimmed(format!("{value:.1}")),
        size if size >= 0.1 => trimmed(format!("{value:.2}")),
        _ => trimmed(format!("{value:.3}")),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits.as_str()),
    };
    let mut text = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn trimmed(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
