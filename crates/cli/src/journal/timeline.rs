//! A journal for people: one line an entry.

use mainstay_protocol::Entry;

use super::summary::summary;
use crate::{table, time};

/// How much of a summary is shown.
const SUMMARY_CHARS: usize = 96;

/// The table of these entries.
pub(crate) fn timeline(entries: &[Entry]) -> String {
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    table::render(&["SEQ", "TIME (UTC)", "ENTRY", "WHAT"], &rows)
}

fn row(entry: &Entry) -> Vec<String> {
    vec![
        format!("{:>3}", entry.seq),
        time::clock_ms(entry.at),
        entry.kind.to_string(),
        table::cut(&summary(entry), SUMMARY_CHARS),
    ]
}
