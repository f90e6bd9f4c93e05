//! Paths of the tools, paths of the executor's machine, and the URLs that its protocol has for them.
//!
//! Invariant: below [`WORKSPACE`] the tools see the session's workspace directory; every other absolute
//! path is the machine's own.

use mainstay_core::port::{SandboxError, WORKSPACE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What a path has as itself in a URL.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The workspace directory of a session.
pub(super) struct Paths<'a> {
    pub(super) directory: &'a str,
}

impl Paths<'_> {
    /// The path on the executor's machine.
    pub(super) fn on_machine(&self, path: &str) -> Result<String, SandboxError> {
        if !path.starts_with('/') || path.contains('\0') {
            return Err(SandboxError::Invalid(format!("{path:?} is not an absolute path")));
        }
        let inside = path.strip_prefix(WORKSPACE);
        Ok(match inside.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            Some(rest) => {
                let whole = format!("{}{rest}", self.directory.trim_end_matches('/'));
                if whole.is_empty() { "/".to_owned() } else { whole }
            }
            None => path.to_owned(),
        })
    }

    /// The same as a URL.
    pub(super) fn url(&self, path: &str) -> Result<String, SandboxError> {
        Ok(url(&self.on_machine(path)?))
    }

    /// A path of the machine as the tools see it.
    pub(super) fn shown(&self, path: &str) -> String {
        let directory = self.directory.trim_end_matches('/');
        let inside = path.strip_prefix(directory);
        match inside.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            Some(rest) => format!("{WORKSPACE}{rest}"),
            None => path.to_owned(),
        }
    }
}

/// A path of the machine as a URL.
pub(super) fn url(path: &str) -> String {
    format!("file://{}", utf8_percent_encode(path, PLAIN))
}

/// The path of a URL.
pub(super) fn path_of(url: &str) -> Option<String> {
    let path = url.strip_prefix("file://")?;
    percent_decode_str(path).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}
