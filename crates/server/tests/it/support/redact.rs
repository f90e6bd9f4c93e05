//! Answers without what differs between two runs.
//!
//! Invariant: equal ids stay equal: each becomes its type and the number of its first appearance.

use std::collections::BTreeMap;

use serde_json::Value;

const ID_PREFIXES: [&str; 11] =
    ["agent_", "apr_", "auto_", "call_", "eff_", "item_", "key_", "msk_", "req_", "ses_", "turn_"];

/// The value with its ids numbered.
pub(crate) fn redact(value: &Value) -> Value {
    let mut seen = BTreeMap::new();
    let mut counts = BTreeMap::new();
    walk(value, &mut seen, &mut counts)
}

type Names = BTreeMap<String, String>;
type Counts = BTreeMap<&'static str, usize>;

fn walk(value: &Value, seen: &mut Names, counts: &mut Counts) -> Value {
    match value {
        Value::String(text) => Value::String(words(text, seen, counts)),
        Value::Array(values) => values.iter().map(|value| walk(value, seen, counts)).collect(),
        Value::Object(members) => {
            let walked =
                members.iter().map(|(name, value)| (name.clone(), walk(value, seen, counts)));
            Value::Object(walked.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Numbers the ids in a text, which may be an id or a sentence with some.
fn words(text: &str, seen: &mut Names, counts: &mut Counts) -> String {
    let is_id_char = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut done = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_id_char) {
        done.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c| !is_id_char(c)).unwrap_or(rest.len());
        done.push_str(&word(&rest[..end], seen, counts));
        rest = &rest[end..];
    }
    done + rest
}

fn word(word: &str, seen: &mut Names, counts: &mut Counts) -> String {
    let prefix = ID_PREFIXES.into_iter().find(|prefix| word.starts_with(prefix));
    // Ids that a test chose are short and stay.
    let Some(prefix) = prefix.filter(|prefix| word.len() > prefix.len() + 9) else {
        return word.to_owned();
    };
    let name = seen.entry(word.to_owned()).or_insert_with(|| {
        let count = counts.entry(prefix).or_default();
        *count += 1;
        format!("[{prefix}{count}]")
    });
    name.clone()
}
