//! Code in the resident interpreters.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mainstay_adapters::sandbox::Machine;
use mainstay_core::port::{
    CodeLanguage, CodeOutput, CodeRequest, Fate, OutputSink, OutputStream, Readiness, SandboxError,
};

use crate::support::{Guest, Shut, connect_as, effect_id, hello, shell, shown};

fn code(language: CodeLanguage, effect: &str, source: &str) -> CodeRequest {
    CodeRequest {
        effect: effect_id(effect),
        language,
        source: source.to_owned(),
        timeout_ms: 30_000,
        output_limit_bytes: 10_000,
    }
}

/// What it printed, its results, and the last line of its exception.
fn seen(output: &CodeOutput) -> String {
    let results: Vec<_> = output
        .results
        .iter()
        .map(|part| format!("{} {}", part.media_type, String::from_utf8_lossy(&part.data)))
        .collect();
    let error = output.error.as_deref().and_then(|text| text.lines().last()).unwrap_or_default();
    format!("[{}][{}] {results:?} {error}", output.stdout, output.stderr)
}

struct Session<'a> {
    machine: &'a Machine,
    language: CodeLanguage,
    count: usize,
}

impl<'a> Session<'a> {
    fn new(machine: &'a Machine, language: CodeLanguage) -> Self {
        Self { machine, language, count: 0 }
    }

    async fn run(&mut self, source: &str) -> CodeOutput {
        self.count += 1;
        let request = code(self.language, &format!("{:?}{}", self.language, self.count), source);
        self.machine.code(request, None).await.expect("run")
    }

    async fn check(&mut self, source: &str, expected: &str) {
        let output = self.run(source).await;
        assert_eq!(seen(&output), expected, "{source}");
    }
}

#[tokio::test]
async fn python_keeps_its_variables_and_shows_its_values() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let mut python = Session::new(&machine, CodeLanguage::Python);
    assert!(python.run("x = 20").await.is_fresh);
    let second = python.run("def double(n):\n    return 2 * n\ndouble(x + 1)").await;
    assert_eq!((seen(&second), second.is_fresh), ("[][] [\"text/plain 42\"] ".to_owned(), false));
    python
        .check("import sys\nprint('out'); print('err', file=sys.stderr)", "[out\n][err\n] [] ")
        .await;
    python.check("_ + 1", "[][] [\"text/plain 43\"] ").await;
    python.check("None", "[][] [] ").await;
    python.check("1/0", "[][] [] ZeroDivisionError: division by zero").await;
    python.check("def broken(:", "[][] [] SyntaxError: invalid syntax").await;
    python
        .check(
            "import asyncio\nawait asyncio.sleep(0, 'waited')",
            "[][] [\"text/plain 'waited'\"] ",
        )
        .await;
    python.check("exit()", "[][] [] SystemExit").await;
    python
        .check(
            "import subprocess; subprocess.run(['echo', 'child']).returncode",
            "[child\n][] [\"text/plain 0\"] ",
        )
        .await;
    python.check("input()", "[][] [] EOFError: EOF when reading a line").await;
    let table = "class Table:\n    def _repr_html_(self): return '<table/>'\n    def __repr__(self): return 'table'\nTable()";
    python.check(table, "[][] [\"text/html <table/>\", \"text/plain table\"] ").await;
    python
        .check(
            "display(1, 'a'); 2",
            "[][] [\"text/plain 1\", \"text/plain 'a'\", \"text/plain 2\"] ",
        )
        .await;
    let error =
        python.run("def f():\n    raise ValueError('no')\nf()").await.error.expect("an error");
    assert_eq!(
        error.lines().filter(|line| line.contains("File")).count(),
        2,
        "the interpreter's own lines are not shown: {error}"
    );
    assert!(error.contains("raise ValueError('no')"), "{error}");
    python
        .check(
            "__name__, __import__('os').getcwd()",
            "[][] [\"text/plain ('__main__', '/workspace')\"] ",
        )
        .await;
}

#[tokio::test]
async fn javascript_keeps_its_variables_and_shows_its_values() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let mut node = Session::new(&machine, CodeLanguage::Javascript);
    assert!(
        node.run("const x = 20; let y = 1; function double(n) { return 2 * n }").await.is_fresh
    );
    node.check("double(x + y)", "[][] [\"text/plain 42\"] ").await;
    node.check("const x = 'again'; x", "[][] [\"text/plain 'again'\"] ").await;
    node.check("console.log('out'); console.error('err')", "[out\n][err\n] [] ").await;
    node.check("await Promise.resolve({ a: [1, 2] })", "[][] [\"text/plain { a: [ 1, 2 ] }\"] ")
        .await;
    node.check("import { basename as base } from 'node:path'\nimport fs from 'node:fs';\nbase('/a/b') + typeof fs.readFileSync", "[][] [\"text/plain 'bfunction'\"] ").await;
    node.check("(await import('node:os')).EOL", "[][] [\"text/plain '\\\\n'\"] ").await;
    node.check("require('node:path').sep", "[][] [\"text/plain '/'\"] ").await;
    node.check("10n ** 20n", "[][] [\"text/plain 100000000000000000000n\"] ").await;
    node.check("undefined", "[][] [] ").await;
    let error =
        node.run("function f() { throw new TypeError('no') }\nf()").await.error.expect("an error");
    assert!(error.starts_with("TypeError: no\n    at f ") && !error.contains("node:"), "{error}");
    node.check("throw 7", "[][] [] thrown: 7").await;
    node.check("let 5", "[][] [] SyntaxError: Unexpected number").await;
    node.check(
        "require('child_process').execSync('cat; echo child', { stdio: 'inherit' }); y",
        "[child\n][] [\"text/plain 1\"] ",
    )
    .await;
    let late = "setTimeout(() => { throw new Error('late') }, 0); await new Promise(r => setTimeout(r, 50)); 1";
    let output = node.run(late).await;
    assert!(output.stderr.starts_with("Error: late\n") && output.error.is_none(), "{output:?}");
}

#[tokio::test]
async fn code_that_does_not_end_is_interrupted_or_its_interpreter_ended() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let check = async |effect: &str, language, source: &str, last: &str, is_kept: bool| {
        let mut request = code(language, effect, source);
        request.timeout_ms = 1_000;
        let output = machine.code(request, None).await.expect("run");
        assert_eq!(output.error.as_deref().and_then(|text| text.lines().last()), Some(last));
        let next =
            machine.code(code(language, &format!("{effect}+"), "1"), None).await.expect("run");
        assert_eq!((next.is_fresh, next.error), (!is_kept, None), "after {source}");
    };
    let kept = "the code ran longer than 1000 ms or was called off, and was interrupted; variables are kept";
    let gone = "the code ran longer than 1000 ms or was called off, and did not stop when it was interrupted; the interpreter was ended and its variables are gone";
    check("1", CodeLanguage::Python, "while True: pass", kept, true).await;
    check("2", CodeLanguage::Python, "import time; time.sleep(600)", kept, true).await;
    check(
        "3",
        CodeLanguage::Python,
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        gone,
        false,
    )
    .await;
    check("4", CodeLanguage::Javascript, "await new Promise(() => {})", kept, true).await;
    check("5", CodeLanguage::Javascript, "while (true) {}", gone, false).await;
    let ended = "the interpreter ended (exit status: 3) and its variables are gone";
    check("6", CodeLanguage::Python, "import os; os._exit(3)", ended, false).await;
    let left = machine.exec(shell("7", "pgrep -c 'python3|node'"), None).await.expect("look");
    assert_eq!(shown(&left), "Exited { code: 0 } [2\n] []");
}

#[tokio::test]
async fn code_is_run_once_and_its_outcome_is_remembered() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    machine.warm(CodeLanguage::Python).await.expect("warm");
    let request = code(CodeLanguage::Python, "1", "n = globals().get('n', 0) + 1; n");
    let first = machine.code(request.clone(), None).await.expect("run");
    assert_eq!((seen(&first).as_str(), first.is_fresh), ("[][] [\"text/plain 1\"] ", true));
    assert_eq!(machine.code(request.clone(), None).await.expect("know"), first);
    // Called off while it runs: it is interrupted, and what became of it is known.
    let begun = guest.workspace().join("begun");
    let long = code(CodeLanguage::Python, "2", "open('begun', 'w')\nimport time\ntime.sleep(600)");
    tokio::select! {
        output = machine.code(long, None) => panic!("it ended by itself: {output:?}"),
        () = async { while !begun.exists() { tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>()).await.ok(); } } => {}
    }
    let Fate::Ended(output, _) = machine.code_fate(&effect_id("2")).await.expect("know") else {
        panic!("it was begun");
    };
    assert!(output.error.expect("an error").contains("KeyboardInterrupt"));
    drop(machine);
    let machine = guest.connect().await;
    assert_eq!(
        machine.code_fate(&request.effect).await,
        Ok(Fate::Ended(first, Readiness::Running))
    );
    assert_eq!(machine.code_fate(&effect_id("3")).await, Ok(Fate::NotRun));
    machine.reset().await.expect("reset");
    let again = machine.code(code(CodeLanguage::Python, "4", "n"), None).await.expect("run");
    assert!(again.is_fresh);
}

#[tokio::test]
async fn what_code_does_to_its_interpreter_harms_nobody() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let mut python = Session::new(&machine, CodeLanguage::Python);
    let much = python.run("print('x' * 1000000, flush=True)\n'y' * 20000000").await;
    assert!(much.stdout.contains("[990001 bytes left out]") && much.stdout.len() < 11_000);
    assert_eq!(much.results[0].data, "[text/plain of 20000002 bytes is left out]");
    python
        .check(
            "import os\nif os.fork() == 0: print('copy', flush=True)\nelse: os.wait()\n7",
            "[copy\n][] [\"text/plain 7\"] ",
        )
        .await;
    let forged = python.run("import gc, socket\nfor s in gc.get_objects():\n    if isinstance(s, socket.socket): s.sendall(b'\\xff' * 100)\nimport time; time.sleep(600)").await;
    let error = forged.error.expect("an error");
    assert_eq!(
        error,
        "the interpreter's answer makes no sense (it is too long); it was ended and its variables are gone"
    );
    python.check("1", "[][] [\"text/plain 1\"] ").await;
    let error = machine
        .code(
            CodeRequest { output_limit_bytes: 1 << 30, ..code(CodeLanguage::Python, "9", "1") },
            None,
        )
        .await
        .expect_err("refuse");
    assert_eq!(
        error,
        SandboxError::Invalid("at most 16777216 bytes of each output are kept".to_owned())
    );
}

#[tokio::test]
async fn what_code_prints_is_shown_while_it_runs() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    // It ends only once what it printed before was seen.
    let cases = [
        (
            CodeLanguage::Python,
            "import time, os\nprint('first', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.01)",
        ),
        (
            CodeLanguage::Javascript,
            "const fs = require('fs'); console.log('first'); while (!fs.existsSync('go')) await new Promise(r => setTimeout(r, 10));",
        ),
    ];
    for (language, source) in cases {
        let (sender, mut shown) = tokio::sync::mpsc::channel(64);
        let sink: OutputSink = Arc::new(move |stream, bytes| {
            let _ = sender.try_send((stream, bytes.to_vec()));
        });
        let effect = format!("live {language:?}");
        let running = machine.code(code(language, &effect, source), Some(sink));
        let goer = async {
            let mut seen = Vec::new();
            while !seen.ends_with(b"first\n") {
                let (stream, bytes) = shown.recv().await.expect("it goes on");
                assert_eq!(stream, OutputStream::Stdout);
                seen.extend(bytes);
            }
            let go = Bytes::from_static(b"");
            machine.write_file("/workspace/go", go, None).await.expect("write");
        };
        let (output, ()) = tokio::join!(running, goer);
        assert_eq!(seen(&output.expect("run")), "[first\n][] [] ", "{language:?}");
        machine.remove("/workspace/go").await.expect("remove");
    }
}

/// An interpreter may have begun in a template, which knows nothing of its session.
#[tokio::test]
async fn an_interpreter_has_what_came_after_it_began() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let languages = [
        (CodeLanguage::Python, "import os\nstr([os.environ.get(n) for n in ['GREETING', 'KEY']])"),
        (CodeLanguage::Javascript, "String([process.env.GREETING, process.env.KEY])"),
    ];
    let run = async |machine: &Machine, turn: &str| {
        let mut told = Vec::new();
        for (language, source) in languages {
            let request = code(language, &format!("{language:?} {turn}"), source);
            let output = machine.code(request, None).await.expect("run");
            told.push(String::from_utf8_lossy(&output.results[0].data).into_owned());
        }
        told
    };
    machine.warm(CodeLanguage::Python).await.expect("warm");
    assert_eq!(run(&machine, "1").await, ["\"['hello', None]\"", "'hello,'"]);
    drop(machine);
    let later = mainstay_adapters::sandbox::Hello {
        env: [("KEY".to_owned(), "placeholder".to_owned())].into(),
        ..hello()
    };
    let machine = connect_as(&guest.socket(), later, Arc::new(Shut)).await;
    assert_eq!(run(&machine, "2").await, ["\"[None, 'placeholder']\"", "',placeholder'"]);
    // The folder of one's own packages is not there when a machine begins.
    let install = "mkdir -p $(python3 -m site --user-site) && echo 'answer = 42' > $(python3 -m site --user-site)/late.py";
    machine.exec(shell("install", install), None).await.expect("run");
    let mut python = Session::new(&machine, CodeLanguage::Python);
    python.check("import late\nlate.answer", "[][] [\"text/plain 42\"] ").await;
    let other = "echo 'answer = 43' > $(python3 -m site --user-site)/later.py";
    machine.exec(shell("other", other), None).await.expect("run");
    python.check("import later\nlater.answer", "[][] [\"text/plain 43\"] ").await;
}
