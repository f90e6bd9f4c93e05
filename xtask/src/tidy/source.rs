//! Rust source with its comments and literals blanked.
//!
//! Invariant: positions and line breaks stay, so that a line number in the result is one in the file.
//! Deliberately absent: a syntax tree; the rules need words and braces, and a parser of the whole
//! language would take longer to build than all of xtask.

/// Replaces the inside of comments, strings and character literals by blanks.
pub(super) fn code_only(text: &str) -> String {
    let mut rest = text;
    let mut code = String::with_capacity(text.len());
    while let Some(first) = rest.chars().next() {
        let blanked = literal_length(rest, code.chars().next_back());
        let (part, remaining) = rest.split_at(blanked.unwrap_or(first.len_utf8()));
        if blanked.is_some() {
            code.extend(part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            code.push(first);
        }
        rest = remaining;
    }
    code
}

/// The line number of a byte position, from 1.
pub(super) fn line_at(text: &str, position: usize) -> usize {
    text.as_bytes()[..position].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The words of a text with their positions: what identifiers and keywords are made of.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_boundary = |c: char| !(c.is_alphanumeric() || c == '_');
    let pieces = text.split(is_boundary).filter(|word| !word.is_empty());
    pieces.map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// The length of the comment or literal that the text starts with.
fn literal_length(text: &str, before: Option<char>) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment_length(text));
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if !in_word && let Some(length) = raw_string_length(text) {
        return Some(length);
    }
    match text.as_bytes()[0] {
        b'"' => Some(quoted_length(text, '"')),
        b'\'' if is_char_literal(text) => Some(quoted_length(text, '\'')),
        _ => None,
    }
}

/// Block comments nest.
fn block_comment_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut position = 0;
    while position < text.len() {
        let rest = &text.as_bytes()[position..];
        if rest.starts_with(b"/*") {
            depth += 1;
            position += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                return position;
            }
        } else {
            position += 1;
        }
    }
    text.len()
}

/// `r"…"`, `r#"…"#`, and the same after `b` or `c`.
fn raw_string_length(text: &str) -> Option<usize> {
    let start = text
        .strip_prefix("br")
        .or_else(|| text.strip_prefix("cr"))
        .or_else(|| text.strip_prefix('r'))?;
    let hashes = start.len() - start.trim_start_matches('#').len();
    let content = start[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let opening = text.len() - content.len();
    Some(content.find(&end).map_or(text.len(), |at| opening + at + end.len()))
}

/// From one quote to the next that is not escaped.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (position, c) in text.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' {
            is_escaped = true;
        } else if c == quote {
            return position + c.len_utf8();
        }
    }
    text.len()
}

/// Tells `'a'` and `'\n'` from the lifetime `'a`.
fn is_char_literal(text: &str) -> bool {
    let mut following = text.chars().skip(1);
    following.next() == Some('\\') || following.next() == Some('\'')
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
