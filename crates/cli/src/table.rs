//! Tables for people.
//!
//! Invariant: columns are as wide as their widest cell; the last one is not padded, so that lines do
//! not wrap for blanks.

use std::fmt::Write;

use crate::screen;

/// A table with these headings.
pub(crate) fn render(headings: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..headings.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell));
            cells.chain([width(headings[column])]).max().unwrap_or_default()
        })
        .collect();
    let headings = headings.iter().map(|heading| (*heading).to_owned()).collect::<Vec<_>>();
    std::iter::once(&headings).chain(rows).map(|row| line(row, &widths)).collect()
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, cell_width) in cells.iter().zip(widths) {
        let padding = cell_width - width(cell) + 2;
        let _ = write!(line, "{cell}{:padding$}", "");
    }
    format!("{}\n", line.trim_end())
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// A text on one line, cut to this many characters.
pub(crate) fn cut(text: &str, limit_chars: usize) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let one_line = screen::harmless(&one_line).into_owned();
    if width(&one_line) <= limit_chars {
        return one_line;
    }
    let kept: String = one_line.chars().take(limit_chars.saturating_sub(1)).collect();
    format!("{kept}…")
}
