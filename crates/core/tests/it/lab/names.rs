//! Short names for minted ids, in the order in which they appear.

use std::collections::BTreeMap;

/// Characters of a minted id after its prefix.
const MINTED_CHARS: usize = 26;

#[derive(Debug, Default)]
pub(super) struct Names {
    known: BTreeMap<String, String>,
    counts: BTreeMap<String, u32>,
}

impl Names {
    /// The text with each minted id as its prefix and a number.
    pub(super) fn shorten(&mut self, text: &str) -> String {
        let mut short = String::with_capacity(text.len());
        let mut word = String::new();
        for c in text.chars().chain(['\n']) {
            if c.is_ascii_alphanumeric() || c == '_' {
                word.push(c);
                continue;
            }
            short.push_str(&self.name(&word));
            word.clear();
            short.push(c);
        }
        short.pop();
        short
    }

    fn name(&mut self, word: &str) -> String {
        let Some((prefix, tail)) = word.split_once('_') else { return word.to_owned() };
        if tail.len() != MINTED_CHARS {
            return word.to_owned();
        }
        if let Some(known) = self.known.get(word) {
            return known.clone();
        }
        let count = self.counts.entry(prefix.to_owned()).or_default();
        *count += 1;
        let name = format!("{prefix}{count}");
        self.known.insert(word.to_owned(), name.clone());
        name
    }
}
