//! Replaces texts in bytes that come in parts.
//!
//! Invariant: where the parts are cut makes no difference; no more is held back than could become one
//! of the texts.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

/// Which texts are replaced by what.
pub(super) struct Table {
    finder: AhoCorasick,
    texts: Vec<Vec<u8>>,
    replacements: Vec<Vec<u8>>,
    longest: usize,
}

impl Table {
    /// Texts and what stands in their place; none when there are no texts.
    pub(super) fn new(pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Option<Arc<Self>> {
        let pairs = pairs.into_iter().filter(|(text, _)| !text.is_empty());
        let (texts, replacements): (Vec<_>, Vec<_>) = pairs.unzip();
        let longest = texts.iter().map(Vec::len).max()?;
        let finder =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&texts).ok()?;
        Some(Arc::new(Self { finder, texts, replacements, longest }))
    }

    /// Replaces in bytes that are whole.
    pub(super) fn replace(self: &Arc<Self>, bytes: &[u8]) -> (Vec<u8>, Vec<usize>) {
        let mut replacer = Replacer::new(Arc::clone(self));
        let mut out = replacer.feed(bytes);
        out.extend(replacer.finish());
        (out, replacer.used)
    }

    /// From where on bytes could be the beginning of a text.
    fn held_from(&self, bytes: &[u8], from: usize) -> usize {
        let earliest = bytes.len().saturating_sub(self.longest - 1).max(from);
        let could_begin = |start: &usize| {
            let rest = &bytes[*start..];
            self.texts.iter().any(|text| text.len() > rest.len() && text.starts_with(rest))
        };
        (earliest..bytes.len()).find(could_begin).unwrap_or(bytes.len())
    }
}

/// Replaces in bytes as they come.
pub(super) struct Replacer {
    table: Arc<Table>,
    held: Vec<u8>,
    /// Which texts were met.
    pub(super) used: Vec<usize>,
}

impl Replacer {
    pub(super) fn new(table: Arc<Table>) -> Self {
        Self { table, held: Vec::new(), used: Vec::new() }
    }

    /// What is certain after these bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let mut held_from = self.table.held_from(&all, 0);
        let mut done = 0;
        let mut out = Vec::with_capacity(all.len());
        let table = Arc::clone(&self.table);
        for found in table.finder.find_iter(&all) {
            // It may be the beginning of a longer one.
            if found.start() >= held_from {
                break;
            }
            out.extend_from_slice(&all[done..found.start()]);
            self.put(found.pattern().as_usize(), &mut out);
            done = found.end();
            held_from = table.held_from(&all, done);
        }
        out.extend_from_slice(&all[done..held_from]);
        self.held = all.split_off(held_from);
        out
    }

    /// What was held back, now that nothing follows.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let all = std::mem::take(&mut self.held);
        let mut out = Vec::with_capacity(all.len());
        let mut done = 0;
        let table = Arc::clone(&self.table);
        for found in table.finder.find_iter(&all) {
            out.extend_from_slice(&all[done..found.start()]);
            self.put(found.pattern().as_usize(), &mut out);
            done = found.end();
        }
        out.extend_from_slice(&all[done..]);
        out
    }

    fn put(&mut self, index: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.table.replacements[index]);
        if !self.used.contains(&index) {
            self.used.push(index);
        }
    }
}

#[cfg(test)]
#[path = "replace_tests.rs"]
mod tests;
