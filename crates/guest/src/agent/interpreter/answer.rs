//! What an interpreter answers: found in the bytes that come, and checked.

use mainstay_guest::CodePart;
use serde::Deserialize;

/// Results and the text of an exception, with room for the head.
const MAX_ANSWER_BYTES: usize = 20 * 1024 * 1024;

/// Results of one code.
const MAX_PARTS: usize = 64;

/// Longer names of forms are nonsense.
const MAX_MEDIA_TYPE_BYTES: usize = 100;

const LENGTH_BYTES: usize = 4;

#[derive(Debug, Deserialize)]
struct Head {
    error_bytes: Option<usize>,
    parts: Vec<CodePart>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct CellAnswer {
    pub(super) error: Option<String>,
    pub(super) parts: Vec<(String, Vec<u8>)>,
}

/// The bytes of an answer that is not whole yet.
#[derive(Default)]
pub(super) struct Gathered(Vec<u8>);

impl Gathered {
    /// Takes what came; the answer when it is whole. An error says what is wrong with it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Option<CellAnswer>, &'static str> {
        self.0.extend_from_slice(bytes);
        let Some(length) = number(&self.0) else { return Ok(None) };
        if length > MAX_ANSWER_BYTES {
            return Err("it is too long");
        }
        let rest = &self.0[LENGTH_BYTES..];
        if rest.len() < length {
            return Ok(None);
        }
        if rest.len() > length {
            return Err("there is more than one");
        }
        parse(rest).map(Some)
    }
}

fn parse(bytes: &[u8]) -> Result<CellAnswer, &'static str> {
    let head_length = number(bytes).ok_or("it has no head")?;
    let rest = &bytes[LENGTH_BYTES..];
    let (head, mut body) = rest.split_at_checked(head_length).ok_or("its head is cut")?;
    let head: Head = serde_json::from_slice(head).map_err(|_| "its head is no JSON")?;
    if head.parts.len() > MAX_PARTS {
        return Err("it has too many results");
    }
    let mut take = |count: usize| {
        let (piece, rest) = body.split_at_checked(count).ok_or("it is shorter than it says")?;
        body = rest;
        Ok(piece)
    };
    let error = match head.error_bytes {
        Some(count) => Some(String::from_utf8_lossy(take(count)?).into_owned()),
        None => None,
    };
    let mut parts = Vec::new();
    for part in head.parts {
        if part.media_type.len() > MAX_MEDIA_TYPE_BYTES {
            return Err("a form of it has no name");
        }
        parts.push((part.media_type, take(part.size_bytes)?.to_vec()));
    }
    Ok(CellAnswer { error, parts })
}

fn number(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk::<LENGTH_BYTES>().map(|bytes| u32::from_le_bytes(*bytes) as usize)
}
