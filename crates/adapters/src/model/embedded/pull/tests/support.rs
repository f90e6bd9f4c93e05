//! A small model file, a server that gives it in good and bad ways, and a record of what happened.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path as Segment, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use crate::model::embedded::files::{ModelFile, Source};
use crate::model::embedded::pull::{PullProgress, Puller};

/// Long enough for several parts, and no two of its slices are alike.
pub(super) fn content() -> Vec<u8> {
    (0..10_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// A model of that content. Tests may leak: catalogues live as long as the process.
pub(super) fn model(sources: Vec<Source>) -> ModelFile {
    let content = content();
    ModelFile {
        name: "tiny",
        about: "for tests",
        licence: "Apache-2.0",
        file_name: "tiny.gguf",
        sha256: hex::encode(Sha256::digest(&content)).leak(),
        size_bytes: content.len() as u64,
        sources: sources.leak(),
    }
}

/// What the server was asked: path and range.
pub(super) type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// A server whose paths say how it behaves; it ends with the test.
pub(super) struct Server {
    base: String,
    pub(super) asked: Asked,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "the server belongs to the test that drops it")]
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = Asked::default();
        let router = Router::new().route("/{behaviour}", get(answer)).with_state(asked.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves until it is aborted");
        });
        Self { base, asked, task }
    }

    pub(super) fn source(&self, behaviour: &str) -> Source {
        Source::Url { label: "a server", url: format!("{}/{behaviour}", self.base).leak() }
    }

    /// The ranges asked of this path, in order.
    pub(super) fn ranges(&self, behaviour: &str) -> Vec<Option<String>> {
        let asked = self.asked.lock().expect("not poisoned");
        let of_path = asked.iter().filter(|(path, _)| path == behaviour);
        of_path.map(|(_, range)| range.clone()).collect()
    }
}

async fn answer(
    State(asked): State<Asked>,
    Segment(behaviour): Segment<String>,
    headers: HeaderMap,
) -> Response {
    let range = headers.get(header::RANGE).map(|value| value.to_str().expect("text").to_owned());
    asked.lock().expect("not poisoned").push((behaviour.clone(), range.clone()));
    let content = content();
    let from =
        range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let whole = |content: Vec<u8>| Response::new(Body::from(content));
    match (behaviour.as_str(), from) {
        ("good", Some(from)) => rest(&content, from),
        ("ignores-ranges" | "good", _) => whole(content),
        ("short", _) => whole(content[..5_000].to_vec()),
        ("long", _) => whole([content.clone(), content].concat()),
        ("wrong", _) => whole(vec![7; content.len()]),
        ("moved", _) => redirect("/good"),
        ("circle", _) => redirect("/circle"),
        _ => status(StatusCode::NOT_FOUND),
    }
}

fn rest(content: &[u8], from: usize) -> Response {
    if from > content.len() {
        return status(StatusCode::RANGE_NOT_SATISFIABLE);
    }
    let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
    let response = Response::builder().status(StatusCode::PARTIAL_CONTENT);
    let response = response.header(header::CONTENT_RANGE, range);
    response.body(Body::from(content[from..].to_vec())).expect("a valid response")
}

fn redirect(to: &str) -> Response {
    let response = Response::builder().status(StatusCode::FOUND).header(header::LOCATION, to);
    response.body(Body::empty()).expect("a valid response")
}

fn status(status: StatusCode) -> Response {
    Response::builder().status(status).body(Body::empty()).expect("a valid response")
}

/// A folder, and the steps a download went through, without the byte counts.
pub(super) struct Download {
    pub(super) folder: tempfile::TempDir,
    pub(super) steps: Vec<String>,
}

impl Download {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), steps: Vec::new() }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves what an interrupted download would have left.
    pub(super) fn interrupted_after(&self, bytes: &[u8]) {
        std::fs::write(self.path().join("tiny.gguf.partial"), bytes).expect("writable");
    }

    pub(super) async fn run(
        &mut self,
        model: &ModelFile,
        python: &Path,
    ) -> Result<PathBuf, String> {
        let puller = Puller::new().expect("a client").with_python(python.to_owned());
        let steps = &mut self.steps;
        let mut on_progress = |progress: PullProgress<'_>| match progress {
            PullProgress::Trying { .. } => steps.push("trying".to_owned()),
            PullProgress::SourceFailed { error, .. } => steps.push(format!("failed: {error}")),
            PullProgress::Bytes { .. } => {}
            PullProgress::Verifying => steps.push("verifying".to_owned()),
        };
        let pulled = puller.pull(model, self.folder.path(), &mut on_progress).await;
        pulled.map_err(|error| error.to_string())
    }

    /// The folder holds the model and nothing half done.
    pub(super) fn assert_complete(&self) {
        let names = std::fs::read_dir(self.path()).expect("readable");
        let mut names: Vec<_> = names.map(|entry| entry.expect("readable").file_name()).collect();
        names.sort();
        assert_eq!(names, ["tiny.gguf", "tiny.gguf.lock"]);
        assert!(std::fs::read(self.path().join("tiny.gguf")).expect("readable") == content());
    }
}
