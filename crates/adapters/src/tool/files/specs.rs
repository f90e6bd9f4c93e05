//! The file tools as models see them. Arguments are flat and few, since small models use them.

use mainstay_core::tool::{Safety, ToolSpec};
use serde_json::{Value, json};

use super::call::Tool;
use crate::tool::spec::Draft;

/// The tools of a workspace; `source` is the position in the agent's list.
pub(crate) fn file_specs(read_only: bool, source: usize) -> Vec<ToolSpec> {
    let tools = Tool::ALL.iter().copied();
    tools
        .filter(|tool| !(read_only && tool.writes()))
        .map(|tool| {
            Draft::built_in(tool.name(), describe(tool).to_owned(), parameters(tool), safety(tool))
                .into_spec(source)
        })
        .collect()
}

fn describe(tool: Tool) -> &'static str {
    match tool {
        Tool::List => "List the files of a folder. Folders end with a slash.",
        Tool::Read => "Read a text file. Long files come in parts: go on with `offset`.",
        Tool::Search => {
            "Find the lines that contain a text, in all files or in one folder. Upper and lower case are the same."
        }
        Tool::Edit => {
            "Replace one passage of a text file. `old_text` must be in the file exactly once."
        }
        Tool::Write => "Create or replace a text file. Folders are made as needed.",
    }
}

/// All of them may be repeated under the same key: writing the same content again changes nothing,
/// and an edit knows what an earlier attempt of it wrote.
fn safety(tool: Tool) -> Safety {
    if tool.writes() { Safety::Idempotent } else { Safety::ReadOnly }
}

fn parameters(tool: Tool) -> Value {
    match tool {
        Tool::List => object(
            &json!({
                "path": {"type": "string", "description": "Folder, for example '.'"},
                "recursive": {"type": "boolean", "description": "Whether to list the folders inside it too"},
            }),
            &[],
        ),
        Tool::Read => object(
            &json!({
                "path": {"type": "string", "description": "Path of the file"},
                "offset": {"type": "integer", "minimum": 1, "description": "First line, from 1"},
                "limit": {"type": "integer", "minimum": 1, "description": "Number of lines"},
            }),
            &["path"],
        ),
        Tool::Search => object(
            &json!({
                "text": {"type": "string", "minLength": 1, "description": "The text to look for"},
                "path": {"type": "string", "description": "Folder or file to look in; all when left out"},
                "regex": {"type": "boolean", "description": "Whether the text is a regular expression"},
            }),
            &["text"],
        ),
        Tool::Edit => object(
            &json!({
                "path": {"type": "string", "description": "Path of the file"},
                "old_text": {"type": "string", "minLength": 1, "description": "The passage as it is"},
                "new_text": {"type": "string", "description": "What takes its place"},
            }),
            &["path", "old_text", "new_text"],
        ),
        Tool::Write => object(
            &json!({
                "path": {"type": "string", "description": "Path of the file"},
                "content": {"type": "string", "description": "The whole new content"},
            }),
            &["path", "content"],
        ),
    }
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
