//! Where in a file a setting stands.

use serde_path_to_error::{Path, Segment};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// `LINE:COLUMN` of a setting, or of what it stands in as far as that is there; none in a text that
/// is no TOML.
pub(super) fn position(text: &str, path: &Path) -> Option<String> {
    let root = DeTable::parse(text).ok()?;
    let mut at = None;
    let mut value: Option<&DeValue<'_>> = None;
    for segment in path {
        let inner = match (segment, value) {
            (Segment::Map { key }, None) => entry(root.get_ref(), key),
            (Segment::Map { key }, Some(DeValue::Table(table))) => entry(table, key),
            (Segment::Seq { index }, Some(DeValue::Array(list))) => {
                list.get(*index).map(|found| (found.span().start, found.get_ref()))
            }
            _ => None,
        };
        let Some((start, found)) = inner else { break };
        (at, value) = (Some(start), Some(found));
    }
    let before = text.get(..at?)?;
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    Some(format!("{line}:{column}"))
}

/// Where a table's key stands, and its value.
fn entry<'a>(table: &'a DeTable<'_>, key: &str) -> Option<(usize, &'a DeValue<'a>)> {
    let (name, value) = table.iter().find(|(name, _)| name.get_ref() == key)?;
    Some((Spanned::span(name).start, value.get_ref()))
}
