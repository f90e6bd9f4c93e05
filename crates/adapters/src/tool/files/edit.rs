//! `edit_file`: one passage of a text file is replaced by another.
//!
//! Invariant: repeated after a crash it changes nothing more. The passage must be there once, and what
//! replaces it must not be there before, so that a later attempt can tell whether an earlier one wrote.

use cap_std::fs::Dir;
use mainstay_core::port::ToolOutput;
use mainstay_protocol::EffectId;
use serde::Deserialize;

use super::call::FileError;
use super::path::InnerPath;
use super::read::read_whole;
use super::write::{MAX_WRITE_BYTES, write_text};

/// What is asked, of a file here or in a machine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditArguments {
    pub(crate) path: String,
    old_text: String,
    new_text: String,
}

/// What an edit comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Edited {
    /// The file's new content.
    Changed(String),
    /// An earlier attempt wrote it.
    Already,
}

impl EditArguments {
    /// The edit of a text; the error is for the model.
    pub(crate) fn apply(&self, text: &str, attempt: u32) -> Result<Edited, String> {
        let Self { old_text, new_text, .. } = self;
        if old_text.is_empty() {
            return Err("`old_text` is empty: name the passage to replace".to_owned());
        }
        if old_text == new_text {
            return Err("`old_text` and `new_text` are the same".to_owned());
        }
        let has_new = !new_text.is_empty() && text.contains(new_text.as_str());
        let contains_old = new_text.contains(old_text.as_str());
        let count = text.matches(old_text.as_str()).count();
        if attempt > 1
            && ((count == 0 && (has_new || new_text.is_empty())) || (contains_old && has_new))
        {
            return Ok(Edited::Already);
        }
        match count {
            0 => Err("the file does not contain `old_text`; read it again and copy the passage"
                .to_owned()),
            1 if contains_old && has_new => Err("the file contains `new_text` already".to_owned()),
            1 => Ok(Edited::Changed(text.replacen(old_text.as_str(), new_text, 1))),
            count => Err(format!(
                "the file contains `old_text` {count} times; name a longer passage that is there once"
            )),
        }
    }

    /// What the model reads of an edit that was made.
    pub(crate) fn done(&self) -> String {
        let (removed, added) = (self.old_text.lines().count(), self.new_text.lines().count());
        format!("edited {}: {removed} lines became {added}", self.path)
    }
}

pub(super) fn edit(
    dir: &Dir,
    arguments: &EditArguments,
    effect: &EffectId,
    attempt: u32,
) -> Result<ToolOutput, FileError> {
    let path = InnerPath::parse(&arguments.path).map_err(FileError::Model)?;
    if path.as_path().starts_with("artifacts") {
        // An artifact is what the journal says was written, so that the whole of it must be.
        let text = "files under artifacts/ are written whole, with write_file".to_owned();
        return Err(FileError::Model(text));
    }
    let text = read_whole(dir, &path, MAX_WRITE_BYTES)?;
    if let Edited::Changed(text) = arguments.apply(&text, attempt).map_err(FileError::Model)? {
        write_text(dir, &path, &text, effect, attempt)?;
    }
    Ok(ToolOutput::text(arguments.done()))
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
