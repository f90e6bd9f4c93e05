//! `mainstay completions`

use crate::support::{Home, said};

#[tokio::test]
async fn every_shell_gets_every_command() {
    let home = Home::new();
    for (shell, begins) in [
        ("bash", "_mainstay() {"),
        ("zsh", "#compdef mainstay"),
        ("fish", "# Print an optspec"),
        ("elvish", "\nuse builtin;"),
        ("powershell", "\nusing namespace"),
    ] {
        let script = home.run(&["completions", shell], &[]).await.stdout;
        assert!(script.starts_with(begins), "{shell}: {}", &script[..80]);
        for word in ["serve", "sessions", "follow", "journal", "verify", "completions", "data-dir"]
        {
            assert!(script.contains(word), "{shell} knows no {word}");
        }
    }
}

#[tokio::test]
async fn bash_reads_and_uses_it() {
    let home = Home::new();
    let script = home.run(&["completions", "bash"], &[]).await.stdout;
    let file = home.write("completions.bash", &script);
    let use_it = format!(
        "set -eu; . {file}; COMP_WORDS=(mainstay sessions f); COMP_CWORD=2; \
         _mainstay mainstay f sessions; echo \"${{COMPREPLY[*]}}\""
    );
    let mut bash = tokio::process::Command::new("bash");
    bash.args(["-c", &use_it]);
    let said = said(bash, "").await;
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(0), "follow\n", ""));
}
