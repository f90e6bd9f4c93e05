//! The choice among tools in the form of Messages.
//!
//! Invariant: none beyond its types. Deliberately absent: temperature and `top_p`, which the API no
//! longer has.

use super::wire::ToolChoice;
use crate::model::choice::{Choice, Must};

/// Which tools may or must be called. Where it was only said that calls come one by one, the model
/// is otherwise free.
pub(super) fn tool_choice<'a>(choice: &Choice<'a>, thinks: bool) -> Option<ToolChoice<'a>> {
    let disable_parallel_tool_use = choice.parallel == Some(false);
    let must = choice.must.or(disable_parallel_tool_use.then_some(Must::Choose))?;
    Some(match must {
        // A model that always thinks cannot be made to call.
        Must::CallAny | Must::Call(_) if thinks => ToolChoice::Auto { disable_parallel_tool_use },
        Must::Choose => ToolChoice::Auto { disable_parallel_tool_use },
        Must::CallAny => ToolChoice::Any { disable_parallel_tool_use },
        Must::Call(name) => ToolChoice::Tool { name, disable_parallel_tool_use },
        Must::CallNone => ToolChoice::None,
    })
}
