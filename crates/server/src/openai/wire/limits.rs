//! The limits of a request's values, and the checks that name the place of what breaks them.
//!
//! Invariant: characters are Unicode scalar values, bytes are UTF-8. Deliberately absent: the limit
//! of a whole body, which the server enforces before anything is parsed.

use std::collections::BTreeMap;

use mainstay_protocol::{ApiError, ErrorCode, MAX_ID_CHARS};

use super::At;

/// Most pairs in a metadata map.
pub const MAX_METADATA_PAIRS: usize = 16;
/// Longest metadata key.
pub const MAX_METADATA_KEY_CHARS: usize = 64;
/// Longest metadata value.
pub const MAX_METADATA_VALUE_CHARS: usize = 512;
/// Longest model name.
pub const MAX_MODEL_CHARS: usize = 256;
/// Most models in a fallback list.
pub const MAX_FALLBACK_MODELS: usize = 8;
/// Longest agent name.
pub const MAX_NAME_CHARS: usize = 256;
/// Longest instructions of an agent.
pub const MAX_INSTRUCTIONS_CHARS: usize = 256_000;
/// Most tools of one agent.
pub const MAX_TOOLS: usize = 512;
/// Largest tool list, as compact JSON.
pub const MAX_TOOLS_BYTES: usize = 3 * 1024 * 1024;
/// Longest name of a function or label of a tool source.
pub const MAX_TOOL_NAME_CHARS: usize = 64;
/// Longest description of a function.
pub const MAX_TOOL_DESCRIPTION_CHARS: usize = 16_384;
/// Most names in one of a tool's lists (allowed tools, operations, hosts, arguments).
pub const MAX_TOOL_LIST: usize = 1_024;
/// Longest URL, path, command, header or argument.
pub const MAX_LINE_CHARS: usize = 8_192;
/// Most input events in one request.
pub const MAX_INPUT_EVENTS: usize = 64;
/// Most messages in one input.
pub const MAX_INPUT_MESSAGES: usize = 64;
/// Most content parts in one message or tool output.
pub const MAX_CONTENT_PARTS: usize = 256;
/// Longest text of one content part.
pub const MAX_TEXT_CHARS: usize = 1_048_576;
/// Longest image address, a data URL included.
pub const MAX_IMAGE_URL_CHARS: usize = 20 * 1024 * 1024;
/// Longest message of a failed tool.
pub const MAX_TOOL_ERROR_CHARS: usize = 65_536;
/// Most vaults of one session.
pub const MAX_VAULTS: usize = 32;
/// Most files, skills, plugins, packages or commands of one environment.
pub const MAX_ENVIRONMENT_LIST: usize = 256;
/// Largest inline file or archive of an environment, in base 64.
pub const MAX_INLINE_CHARS: usize = 64 * 1024 * 1024;
/// Most subagents at once.
pub const MAX_SUBAGENTS: u32 = 64;
/// Largest spend limit.
pub const MAX_SPEND_CENTS: u64 = 100_000_000;
/// Smallest page of a list.
pub const MIN_PAGE_ITEMS: u32 = 1;
/// Largest page of a list.
pub const MAX_PAGE_ITEMS: u32 = 100;
/// Page of a list when nothing is asked for.
pub const DEFAULT_PAGE_ITEMS: u32 = 20;

/// Refuses a text that is too long.
pub(super) fn text(at: &At<'_>, value: &str, max_chars: usize) -> Result<(), ApiError> {
    // A text has no more characters than bytes, so most are never counted.
    if value.len() <= max_chars || value.chars().count() <= max_chars {
        return Ok(());
    }
    Err(at.refuse(ErrorCode::TextTooLong, format!("is longer than {max_chars} characters")))
}

/// Refuses a text that is empty or too long.
pub(crate) fn check_line(at: &At<'_>, value: &str, max_chars: usize) -> Result<(), ApiError> {
    filled(at, value, max_chars)
}

/// Refuses a text that is empty or too long.
pub(super) fn filled(at: &At<'_>, value: &str, max_chars: usize) -> Result<(), ApiError> {
    if value.is_empty() {
        return Err(at.invalid("must not be empty"));
    }
    text(at, value, max_chars)
}

/// Refuses an id that no object can have.
pub(super) fn id(at: &At<'_>, value: &str) -> Result<(), ApiError> {
    filled(at, value, MAX_ID_CHARS)
}

/// Refuses a name that models cannot call.
pub(super) fn tool_name(at: &At<'_>, value: &str) -> Result<(), ApiError> {
    filled(at, value, MAX_TOOL_NAME_CHARS)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if value.chars().all(fits) {
        return Ok(());
    }
    Err(at.invalid(format!("is {value:?}; letters, digits, '_' and '-' are allowed")))
}

/// Refuses a list that is too long.
pub(super) fn count(at: &At<'_>, len: usize, max: usize) -> Result<(), ApiError> {
    if len <= max {
        return Ok(());
    }
    Err(at.invalid(format!("has {len} elements, at most {max} are allowed")))
}

/// Refuses a list of lines that is too long or holds one that is empty or too long.
pub(super) fn lines(at: &At<'_>, values: &[String], max: usize) -> Result<(), ApiError> {
    count(at, values.len(), max)?;
    values
        .iter()
        .enumerate()
        .try_for_each(|(index, value)| filled(&at.index(index), value, MAX_LINE_CHARS))
}

/// Refuses a map of lines that is too large.
pub(super) fn line_map(
    at: &At<'_>,
    values: &BTreeMap<String, String>,
    max: usize,
) -> Result<(), ApiError> {
    count(at, values.len(), max)?;
    values.iter().try_for_each(|(key, value)| {
        filled(&at.field(key), key, MAX_LINE_CHARS)?;
        text(&at.field(key), value, MAX_LINE_CHARS)
    })
}

/// Refuses metadata beyond its limits, if there is any.
pub(crate) fn check_metadata(
    at: &At<'_>,
    pairs: Option<&BTreeMap<String, String>>,
) -> Result<(), ApiError> {
    pairs.map_or(Ok(()), |pairs| metadata(at, pairs))
}

/// Refuses metadata beyond its limits.
pub(super) fn metadata(at: &At<'_>, pairs: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if pairs.len() > MAX_METADATA_PAIRS {
        return Err(at.invalid(format!(
            "has {} pairs, at most {MAX_METADATA_PAIRS} are allowed",
            pairs.len()
        )));
    }
    pairs.iter().try_for_each(|(key, value)| {
        if key.is_empty() {
            return Err(at.invalid("has an empty key"));
        }
        if key.chars().count() > MAX_METADATA_KEY_CHARS {
            return Err(
                at.invalid(format!("has a key longer than {MAX_METADATA_KEY_CHARS} characters"))
            );
        }
        text(&at.field(key), value, MAX_METADATA_VALUE_CHARS)
    })
}
