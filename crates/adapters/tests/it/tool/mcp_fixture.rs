//! An MCP server whose tools do what the tests need: succeed, fail, hang, crash.
//!
//! Invariant: what it does is told to the log's address before it is answered.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
    Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::{Value, json};

/// Tools on one page of the list.
const PAGE: usize = 4;

/// The server.
#[derive(Clone)]
pub(crate) struct Fixture {
    log: Arc<Mutex<TcpStream>>,
    has_grown: Arc<AtomicBool>,
    is_legacy: bool,
}

impl Fixture {
    pub(crate) fn new(log: &str, is_legacy: bool) -> std::io::Result<Self> {
        let log = Arc::new(Mutex::new(TcpStream::connect(log)?));
        Ok(Self { log, has_grown: Arc::default(), is_legacy })
    }

    fn tell(&self, line: &str) {
        let mut log = self.log.lock().expect("not poisoned");
        writeln!(log, "{line}").expect("the test listens");
    }

    fn tools(&self) -> Vec<Tool> {
        let mut tools = vec![
            tool("echo", &json!({"readOnlyHint": true})),
            tool("note", &json!({"idempotentHint": true})),
            tool("charge", &json!(null)),
            tool("fail", &json!(null)),
            tool("refuse", &json!(null)),
            tool("picture", &json!({"readOnlyHint": true})),
            tool("structured", &json!({"readOnlyHint": true})),
            tool("hang", &json!(null)),
            tool("crash", &json!(null)),
            tool("grow", &json!(null)),
            tool("children", &json!(null)),
        ];
        if self.has_grown.load(Ordering::SeqCst) {
            tools.push(tool("extra", &json!(null)));
        }
        tools
    }
}

fn tool(name: &str, annotations: &Value) -> Tool {
    serde_json::from_value(json!({
        "name": name,
        "description": format!("does {name}"),
        "inputSchema": {"type": "object"},
        "annotations": annotations,
    }))
    .expect("a tool")
}

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        ServerConfig::new(capabilities)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        let mut versions = ProtocolVersion::KNOWN_VERSIONS.to_vec();
        versions.retain(|version| version.has_initialize() || !self.is_legacy);
        Cow::Owned(versions)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.tell("list");
        let cursor = request.and_then(|request| request.cursor);
        let start: usize =
            cursor.map_or(Ok(0), |cursor| cursor.parse()).expect("a cursor of this server");
        let tools = self.tools();
        let end = tools.len().min(start + PAGE);
        let mut page = ListToolsResult::with_all_items(tools[start..end].to_vec());
        page.next_cursor = (end < tools.len()).then(|| end.to_string());
        Ok(page)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let key =
            context.meta.get("mainstay/idempotency-key").and_then(Value::as_str).unwrap_or("none");
        self.tell(&format!("{} {key}", request.name));
        let result = match request.name.as_ref() {
            "echo" => text(&json!(request.arguments).to_string()),
            "fail" => CallToolResult::error(vec![ContentBlock::text("it failed")]),
            "refuse" => return Err(ErrorData::invalid_params("there is no such order", None)),
            "picture" => CallToolResult::success(vec![
                ContentBlock::text("a dot"),
                ContentBlock::image("iVBORw0KGgo=", "image/png"),
                ContentBlock::image("AAAA", "image/x-unknown"),
            ]),
            "structured" => {
                let mut result = CallToolResult::structured(json!({"total": 12.5}));
                result.content.clear();
                result
            }
            "hang" => {
                context.ct.cancelled().await;
                self.tell("cancelled");
                text("too late")
            }
            "crash" => std::process::abort(),
            "grow" => {
                self.has_grown.store(true, Ordering::SeqCst);
                // Only protocols with a handshake tell this way; in others nobody listens.
                let _ = context.peer.notify_tool_list_changed().await;
                text("grown")
            }
            "children" => {
                #[expect(clippy::zombie_processes, reason = "it is there to be left behind")]
                let child =
                    std::process::Command::new("sleep").arg("1000").spawn().expect("a child");
                text(&format!("{} {}", std::process::id(), child.id()))
            }
            other => text(&format!("done {other}")),
        };
        Ok(CallToolResponse::Complete(result))
    }
}

fn text(text: &str) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}
