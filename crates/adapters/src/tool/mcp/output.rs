//! A server's answer as models read it.

use mainstay_core::item::Content;
use mainstay_core::port::ToolOutput;
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};

use crate::tool::output::{MAX_OUTPUT_BYTES, cut_text};

/// The largest image that is passed on, in characters of base 64.
const MAX_IMAGE_CHARS: usize = 2_097_152;
/// The most images of one answer.
const MAX_IMAGES: usize = 8;
/// Pictures that every provider takes.
const IMAGE_TYPES: &[&str] = &["image/gif", "image/jpeg", "image/png", "image/webp"];

/// Maps an answer: texts together up to their bound, images as `data:` URLs.
pub(super) fn to_output(result: CallToolResult) -> ToolOutput {
    let is_error = result.is_error.unwrap_or(false);
    let mut content: Vec<Content> = result.content.into_iter().map(part).collect();
    // Servers repeat structured content as text for clients that know no better; only one that does
    // not is read from its structured content.
    let has_text = content.iter().any(|part| matches!(part, Content::Text { .. }));
    if let Some(structured) = result.structured_content.filter(|_| !has_text) {
        content.push(Content::Text { text: structured.to_string() });
    }
    if content.is_empty() {
        content.push(Content::Text { text: "(no content)".to_owned() });
    }
    ToolOutput::new(bound(content), is_error)
}

fn part(block: ContentBlock) -> Content {
    match block {
        ContentBlock::Text(text) => Content::Text { text: text.text },
        ContentBlock::Image(image) => picture(&image.mime_type, &image.data),
        ContentBlock::Audio(audio) => note(format!("(sound of type {})", audio.mime_type)),
        ContentBlock::Resource(embedded) => resource(embedded.resource),
        ContentBlock::ResourceLink(link) => note(format!("(resource {})", link.uri)),
        _ => note("(content of an unknown kind)".to_owned()),
    }
}

fn picture(mime_type: &str, data: &str) -> Content {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if !IMAGE_TYPES.contains(&mime_type) || !data.bytes().all(is_base64) {
        return note(format!("(an image of type {mime_type:?}, which cannot be shown)"));
    }
    if data.len() > MAX_IMAGE_CHARS {
        return note(format!("(an image of {} characters, which is too large)", data.len()));
    }
    Content::Image { url: format!("data:{mime_type};base64,{data}") }
}

fn resource(contents: ResourceContents) -> Content {
    match contents {
        ResourceContents::TextResourceContents { text, .. } => note(text),
        ResourceContents::BlobResourceContents { uri, blob, mime_type, .. } => {
            let mime_type = mime_type.unwrap_or_default();
            if IMAGE_TYPES.contains(&mime_type.as_str()) {
                return picture(&mime_type, &blob);
            }
            note(format!("(resource {uri} of type {mime_type:?}, which is not text)"))
        }
        _ => note("(a resource of an unknown kind)".to_owned()),
    }
}

fn note(text: String) -> Content {
    Content::Text { text }
}

/// Cuts the texts where their sum passes the bound, and leaves out images beyond theirs.
fn bound(content: Vec<Content>) -> Vec<Content> {
    let mut room_bytes = MAX_OUTPUT_BYTES;
    let mut images = 0;
    let mut bounded = Vec::new();
    for part in content {
        match part {
            Content::Text { mut text } => {
                if room_bytes == 0 {
                    continue;
                }
                cut_text(&mut text, room_bytes);
                room_bytes -= text.len().min(room_bytes);
                bounded.push(Content::Text { text });
            }
            Content::Image { .. } if images == MAX_IMAGES => {}
            image @ Content::Image { .. } => {
                images += 1;
                bounded.push(image);
            }
        }
    }
    bounded
}
