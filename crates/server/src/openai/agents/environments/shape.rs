//! What the document of the API says of environments.

use serde_json::json;

use crate::openapi::shape;

shape! {
    /// A machine for sessions.
    EnvironmentObject = |_| json!({
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string"}},
    })
}

shape! {
    /// A file of an environment.
    EnvironmentFile = |_| json!({
        "type": "object",
        "required": ["path"],
        "properties": {"path": {"type": "string"}},
    })
}
