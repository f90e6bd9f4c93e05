//! What the server counts.
//!
//! Invariant: counts are kept per idempotency key, since what matters is what came twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::script::Script;

/// Scripts kept parsed.
const MAX_CACHED_SCRIPTS: usize = 4096;
/// Keys that a report names.
const MAX_REPORTED_KEYS: usize = 20;

/// The counts and the scripts seen.
#[derive(Default)]
pub struct State {
    inner: Mutex<Inner>,
    arrivals: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    scripts: HashMap<Box<[u8]>, Arc<Script>>,
    model: HashMap<Box<str>, ModelCounts>,
    model_unkeyed: u64,
    tools: HashMap<Box<str>, ToolCounts>,
    tools_unkeyed: u64,
    /// Effects by what was asked, whatever the key.
    asked: HashMap<Box<str>, u64>,
}

#[derive(Default, Clone, Copy)]
struct ModelCounts {
    started: u64,
    finished: u64,
    after_finish: u64,
}

#[derive(Default, Clone, Copy)]
struct ToolCounts {
    calls: u64,
    effects: u64,
}

/// Counts of model calls.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelStats {
    /// Calls begun.
    pub calls: u64,
    /// Different keys among them.
    pub keys: u64,
    /// Calls without a key.
    pub unkeyed: u64,
    /// Calls that were not the first with their key.
    pub repeated: u64,
    /// Calls whose answer was sent to its end.
    pub finished: u64,
    /// Calls that came again although their answer had been sent to its end.
    pub repeated_after_finish: u64,
    /// Some of the keys that came more than once.
    pub repeated_keys: Vec<String>,
}

/// Counts of tool calls.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolStats {
    /// Calls.
    pub calls: u64,
    /// Different keys among them.
    pub keys: u64,
    /// Calls without a key.
    pub unkeyed: u64,
    /// Effects on the world.
    pub effects: u64,
    /// Effects that were not the first of their key.
    pub repeated: u64,
    /// Some of the keys with more than one effect.
    pub repeated_keys: Vec<String>,
    /// Effects that were not the first of their tool and arguments, whatever their keys. Says
    /// something where the caller gives each call arguments of its own.
    pub asked_again: u64,
}

impl State {
    /// How many calls of models and tools have begun, to wait for.
    #[must_use]
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }

    /// Effects so far by tool and query, whatever the key.
    #[must_use]
    pub fn effects(&self) -> HashMap<Box<str>, u64> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no code panics while it holds this lock")
    }

    /// Forgets everything.
    pub fn reset(&self) {
        *self.lock() = Inner::default();
    }

    /// The script that a JSON string holds.
    pub(super) fn script(&self, literal: &[u8]) -> Result<Arc<Script>, serde_json::Error> {
        if let Some(script) = self.lock().scripts.get(literal) {
            return Ok(script.clone());
        }
        let text: String = serde_json::from_slice(literal)?;
        let script: Arc<Script> = Arc::new(serde_json::from_str(&text)?);
        let mut inner = self.lock();
        if inner.scripts.len() >= MAX_CACHED_SCRIPTS {
            inner.scripts.clear();
        }
        inner.scripts.insert(literal.into(), script.clone());
        Ok(script)
    }

    /// Counts a model call; gives how many there were with its key, this one included.
    pub(super) fn model_started(&self, key: Option<&str>) -> u64 {
        self.arrivals.send_modify(|count| *count += 1);
        let mut inner = self.lock();
        let Some(key) = key else {
            inner.model_unkeyed += 1;
            return inner.model_unkeyed;
        };
        let counts = entry(&mut inner.model, key);
        counts.started += 1;
        if counts.finished > 0 {
            counts.after_finish += 1;
        }
        counts.started
    }

    /// Counts an answer that was sent to its end.
    pub(super) fn model_finished(&self, key: Option<&str>) {
        if let Some(key) = key {
            entry(&mut self.lock().model, key).finished += 1;
        }
    }

    /// Counts a tool call; gives how many there were with its key, this one included.
    pub(super) fn tool_called(&self, key: Option<&str>) -> u64 {
        self.arrivals.send_modify(|count| *count += 1);
        let mut inner = self.lock();
        let Some(key) = key else {
            inner.tools_unkeyed += 1;
            return inner.tools_unkeyed;
        };
        let counts = entry(&mut inner.tools, key);
        counts.calls += 1;
        counts.calls
    }

    /// Counts an effect; a tool that honours the key has none after the first.
    pub(super) fn tool_effect(
        &self,
        (tool, query): (&str, &str),
        key: Option<&str>,
        honours_key: bool,
    ) -> u64 {
        let mut inner = self.lock();
        let effects = match key {
            None => 1,
            Some(key) => {
                let counts = entry(&mut inner.tools, key);
                if counts.effects > 0 && honours_key {
                    return counts.effects;
                }
                counts.effects += 1;
                counts.effects
            }
        };
        *inner.asked.entry(format!("{tool}?{query}").into()).or_default() += 1;
        effects
    }

    /// How many effects a key had.
    pub(super) fn tool_effects(&self, key: &str) -> u64 {
        self.lock().tools.get(key).map_or(0, |counts| counts.effects)
    }

    /// Model calls so far.
    #[must_use]
    pub fn model_stats(&self) -> ModelStats {
        let inner = self.lock();
        let mut stats = ModelStats { unkeyed: inner.model_unkeyed, ..ModelStats::default() };
        for (key, counts) in &inner.model {
            stats.keys += 1;
            stats.calls += counts.started;
            stats.finished += counts.finished;
            stats.repeated += counts.started.saturating_sub(1);
            stats.repeated_after_finish += counts.after_finish;
            note_repeated(&mut stats.repeated_keys, key, counts.started);
        }
        stats.calls += stats.unkeyed;
        stats
    }

    /// Tool calls so far.
    #[must_use]
    pub fn tool_stats(&self) -> ToolStats {
        let inner = self.lock();
        let mut stats = ToolStats { unkeyed: inner.tools_unkeyed, ..ToolStats::default() };
        for (key, counts) in &inner.tools {
            stats.keys += 1;
            stats.calls += counts.calls;
            stats.effects += counts.effects;
            stats.repeated += counts.effects.saturating_sub(1);
            note_repeated(&mut stats.repeated_keys, key, counts.effects);
        }
        stats.calls += stats.unkeyed;
        stats.effects += stats.unkeyed;
        stats.asked_again = inner.asked.values().map(|effects| effects.saturating_sub(1)).sum();
        stats
    }
}

/// The counts of a key. Looks before it inserts, so that a known key is not copied.
fn entry<'a, T: Default>(map: &'a mut HashMap<Box<str>, T>, key: &str) -> &'a mut T {
    if !map.contains_key(key) {
        map.insert(key.into(), T::default());
    }
    map.get_mut(key).expect("inserted above")
}

fn note_repeated(keys: &mut Vec<String>, key: &str, count: u64) {
    if count > 1 && keys.len() < MAX_REPORTED_KEYS {
        keys.push(key.to_owned());
    }
}
