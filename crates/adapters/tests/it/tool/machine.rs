//! Tools of a machine: what goes in, what a model reads, and what is known after a crash.

use std::sync::Arc;

use bytes::Bytes;
use mainstay_core::port::{
    CodeLanguage, CodeOutput, CodeResult, ExecEnd, ExecOutput, ExecRecord, Fate, MachineSeen,
    NetworkRule, Readiness, Reconciliation, SandboxError, SandboxRequest, SandboxSpec, Tools,
    WorldChange,
};
use mainstay_core::tool::{Safety, ToolSource};
use serde_json::{Value, json};

use super::machine_fake::{FakeMachine, Next};
use super::support::{Bench, Wanted, context, text};

const SHELL: ToolSource = ToolSource::Shell {};
const FILES: ToolSource = ToolSource::Files { read_only: false };

struct Fixture {
    bench: Bench,
    machine: Arc<FakeMachine>,
}

impl Fixture {
    fn new() -> Self {
        let machine = Arc::new(FakeMachine::default());
        let bench = Bench::new(Wanted { sandboxes: Some(machine.clone()), ..Wanted::default() });
        Self { bench, machine }
    }

    async fn prepare(
        &self,
        source: &ToolSource,
        tool: &str,
        arguments: Value,
    ) -> mainstay_core::port::ToolCall {
        let mut call = self.bench.prepare(source, tool, arguments).await;
        call.context.sandbox = Some(Arc::new(request()));
        call
    }

    async fn call(&self, source: &ToolSource, tool: &str, arguments: Value) -> String {
        let call = self.prepare(source, tool, arguments).await;
        text(&self.bench.tools.call(call).await.expect("an answer for the model"))
    }
}

fn request() -> SandboxRequest {
    let context = context();
    SandboxRequest {
        tenant: context.tenant,
        session: context.session,
        spec: Arc::new(SandboxSpec {
            tier: None,
            image: "default".to_owned(),
            cpus: 1,
            memory_mib: 256,
            disk_mib: 1_024,
            processes: 64,
            network: NetworkRule::None,
            executor: None,
        }),
        setup: Arc::default(),
        secrets: Arc::new([]),
        checkpoint: None,
        calls_since: 0,
        told_resets: 0,
    }
}

fn output(stdout: &'static str, end: ExecEnd) -> ExecOutput {
    ExecOutput {
        end,
        stdout: Bytes::from_static(stdout.as_bytes()),
        stderr: Bytes::new(),
        stdout_omitted_bytes: 0,
        stderr_omitted_bytes: 0,
        duration_ms: 1,
    }
}

#[tokio::test]
async fn a_command_goes_to_the_machine_under_its_effect() {
    let at = Fixture::new();
    at.machine.then(Next::Exec(Ok(output("hi\n", ExecEnd::Exited { code: 3 }))));
    let arguments = json!({"command": "echo hi; exit 3", "cwd": "src", "stdin": "in"});
    assert_eq!(at.call(&SHELL, "shell", arguments).await, "hi\n[exit code 3]");
    let execs = at.machine.execs.lock().expect("no panic");
    assert_eq!(execs[0].effect.as_str(), "eff_1");
    assert_eq!(execs[0].argv, ["/bin/bash", "-c", "echo hi; exit 3"]);
    assert_eq!((execs[0].cwd.as_str(), &execs[0].stdin[..]), ("/workspace/src", &b"in"[..]));
    assert_eq!(execs[0].timeout_ms, 120_000);
}

#[tokio::test]
async fn a_machine_that_breaks_leaves_a_command_unknown_and_a_refusal_is_told() {
    let at = Fixture::new();
    let call = at.prepare(&SHELL, "shell", json!({"command": "true"})).await;
    assert_eq!((call.spec.safety, call.spec.reconcile), (Safety::Once, true));
    at.machine.then(Next::Exec(Err(SandboxError::Broken("it does not answer".to_owned()))));
    let error = at.bench.tools.call(call.clone()).await.expect_err("the attempt failed");
    assert_eq!((error.world, error.retryable), (WorldChange::Maybe, true));
    at.machine.then(Next::Exec(Err(SandboxError::LimitReached("disk is full".to_owned()))));
    let told = text(&at.bench.tools.call(call).await.expect("told to the model"));
    assert_eq!(told, "error: a limit of the sandbox is reached: disk is full");
}

#[tokio::test]
async fn a_machine_that_never_starts_is_told_of_with_the_last_attempt() {
    let at = Fixture::new();
    let mut call = at.prepare(&SHELL, "shell", json!({"command": "true"})).await;
    let last = call.spec.max_attempts;
    let never = || Next::Exec(Err(SandboxError::NotStarted("boot: no room".to_owned())));
    for attempt in 1..last {
        call.attempt = attempt;
        at.machine.then(never());
        let error = at.bench.tools.call(call.clone()).await.expect_err("another attempt follows");
        assert_eq!((error.world, error.retryable), (WorldChange::No, true));
    }
    call.attempt = last;
    at.machine.then(never());
    let told = at.bench.tools.call(call).await.expect("told to the model");
    assert!(told.is_error && text(&told).contains("boot: no room"), "{}", text(&told));
    assert!(
        matches!(told.machine, Some(MachineSeen::Absent(why)) if why.contains("boot: no room"))
    );
}

#[tokio::test]
async fn after_a_crash_the_machine_says_what_became_of_a_call() {
    let at = Fixture::new();
    let call = at.prepare(&SHELL, "shell", json!({"command": "true"})).await;
    let check = async |fate, expected| {
        at.machine.then(Next::ExecFate(fate));
        let known = at.bench.tools.reconcile(call.clone()).await.expect("it was asked");
        assert_eq!(known, expected);
    };
    let lost = Readiness::Restored { lost_calls: 1 };
    let told = "[The machine was made again from its last checkpoint. What the last call before changed in its \
                files may be gone; processes and variables are gone, and so is what was outside of /workspace.]\ndone\n";
    let mut done = mainstay_core::port::ToolOutput::text(told);
    done.exec = Some(ExecRecord {
        command: "true".to_owned(),
        cwd: "/workspace".to_owned(),
        end: ExecEnd::Exited { code: 0 },
        duration_ms: 1,
    });
    done.machine = Some(MachineSeen::Ready(lost));
    let ended = output("done\n", ExecEnd::Exited { code: 0 });
    check(Fate::Ended(ended, lost), Reconciliation::Done(done)).await;
    check(Fate::NotRun, Reconciliation::NotDone).await;
    check(Fate::Gone, Reconciliation::Unknown).await;
    let python = ToolSource::Code { languages: vec![CodeLanguage::Python] };
    let call = at.prepare(&python, "run_python", json!({"code": "1"})).await;
    at.machine.then(Next::CodeFate(Fate::NotRun));
    let known = at.bench.tools.reconcile(call).await.expect("it was asked");
    assert_eq!(known, Reconciliation::NotDone);
}

#[tokio::test]
async fn code_answers_with_text_and_saves_pictures() {
    let at = Fixture::new();
    let result = |media_type: &str, data: &'static str| CodeResult {
        media_type: media_type.to_owned(),
        data: Bytes::from_static(data.as_bytes()),
    };
    at.machine.then(Next::Code(Ok(CodeOutput {
        stdout: "printed\n".to_owned(),
        stderr: String::new(),
        results: vec![result("text/plain", "42"), result("image/png", "PNG")],
        error: None,
        is_fresh: false,
        duration_ms: 1,
    })));
    let languages = vec![CodeLanguage::Python, CodeLanguage::Javascript];
    let source = ToolSource::Code { languages };
    let answer = at.call(&source, "run_python", json!({"code": "plot()"})).await;
    assert_eq!(answer, "printed\n42\n[saved image/png as artifacts/result-1_ffe-1.png]");
    let files = at.machine.files.lock().expect("no panic").clone();
    assert_eq!(files["/workspace/artifacts/result-1_ffe-1.png"], "PNG");
}

#[tokio::test]
async fn an_exception_and_a_new_interpreter_are_said() {
    let at = Fixture::new();
    at.machine.then(Next::Code(Ok(CodeOutput {
        stdout: String::new(),
        stderr: String::new(),
        results: Vec::new(),
        error: Some("NameError: name 'x' is not defined".to_owned()),
        is_fresh: true,
        duration_ms: 1,
    })));
    let source = ToolSource::Code { languages: vec![CodeLanguage::Python] };
    let answer = at.call(&source, "run_python", json!({"code": "x"})).await;
    assert_eq!(
        answer,
        "error: [the interpreter is new: no variables of earlier calls are there]\nNameError: name 'x' is not defined"
    );
}

#[tokio::test]
async fn files_of_a_machine_are_read_written_and_edited() {
    let at = Fixture::new();
    let call = |tool, arguments| at.call(&FILES, tool, arguments);
    let write = json!({"path": "a/b.txt", "content": "one\ntwo\n"});
    assert_eq!(call("write_file", write).await, "wrote 8 bytes to a/b.txt");
    assert_eq!(call("read_file", json!({"path": "a/b.txt"})).await, "one\ntwo\n");
    let edit = json!({"path": "a/b.txt", "old_text": "two", "new_text": "2\n3"});
    assert_eq!(call("edit_file", edit).await, "edited a/b.txt: 1 lines became 2");
    let window = json!({"path": "/workspace/a/b.txt", "offset": 2, "limit": 1});
    assert_eq!(
        call("read_file", window).await,
        "2\n[lines 2 to 2 of a file of 8 bytes; go on with offset 3]"
    );
    assert_eq!(call("list_files", json!({})).await, "a/b.txt");
    let missing = call("read_file", json!({"path": "none"})).await;
    assert_eq!(missing, "error: read \"/workspace/none\": no such file");
    *at.machine.readiness.lock().expect("no panic") = Some(Readiness::Restored { lost_calls: 2 });
    let restored = call("list_files", json!({})).await;
    assert!(restored.starts_with("[The machine was made again"), "{restored}");
}

#[tokio::test]
async fn a_search_is_a_command_without_a_shell() {
    let at = Fixture::new();
    let found = "./a.txt:1:x; rm -rf /\n./b.txt:2:y\n";
    at.machine.then(Next::Exec(Ok(output(found, ExecEnd::Exited { code: 0 }))));
    let arguments = json!({"text": "$(reboot)", "path": "."});
    let answer = at.call(&FILES, "search_files", arguments).await;
    assert_eq!(answer, "a.txt:1:x; rm -rf /\nb.txt:2:y\n");
    let argv = at.machine.execs.lock().expect("no panic")[0].argv.clone();
    assert_eq!(argv[0], "rg");
    assert_eq!(argv[argv.len() - 4..], ["--fixed-strings", "--", "$(reboot)", "."]);
    at.machine.then(Next::Exec(Ok(output("", ExecEnd::Exited { code: 1 }))));
    let none = at.call(&FILES, "search_files", json!({"text": "z"})).await;
    assert_eq!(none, "no line contains \"z\"");
}

#[tokio::test]
async fn without_a_machine_the_tools_say_so() {
    let at = Fixture::new();
    let call = at.bench.prepare(&SHELL, "shell", json!({"command": "true"})).await;
    let error = at.bench.tools.call(call).await.expect_err("there is no machine");
    assert!(error.message.contains("environment has none"), "{error}");
    let bench = Bench::new(Wanted::default());
    let mut call = bench.prepare(&SHELL, "shell", json!({"command": "true"})).await;
    call.context.sandbox = Some(Arc::new(request()));
    let error = bench.tools.call(call).await.expect_err("compute is off");
    assert!(error.message.contains("switched off"), "{error}");
}
