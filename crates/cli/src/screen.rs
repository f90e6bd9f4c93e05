//! What others wrote, shown to a person.
//!
//! Invariant: nothing that a model, a tool or a server wrote steers a terminal. Deliberately absent:
//! JSON, which escapes such characters by itself.

use std::borrow::Cow;

/// A text that others wrote, for a screen: what would steer a terminal is shown as a mark.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(is_harmful) {
        // Others' ends of lines are no attack.
        Cow::Owned(text.replace("\r\n", "\n").replace(is_harmful, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}
