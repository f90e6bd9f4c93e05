//! One row spec's rows with its indexes.
//!
//! Invariant: every index holds exactly one position (index values, then key values) per row.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use mainstay_protocol::{Row, RowKey, RowSpec};

use crate::check::{self, Scan};
use crate::{Direction, RowPage, StoreError};

/// Values that say where a row stands in an order.
type Position = Vec<Arc<str>>;

#[derive(Debug)]
pub(super) struct Table {
    spec: &'static RowSpec,
    rows: BTreeMap<Position, Row>,
    indexes: Vec<BTreeSet<Position>>,
}

impl Table {
    pub(super) fn new(spec: &'static RowSpec) -> Self {
        Self {
            spec,
            rows: BTreeMap::new(),
            indexes: spec.indexes.iter().map(|_| BTreeSet::new()).collect(),
        }
    }

    pub(super) fn get(&self, key: &RowKey) -> Option<&Row> {
        self.rows.get(&key.values)
    }

    pub(super) fn put(&mut self, mut row: Row) {
        self.delete(&row.key);
        let columns = check::index_columns(self.spec);
        let values = check::column_values(&row, &columns);
        row.columns = columns.into_iter().map(Arc::from).zip(values).collect();
        for (number, index) in self.indexes.iter_mut().enumerate() {
            index.insert(index_position(self.spec, number, &row));
        }
        self.rows.insert(row.key.values.clone(), row);
    }

    pub(super) fn delete(&mut self, key: &RowKey) {
        let Some(row) = self.rows.remove(&key.values) else { return };
        for (number, index) in self.indexes.iter_mut().enumerate() {
            index.remove(&index_position(self.spec, number, &row));
        }
    }

    pub(super) fn scan(
        &self,
        scan: &Scan<'_>,
        direction: Direction,
        limit_count: usize,
    ) -> Result<RowPage, StoreError> {
        let mut rows: Vec<Row> = match scan.index {
            None => {
                let after = scan.after.map(|key| key.values.clone());
                let bounds = bounds(scan.prefix, after, direction);
                let found =
                    self.rows.range::<[Arc<str>], _>(as_slices(&bounds)).map(|(_, row)| row);
                take(found, direction, limit_count.saturating_add(1))
            }
            Some(number) => {
                let after = match scan.after {
                    None => None,
                    Some(key) => {
                        let row = self.get(key).ok_or_else(|| check::cursor_gone(key))?;
                        Some(index_position(self.spec, number, row))
                    }
                };
                let bounds = bounds(scan.prefix, after, direction);
                let key_start = self.spec.indexes[number].len();
                let found = self.indexes[number]
                    .range::<[Arc<str>], _>(as_slices(&bounds))
                    .map(|position| &self.rows[&position[key_start..]]);
                take(found, direction, limit_count.saturating_add(1))
            }
        };
        let has_more = rows.len() > limit_count;
        rows.truncate(limit_count);
        Ok(RowPage { rows, has_more })
    }
}

fn index_position(spec: &RowSpec, number: usize, row: &Row) -> Position {
    let mut position = check::column_values(row, spec.indexes[number]);
    position.extend(row.key.values.iter().cloned());
    position
}

type Bounds = (Bound<Position>, Bound<Position>);

type Slice<'a> = Bound<&'a [Arc<str>]>;

fn as_slices(bounds: &Bounds) -> (Slice<'_>, Slice<'_>) {
    (bounds.0.as_ref().map(Vec::as_slice), bounds.1.as_ref().map(Vec::as_slice))
}

/// The positions that begin with `prefix` and lie behind `after`.
fn bounds(prefix: &[Arc<str>], after: Option<Position>, direction: Direction) -> Bounds {
    let low = prefix.to_vec();
    let high = prefix.split_last().map(|(last, rest)| {
        // The least text above `last`: positions below it begin with the prefix or lie before it.
        let mut high = rest.to_vec();
        high.push(format!("{last}\0").into());
        high
    });
    let nothing = (Bound::Included(low.clone()), Bound::Excluded(low.clone()));
    let (low, high) = match (direction, after) {
        (Direction::Ascending, Some(after)) if after >= low => (Bound::Excluded(after), high),
        (Direction::Descending, Some(after)) if high.as_ref().is_none_or(|high| after <= *high) => {
            (Bound::Included(low), Some(after))
        }
        (Direction::Ascending | Direction::Descending, _) => (Bound::Included(low), high),
    };
    let is_empty = match (&low, &high) {
        (Bound::Included(low) | Bound::Excluded(low), Some(high)) => low >= high,
        _ => false,
    };
    if is_empty {
        return nothing;
    }
    (low, high.map_or(Bound::Unbounded, Bound::Excluded))
}

fn take<'a>(
    found: impl DoubleEndedIterator<Item = &'a Row>,
    direction: Direction,
    limit_count: usize,
) -> Vec<Row> {
    match direction {
        Direction::Ascending => found.take(limit_count).cloned().collect(),
        Direction::Descending => found.rev().take(limit_count).cloned().collect(),
    }
}
