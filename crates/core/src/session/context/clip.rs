//! Caps on fragments of the context.

use crate::item::Content;

/// Cap on the text of one tool output in the context, all its parts together.
pub const MAX_TOOL_OUTPUT_BYTES: usize = 32 * 1024;
/// Cap on one image in a tool output.
const MAX_TOOL_IMAGE_BYTES: usize = 4 * 1024 * 1024;
/// The most parts of one tool output.
const MAX_TOOL_OUTPUT_PARTS: usize = 64;
/// Below this there is no room to say what is missing.
const MIN_MARKED_BYTES: usize = 128;

/// Cuts a text to a cap, keeping its beginning and end and saying what is missing.
#[must_use]
pub fn clip(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    if max_bytes < MIN_MARKED_BYTES {
        return text[..text.floor_char_boundary(max_bytes)].to_owned();
    }
    let kept = max_bytes - MIN_MARKED_BYTES / 2;
    let head = text.floor_char_boundary(kept / 3 * 2);
    let tail = text.ceil_char_boundary(text.len() - kept / 3);
    let missing = tail - head;
    format!("{}\n[… {missing} bytes left out …]\n{}", &text[..head], &text[tail..])
}

/// A tool's output as the model reads it.
pub(in crate::session) fn capped(content: Vec<Content>) -> Vec<Content> {
    let mut room_bytes = MAX_TOOL_OUTPUT_BYTES;
    let part_count = content.len();
    let mut kept = Vec::with_capacity(part_count.min(MAX_TOOL_OUTPUT_PARTS + 1));
    for part in content.into_iter().take(MAX_TOOL_OUTPUT_PARTS) {
        let part = match part {
            Content::Text { text } => Content::Text { text: clip(&text, room_bytes) },
            Content::Image { url } if url.len() > MAX_TOOL_IMAGE_BYTES => {
                let text = format!("[an image of {} bytes left out]", url.len());
                Content::Text { text }
            }
            Content::Image { url } => Content::Image { url },
        };
        if let Content::Text { text } = &part {
            room_bytes = room_bytes.saturating_sub(text.len());
        }
        kept.push(part);
    }
    if part_count > MAX_TOOL_OUTPUT_PARTS {
        let missing = part_count - MAX_TOOL_OUTPUT_PARTS;
        kept.push(Content::Text { text: format!("[{missing} parts left out]") });
    }
    kept
}

#[cfg(test)]
#[path = "clip_tests.rs"]
mod tests;
