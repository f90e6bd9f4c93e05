//! `mainstay sandbox shell`

use bytes::Bytes;
use mainstay_client::{NewTerminal, Terminal, TerminalShown};
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

use super::keyboard::{Farewell, Keyboard, Keys, size};
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;
use crate::reach::{self, Target};

/// What is read of the keyboard at once.
const READ_BYTES: usize = 4_096;

/// Open a shell in a session's machine, which is made if it is not there
///
/// The keyboard goes through as it is, Ctrl-C too; the exit code is the shell's. Enter, ~ and . leave,
/// which ends the shell. The journal says who opened it and how it ended; what was changed in /workspace
/// is saved then.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sandbox shell ses_01h…
  mainstay sandbox shell ses_01h… --command top")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// What bash runs instead of asking
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let (exit_code, signal) = context::block_on(shell(context, arguments))?;
    Failure::of_command(exit_code, signal)
}

async fn shell(
    context: &Context,
    arguments: &Arguments,
) -> Result<(Option<i32>, Option<i32>), Failure> {
    let client = reach::client(context, &arguments.target)?;
    let (columns, rows) = size();
    let new = NewTerminal {
        columns,
        rows,
        term: context.environment.get("TERM").map(str::to_owned),
        command: arguments.command.clone(),
    };
    let keyboard = Keyboard::take()?;
    let mut terminal = client.terminal(&arguments.session, &new).await?;
    let end = converse(&mut terminal).await;
    drop(keyboard);
    terminal.close().await;
    let end = end?;
    if end.is_none() {
        output::note("\nleft; the shell ends");
    }
    Ok(end.unwrap_or((Some(0), None)))
}

/// Until the shell ends; none when the person left before.
async fn converse(terminal: &mut Terminal) -> Result<Option<(Option<i32>, Option<i32>)>, Failure> {
    let mut keys = tokio::io::stdin();
    let mut resized = signal(SignalKind::window_change())?;
    let mut farewell = Farewell::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut has_keys = true;
    loop {
        tokio::select! {
            read = keys.read(&mut buffer), if has_keys => {
                let count = read?;
                has_keys = count > 0;
                match farewell.take(&buffer[..count]) {
                    Keys::Typed(typed) if typed.is_empty() => {}
                    Keys::Typed(typed) => terminal.write(Bytes::from(typed)).await?,
                    Keys::Leave => return Ok(None),
                }
            }
            _ = resized.recv() => {
                let (columns, rows) = size();
                terminal.resize(columns, rows).await?;
            }
            shown = terminal.next() => match shown? {
                TerminalShown::Output(bytes) => output::bytes(&bytes)?,
                TerminalShown::Ended { exit_code, signal } => return Ok(Some((exit_code, signal))),
            },
        }
    }
}
