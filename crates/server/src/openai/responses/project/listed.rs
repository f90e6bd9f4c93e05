//! What an MCP server offers, as an item of the response during which it was asked.

use std::collections::BTreeMap;

use mainstay_core::tool::ToolSpec;
use mainstay_protocol::EffectId;
use serde_json::{Value, json};

use super::out::Out;

/// Shows the tools of each MCP server among the request's tools, whose order is that of the agent's
/// sources.
pub(super) fn show(
    effect: &EffectId,
    tools: &[ToolSpec],
    requested: &[Value],
    next_index: &mut u32,
    output: &mut BTreeMap<u32, Value>,
    out: &mut Out,
) {
    for (source, asked) in requested.iter().enumerate() {
        if asked["type"] != "mcp" {
            continue;
        }
        let index = *next_index;
        *next_index += 1;
        let offered = tools.iter().filter(|tool| tool.source == source).map(|tool| {
            json!({
                "name": tool.remote_name, "description": tool.description,
                "input_schema": tool.parameters, "annotations": null,
            })
        });
        let id = format!("mcpl_{}_{source}", effect.as_str().trim_start_matches("eff_"));
        let mut item = json!({
            "type": "mcp_list_tools", "id": id, "server_label": asked["server_label"],
            "tools": [], "error": null,
        });
        let place = json!({"item_id": id, "output_index": index});
        out.push("response.output_item.added", json!({"output_index": index, "item": item}));
        out.push("response.mcp_list_tools.in_progress", place.clone());
        item["tools"] = offered.collect();
        out.push("response.mcp_list_tools.completed", place);
        out.push("response.output_item.done", json!({"output_index": index, "item": item}));
        output.insert(index, item);
    }
}
