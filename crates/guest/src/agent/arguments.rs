//! The agent's arguments.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
The agent inside of a Mainstay machine. A driver starts it; people have no use for it.

Usage: mainstay-guest (--listen-fd 0 | --port PATH) [--init]

  --listen-fd 0   Serve hosts that connect to the listening unix socket on standard input.
                  The newest connection wins.
  --port PATH     Serve the host behind this virtio-serial port.
  --init          Be the init of a machine: mount, become root of the image, power off in the end.
  --version       Show the version of the protocol.
  --help          Show this text.
";

/// Where hosts come from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Socket,
    Port(PathBuf),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arguments {
    Help,
    Version,
    Serve { link: Link, is_init: bool },
}

pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, String> {
    let mut arguments = arguments.into_iter();
    let mut link = None;
    let mut is_init = false;
    while let Some(argument) = arguments.next() {
        let name = argument.to_string_lossy().into_owned();
        match name.as_str() {
            "--help" => return Ok(Arguments::Help),
            "--version" => return Ok(Arguments::Version),
            "--init" => is_init = true,
            "--listen-fd" | "--port" if link.is_some() => {
                return Err("there is one way to a host: `--listen-fd` or `--port`".to_owned());
            }
            "--listen-fd" => {
                if arguments.next().is_none_or(|value| value != "0") {
                    return Err("`--listen-fd` takes 0, standard input, alone".to_owned());
                }
                link = Some(Link::Socket);
            }
            "--port" => {
                let path = arguments.next().ok_or("`--port` needs a path")?;
                link = Some(Link::Port(path.into()));
            }
            _ => return Err(format!("`{name}` is no argument; `--help` shows all")),
        }
    }
    match link {
        Some(link) => Ok(Arguments::Serve { link, is_init }),
        None => Err("`--listen-fd` or `--port` is needed; `--help` shows all".to_owned()),
    }
}
