//! Which tools an answer may or must call, as a provider is told.
//!
//! Invariant: nothing is said where no tool is offered, because providers refuse a choice among
//! none. Deliberately absent: any provider's JSON.

use mainstay_core::port::{ModelRequest, ToolChoice};
use mainstay_core::tool::ToolSpec;

/// Whether and what the model must call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Must<'a> {
    /// Whatever it likes.
    Choose,
    /// Nothing.
    CallNone,
    /// Something.
    CallAny,
    /// This.
    Call(&'a str),
}

impl Must<'_> {
    /// Whether a call is forced.
    pub(super) fn is_forced(self) -> bool {
        match self {
            Self::CallAny | Self::Call(_) => true,
            Self::Choose | Self::CallNone => false,
        }
    }
}

/// Whether the provider can be told that only some of the tools may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subsets {
    /// It can: all tools are shown, which keeps its cache warm.
    Told,
    /// It cannot: the others are not shown.
    Hidden,
}

/// The tools of a request and what is said about them.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    /// Those that are shown.
    pub(super) tools: Vec<&'a ToolSpec>,
    /// What the model must do; none when nothing was asked for, or there is nothing to call.
    pub(super) must: Option<Must<'a>>,
    /// The only ones that may be called, where the provider is told.
    pub(super) only: Option<&'a [String]>,
    /// Whether one answer may hold several calls.
    pub(super) parallel: Option<bool>,
}

impl<'a> Choice<'a> {
    pub(super) fn new(request: &'a ModelRequest, subsets: Subsets) -> Self {
        let asked = request.options.tool_choice.as_ref();
        let (must, only) = match asked {
            None => (None, None),
            Some(ToolChoice::Auto) => (Some(Must::Choose), None),
            Some(ToolChoice::None) => (Some(Must::CallNone), None),
            Some(ToolChoice::Required) => (Some(Must::CallAny), None),
            Some(ToolChoice::Tool { name }) => (Some(Must::Call(name)), None),
            Some(ToolChoice::Allowed { names, required: false }) => {
                (Some(Must::Choose), Some(names.as_slice()))
            }
            Some(ToolChoice::Allowed { names, required: true }) => {
                (Some(Must::CallAny), Some(names.as_slice()))
            }
        };
        let hidden = only.filter(|_| subsets == Subsets::Hidden);
        let is_shown = |tool: &&ToolSpec| hidden.is_none_or(|names| names.contains(&tool.name));
        let tools: Vec<_> = request.tools.iter().filter(is_shown).collect();
        if tools.is_empty() {
            return Self { tools, must: None, only: None, parallel: None };
        }
        let only = only.filter(|_| subsets == Subsets::Told);
        Self { tools, must, only, parallel: request.options.parallel_tool_calls }
    }
}
