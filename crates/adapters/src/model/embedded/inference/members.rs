//! The order in which the members of an object are shown and written.
//!
//! Invariant: it follows from the schema's content, not from how its text happened to be ordered: a
//! journal keeps schemas in canonical form, so that after a restart the same tool would otherwise
//! read differently, and what the model has read would be worth nothing. Required members come
//! first, in the order in which the schema requires them, then the others by name.

use serde_json::{Map, Value};

/// The schema with its members in order, at every depth.
pub(super) fn in_order(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let required = members.get("required").and_then(Value::as_array);
            let required: Vec<&str> =
                required.into_iter().flatten().filter_map(Value::as_str).collect();
            let sorted = sorted(members, &[]);
            let inner = sorted.into_iter().map(|(name, value)| match (name.as_str(), value) {
                ("properties", Value::Object(named)) => {
                    let named = self::sorted(named, &required);
                    let named = named.into_iter().map(|(name, it)| (name.clone(), in_order(it)));
                    (name.clone(), Value::Object(named.collect()))
                }
                (_, value) => (name.clone(), in_order(value)),
            });
            Value::Object(inner.collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(in_order).collect()),
        other => other.clone(),
    }
}

/// The members named first, in that order, then the others by name.
fn sorted<'a>(members: &'a Map<String, Value>, first: &[&str]) -> Vec<(&'a String, &'a Value)> {
    let mut sorted: Vec<_> = members.iter().collect();
    let place = |name: &str| first.iter().position(|it| *it == name).unwrap_or(first.len());
    sorted.sort_by(|(a, _), (b, _)| place(a).cmp(&place(b)).then_with(|| a.cmp(b)));
    sorted
}
