//! An executor that does what the real one is known to do, when the test says so.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use mainstay_core::port::{ExecutorWire, WireClosed};
use serde_json::{Value, json};
use tokio::sync::watch;

/// How many messages wait on their way.
const WAITING_COUNT: usize = 64;

/// A process of the executor.
#[derive(Default)]
pub(super) struct FakeProcess {
    notices: Vec<Value>,
    exit_code: Option<i32>,
    is_closed: bool,
}

#[derive(Default)]
struct State {
    session: u32,
    attached: Option<mpsc::Sender<String>>,
    processes: BTreeMap<String, FakeProcess>,
    asked: Vec<(String, Value)>,
    /// Methods that are taken and never answered.
    mute: HashSet<String>,
    files: BTreeMap<String, Vec<u8>>,
}

/// An executor, of which copies are the same one.
#[derive(Clone, Default)]
pub(super) struct FakeExecutor {
    state: Arc<Mutex<State>>,
    asked: Arc<watch::Sender<usize>>,
}

impl FakeExecutor {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds it")
    }

    /// A connection to it. It lasts until the executor hangs up.
    pub(super) fn connect(&self) -> ExecutorWire {
        let (to_server, incoming) = mpsc::channel::<String>(WAITING_COUNT);
        let (outgoing, from_server) = mpsc::channel::<String>(WAITING_COUNT);
        let executor = self.clone();
        self.state().attached = Some(to_server);
        // The executor works when it is spoken to: reading what it says drives it.
        let answers = from_server.filter_map(move |text| {
            let answer = executor.hear(&text);
            async move { answer }
        });
        let incoming = futures::stream::select(incoming.map(Some), answers.map(Some));
        let incoming = incoming.filter_map(|text| async move { text });
        let closing = self.clone();
        let incoming = incoming.take_while(move |_| {
            let is_attached = closing.state().attached.is_some();
            async move { is_attached }
        });
        let outgoing = outgoing.sink_map_err(|_| WireClosed);
        ExecutorWire { incoming: incoming.boxed(), outgoing: Box::pin(outgoing) }
    }

    /// The connection breaks; processes go on.
    pub(super) fn hang_up(&self) {
        let sender = self.state().attached.take();
        if let Some(mut sender) = sender {
            // Wakes the reader, which then sees the end.
            let _ = sender.try_send(String::new());
            sender.close_channel();
        }
    }

    /// It dies with everything that it ran, and comes up again.
    pub(super) fn restart(&self) {
        self.hang_up();
        let mut state = self.state();
        state.session += 1;
        state.processes.clear();
    }

    /// It forgets a process that ended long ago.
    pub(super) fn forget(&self, process: &str) {
        self.state().processes.remove(process);
    }

    /// It takes a method and never answers it.
    pub(super) fn mute(&self, method: &str) {
        self.state().mute.insert(method.to_owned());
    }

    /// Waits until a method was asked for so many times; answers the last parameters.
    pub(super) async fn asked(&self, method: &str, count: usize) -> Value {
        let mut asked = self.asked.subscribe();
        loop {
            let _ = asked.borrow_and_update();
            let found: Vec<Value> = self.all_asked(method);
            if found.len() >= count {
                return found[count - 1].clone();
            }
            asked.changed().await.expect("the executor lives");
        }
    }

    pub(super) fn all_asked(&self, method: &str) -> Vec<Value> {
        let state = self.state();
        let of = state.asked.iter().filter(|(name, _)| name == method);
        of.map(|(_, params)| params.clone()).collect()
    }

    /// A process prints.
    pub(super) fn print(&self, process: &str, stream: &str, text: &str) {
        use base64::Engine as _;
        let chunk = base64::engine::general_purpose::STANDARD.encode(text);
        self.happen(process, "process/output", json!({ "stream": stream, "chunk": chunk }));
    }

    /// A process ends.
    pub(super) fn exit(&self, process: &str, code: i32) {
        self.happen(process, "process/exited", json!({ "exitCode": code, "sandboxDenied": false }));
        self.happen(process, "process/closed", json!({}));
    }

    /// It says something of its own.
    pub(super) fn say(&self, text: &str) {
        if let Some(sender) = &mut self.state().attached {
            sender.try_send(text.to_owned()).expect("there is room");
        }
    }

    fn happen(&self, process: &str, method: &str, mut params: Value) {
        {
            let mut state = self.state();
            let Some(known) = state.processes.get_mut(process) else { return };
            params["processId"] = json!(process);
            params["seq"] = json!(known.notices.len() + 1);
            known.exit_code = params["exitCode"]
                .as_i64()
                .and_then(|code| i32::try_from(code).ok())
                .or(known.exit_code);
            known.is_closed |= method == "process/closed";
            known.notices.push(json!({ "method": method, "params": params }));
        }
        let text = json!({ "method": method, "params": params }).to_string();
        if let Some(sender) = &mut self.state().attached {
            let _ = sender.try_send(text);
        }
    }

    fn hear(&self, text: &str) -> Option<String> {
        let message: Value = serde_json::from_str(text).expect("the server speaks JSON");
        let method = message["method"].as_str().expect("a method").to_owned();
        let params = message["params"].clone();
        let answer = self.answer(&method, &params);
        let is_mute = {
            let mut state = self.state();
            state.asked.push((method.clone(), params));
            state.mute.contains(&method)
        };
        self.asked.send_modify(|count| *count += 1);
        let id = message.get("id").filter(|_| !is_mute)?;
        let answer = match answer {
            Ok(result) => json!({ "id": id, "result": result }),
            Err((code, message)) => {
                json!({ "id": id, "error": { "code": code, "message": message } })
            }
        };
        Some(answer.to_string())
    }

    fn answer(&self, method: &str, params: &Value) -> Result<Value, (i64, String)> {
        let mut state = self.state();
        let text = |name: &str| params[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| {
            usize::try_from(params[name].as_u64().unwrap_or_default()).expect("a small number")
        };
        match method {
            "initialize" => {
                let own = format!("session-{}", state.session);
                match params["resumeSessionId"].as_str() {
                    Some(asked) if asked != own => {
                        Err((-32_600, format!("unknown session id {asked}")))
                    }
                    _ => Ok(
                        json!({ "sessionId": own, "environmentInfo": { "tempDir": "file:///tmp" } }),
                    ),
                }
            }
            "process/start" => {
                let id = text("processId");
                if state.processes.contains_key(&id) {
                    return Err((-32_600, format!("process {id} already exists")));
                }
                if params["argv"][0] == "/no/such" {
                    return Err((-32_603, "No such file or directory (os error 2)".to_owned()));
                }
                let process = FakeProcess::default();
                state.processes.insert(id.clone(), process);
                Ok(json!({ "processId": id }))
            }
            "process/read" => {
                let id = text("processId");
                let Some(process) = state.processes.get(&id) else {
                    return Err((-32_600, format!("unknown process id {id}")));
                };
                let after = params["afterSeq"].as_u64().unwrap_or_default();
                let chunks = process.notices.iter().map(|notice| &notice["params"]);
                let chunks: Vec<&Value> = chunks
                    .filter(|p| p["chunk"].is_string() && p["seq"].as_u64() > Some(after))
                    .collect();
                Ok(json!({
                    "chunks": chunks, "nextSeq": process.notices.len() + 1,
                    "exited": process.exit_code.is_some(), "exitCode": process.exit_code,
                    "closed": process.is_closed, "failure": null,
                }))
            }
            "fs/writeFile" => {
                use base64::Engine as _;
                let bytes = base64::engine::general_purpose::STANDARD.decode(text("dataBase64"));
                state.files.insert(text("path"), bytes.expect("base64"));
                Ok(json!({}))
            }
            "fs/getMetadata" => match state.files.get(&text("path")) {
                Some(bytes) => Ok(json!({
                    "isDirectory": false, "isFile": true, "isSymlink": false,
                    "size": bytes.len(), "createdAtMs": 0, "modifiedAtMs": 7,
                })),
                None => Err((-32_004, "No such file or directory (os error 2)".to_owned())),
            },
            "fs/readBlock" => {
                use base64::Engine as _;
                let bytes = state.files.values().next().expect("one file").clone();
                let at = number("offset");
                let len = number("len");
                let end = bytes.len().min(at + len.min(3));
                let chunk =
                    base64::engine::general_purpose::STANDARD.encode(&bytes[at.min(end)..end]);
                Ok(json!({ "chunk": chunk, "eof": end == bytes.len() }))
            }
            "fs/readDirectory" => {
                let folder = format!("{}/", text("path"));
                let names = state.files.keys().filter_map(|path| path.strip_prefix(&folder));
                let mut entries: Vec<Value> = names
                    .map(|name| name.replace("%20", " "))
                    .map(|name| json!({ "fileName": name, "isDirectory": false, "isFile": true }))
                    .collect();
                entries.push(
                    json!({ "fileName": "../../evil", "isDirectory": false, "isFile": true }),
                );
                Ok(json!({ "entries": entries }))
            }
            "fs/walk" => {
                let entries: Vec<Value> = state
                    .files
                    .keys()
                    .map(|path| json!({ "path": path, "kind": "file" }))
                    .collect();
                Ok(
                    json!({ "entries": entries, "errors": [], "truncated": text("path").ends_with("huge") }),
                )
            }
            "environment/status" => Ok(json!({ "status": "ready" })),
            _ => Ok(json!({})),
        }
    }
}
