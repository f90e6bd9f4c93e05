//! The HTTP tools as models see them.

use mainstay_core::tool::{Safety, ToolSpec};
use serde_json::json;

use crate::tool::egress::AllowedHosts;
use crate::tool::spec::Draft;

pub(super) const GET: &str = "http_get";
pub(super) const SEND: &str = "http_send";

/// Checks a source's hosts; the error names the member at fault.
pub(crate) fn check(allowed_hosts: &[String]) -> Result<AllowedHosts, (String, String)> {
    if allowed_hosts.is_empty() {
        return Err(("allowed_hosts".to_owned(), "lists no host".to_owned()));
    }
    AllowedHosts::parse(allowed_hosts).map_err(|reason| ("allowed_hosts".to_owned(), reason))
}

/// The tools for these hosts; `source` is the position in the agent's list.
pub(crate) fn http_specs(hosts: &AllowedHosts, source: usize) -> Vec<ToolSpec> {
    let hosts = hosts.list();
    let url = json!({"type": "string", "description": "The whole URL, starting with https:// or http://"});
    let headers = json!({"type": "object", "additionalProperties": {"type": "string"}, "description": "Request headers"});
    let get = json!({
        "type": "object",
        "properties": {"url": url, "headers": headers},
        "required": ["url"],
        "additionalProperties": false,
    });
    let send = json!({
        "type": "object",
        "properties": {
            "method": {"type": "string", "enum": ["POST", "PUT", "PATCH", "DELETE"]},
            "url": url,
            "headers": headers,
            "body": {"type": "string", "description": "Request body; JSON unless a content-type header says otherwise"},
        },
        "required": ["method", "url"],
        "additionalProperties": false,
    });
    let get_text = format!("Get what is at a URL. Hosts that can be reached: {hosts}.");
    let send_text =
        format!("Send a request that may change something. Hosts that can be reached: {hosts}.");
    vec![
        Draft::built_in(GET, get_text, get, Safety::ReadOnly).into_spec(source),
        Draft::built_in(SEND, send_text, send, Safety::Once).into_spec(source),
    ]
}
