//! Checks arguments against tools' JSON schemas.
//!
//! Invariant: a schema never makes this program read a file or open a connection; references lead
//! inside the schema or fail. Errors are short, since a model reads them.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use lru::LruCache;
use serde_json::Value;

use super::cache::lock;
use super::output::cut_text;

/// How many compiled schemas are kept.
const MAX_VALIDATORS: NonZeroUsize = NonZeroUsize::new(1_024).expect("not zero");
/// The largest schema of one tool's arguments, in bytes of JSON.
pub(crate) const MAX_SCHEMA_BYTES: usize = 131_072;
/// How many faults of the arguments are named at once.
const MAX_FAULTS: usize = 5;
/// The longest description of one fault, in bytes.
const MAX_FAULT_BYTES: usize = 300;
/// The largest compiled pattern of a schema, in bytes.
const MAX_PATTERN_BYTES: usize = 1_048_576;
/// The most steps back that matching one pattern takes.
const MAX_PATTERN_STEPS: usize = 100_000;

/// Compiled schemas by content.
pub(crate) struct Schemas {
    /// None is a schema that cannot be compiled: judging the arguments is left to the tool.
    compiled: Mutex<LruCache<Value, Option<Arc<Validator>>>>,
}

impl Schemas {
    pub(crate) fn new() -> Self {
        Self { compiled: Mutex::new(LruCache::new(MAX_VALIDATORS)) }
    }

    /// Whether arguments fit; the error is for the model.
    pub(crate) fn check(&self, schema: &Value, arguments: &Value) -> Result<(), String> {
        let Some(validator) = self.validator(schema) else {
            return Ok(());
        };
        if validator.is_valid(arguments) {
            return Ok(());
        }
        let mut text = "the arguments do not fit the tool's schema:".to_owned();
        for fault in validator.iter_errors(arguments).take(MAX_FAULTS) {
            text.push_str("\n- ");
            text.push_str(&describe(&fault));
        }
        Err(text)
    }

    fn validator(&self, schema: &Value) -> Option<Arc<Validator>> {
        if let Some(known) = lock(&self.compiled).get(schema) {
            return known.clone();
        }
        // Compiled outside of the lock: other sessions' checks do not wait for a large schema.
        let compiled = compile(schema).inspect_err(|reason| tracing::warn!(reason));
        let validator = compiled.ok().map(Arc::new);
        lock(&self.compiled).put(schema.clone(), validator.clone());
        validator
    }
}

/// Compiles a schema; the error is for whoever wrote it.
pub(crate) fn compile(schema: &Value) -> Result<Validator, String> {
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(MAX_PATTERN_STEPS)
        .size_limit(MAX_PATTERN_BYTES);
    jsonschema::options()
        .offline()
        .with_pattern_options(patterns)
        .build(schema)
        .map_err(|error| format!("the tool's schema is not usable: {}", describe(&error)))
}

/// Where the fault is and what was expected there.
fn describe(fault: &ValidationError<'_>) -> String {
    let path = fault.instance_path().as_str();
    let mut text = String::new();
    if !path.is_empty() {
        let _ = write!(text, "{}: ", path.trim_start_matches('/').replace('/', "."));
    }
    match fault.kind() {
        ValidationErrorKind::Required { property } => {
            let _ = write!(text, "{} is missing", property.as_str().unwrap_or_default());
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let _ = write!(text, "there is no such argument: {}", unexpected.join(", "));
        }
        ValidationErrorKind::Enum { options } => {
            let _ = write!(text, "expected one of {options}");
        }
        _ => {
            let _ = write!(text, "{fault}");
        }
    }
    cut_text(&mut text, MAX_FAULT_BYTES);
    text
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
