//! A server with one session and its executor, which a test can break.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_adapters::sandbox::ExecutorSandboxes;
use mainstay_core::port::{
    Clock, Entropy, ExecEnd, ExecOutput, ExecRequest, ExecutorSpec, Executors, Fate, OutputSink,
    SandboxError, SandboxRequest, SandboxSpec, Sandboxes,
};
use mainstay_protocol::{EffectId, SessionId, TenantId};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::executor_fake::FakeExecutor;

/// A time that a test moves.
pub(super) struct TestClock(pub(super) watch::Sender<u64>);

#[async_trait]
impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        *self.0.borrow()
    }

    async fn sleep_until(&self, at_ms: u64) {
        let mut now = self.0.subscribe();
        now.wait_for(|now| *now >= at_ms).await.expect("the clock outlives who waits on it");
    }
}

pub(super) struct Counted(pub(super) AtomicU64);

impl Entropy for Counted {
    fn next(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A server with one session, and its executor.
pub(super) struct Bench {
    pub(super) folder: Arc<tempfile::TempDir>,
    pub(super) clock: Arc<TestClock>,
    pub(super) sandboxes: Arc<ExecutorSandboxes>,
    pub(super) executor: FakeExecutor,
    pub(super) registration: String,
    pub(super) serving: Mutex<Vec<JoinHandle<()>>>,
}

pub(super) fn session() -> SessionId {
    SessionId::parse("ses_1").expect("an id")
}

impl Bench {
    pub(super) async fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let clock = Arc::new(TestClock(watch::channel(1_000).0));
        Self::over(folder, clock, FakeExecutor::default(), None).await
    }

    pub(super) async fn over(
        folder: Arc<tempfile::TempDir>,
        clock: Arc<TestClock>,
        executor: FakeExecutor,
        registration: Option<String>,
    ) -> Self {
        let entropy = Arc::new(Counted(AtomicU64::new(0)));
        let sandboxes =
            ExecutorSandboxes::new(folder.path().join("executors"), clock.clone(), entropy);
        let sandboxes = Arc::new(sandboxes);
        let registration = match registration {
            Some(known) => known,
            None => sandboxes.register(&session()).await.expect("registers"),
        };
        Self { folder, clock, sandboxes, executor, registration, serving: Mutex::default() }
    }

    /// This process dies and another takes its place; the executor lives on.
    pub(super) async fn crash(self) -> Self {
        for serving in self.serving.lock().expect("whole").drain(..) {
            serving.abort();
        }
        self.executor.hang_up();
        let registration = Some(self.registration);
        Self::over(self.folder, self.clock, self.executor, registration).await
    }

    pub(super) fn connect(&self) {
        let wire = self.executor.connect();
        let (sandboxes, registration) = (self.sandboxes.clone(), self.registration.clone());
        let serving =
            spawned(async move { sandboxes.serve(&session(), &registration, wire).await });
        self.serving.lock().expect("whole").push(serving);
    }

    pub(super) fn exec(
        &self,
        effect: &str,
        sink: Option<OutputSink>,
    ) -> JoinHandle<Result<ExecOutput, SandboxError>> {
        self.run(request(effect), sink)
    }

    pub(super) fn run(
        &self,
        exec: ExecRequest,
        sink: Option<OutputSink>,
    ) -> JoinHandle<Result<ExecOutput, SandboxError>> {
        let sandboxes = self.sandboxes.clone();
        spawned(
            async move { sandboxes.exec(&machine(), exec, sink).await.map(|(output, _)| output) },
        )
    }

    pub(super) fn fate(&self, effect: &str) -> JoinHandle<Result<Fate<ExecOutput>, SandboxError>> {
        let (sandboxes, effect) = (self.sandboxes.clone(), id(effect));
        spawned(async move { sandboxes.exec_fate(&session(), &effect).await })
    }

    /// Moves the time as far as whatever waits needs, step by step.
    pub(super) async fn until<T>(&self, work: JoinHandle<T>) -> T {
        let mut work = work;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done.expect("does not panic"),
                // Not a wait for work to be done: it lets whatever can run do so before the time moves.
                () = tokio::task::yield_now() => {}
            }
            if tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>())
                .await
                .is_err()
            {
                self.clock.0.send_modify(|now| *now += 1_000);
            }
        }
    }
}

pub(super) fn id(effect: &str) -> EffectId {
    EffectId::parse(effect).expect("an id")
}

pub(super) fn machine() -> SandboxRequest {
    SandboxRequest {
        tenant: TenantId::parse("ten_a").expect("an id"),
        session: session(),
        spec: Arc::new(SandboxSpec::self_hosted(ExecutorSpec {
            workspace_directory: "/srv/my project".to_owned(),
        })),
        setup: Arc::default(),
        secrets: Arc::from([]),
        checkpoint: None,
        calls_since: 0,
        told_resets: 0,
    }
}

pub(super) fn request(effect: &str) -> ExecRequest {
    ExecRequest {
        effect: id(effect),
        argv: vec!["sh".to_owned(), "-c".to_owned(), "work".to_owned()],
        cwd: "/workspace/sub".to_owned(),
        env: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
        stdin: Bytes::new(),
        timeout_ms: 120_000,
        output_limit_bytes: 8,
    }
}

pub(super) fn printed(output: &ExecOutput) -> (ExecEnd, String, String) {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    (output.end, text(&output.stdout), text(&output.stderr))
}

pub(super) fn exited(code: i32) -> ExecEnd {
    ExecEnd::Exited { code }
}

/// Runs beside the test.
#[expect(clippy::disallowed_methods, reason = "what a test starts ends with the test's runtime")]
fn spawned<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(work)
}
