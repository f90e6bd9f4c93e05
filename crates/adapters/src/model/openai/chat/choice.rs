//! The choice among tools in the form of Chat Completions.
//!
//! Invariant: none beyond its types.

use crate::model::choice::Must;

/// Which tools may or must be called.
#[derive(serde::Serialize)]
#[serde(untagged)]
pub(super) enum ToolChoice<'a> {
    /// Any, none, or at least one.
    Mode(&'static str),
    /// This one.
    Function(NamedTool<'a>),
    /// Any, or at least one, of some.
    Allowed { r#type: &'static str, allowed_tools: AllowedTools<'a> },
}

#[derive(serde::Serialize)]
pub(super) struct AllowedTools<'a> {
    mode: &'static str,
    tools: Vec<NamedTool<'a>>,
}

#[derive(serde::Serialize)]
pub(super) struct NamedTool<'a> {
    r#type: &'static str,
    function: Name<'a>,
}

#[derive(serde::Serialize)]
struct Name<'a> {
    name: &'a str,
}

impl<'a> ToolChoice<'a> {
    pub(super) fn new(must: Must<'a>, only: Option<&'a [String]>) -> Self {
        let mode = match must {
            Must::Choose => "auto",
            Must::CallNone => "none",
            Must::CallAny => "required",
            Must::Call(name) => return Self::Function(NamedTool::new(name)),
        };
        let Some(only) = only else { return Self::Mode(mode) };
        let tools = only.iter().map(|name| NamedTool::new(name)).collect();
        Self::Allowed { r#type: "allowed_tools", allowed_tools: AllowedTools { mode, tools } }
    }
}

impl<'a> NamedTool<'a> {
    fn new(name: &'a str) -> Self {
        Self { r#type: "function", function: Name { name } }
    }
}
