//! `mainstay doctor`

use clap::ValueEnum;
use mainstay_core::port::SandboxTier;

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::{doctor, output};

/// Say what this machine can do: isolation of sessions' machines, images, models, data
///
/// Each driver starts a machine to find out. Exit code 1 says that what --require names is not to be
/// had; without it the code is 0 whatever is found.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay doctor
  mainstay doctor --json | jq -r '.compute.drivers[] | select(.works | not) | .remedy'
  mainstay doctor --require process && mainstay serve")]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Fail unless machines of this tier can be had, with the image that they are made from
    #[arg(long, value_name = "TIER")]
    require: Option<Required>,
}

/// What can be required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Required {
    /// A kernel of its own for each machine
    Microvm,
    /// Namespaces of the host's kernel
    Process,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config(Vec::new())?;
    let report = context::block_on(doctor::look(&config, &context.environment))?;
    match arguments.json {
        true => output::line(serde_json::to_string_pretty(&report).expect("plain members"))?,
        false => output::text(doctor::words(&report))?,
    }
    let Some(required) = arguments.require else { return Ok(()) };
    let (tier, name) = match required {
        Required::Microvm => (SandboxTier::Microvm, "microvm"),
        Required::Process => (SandboxTier::Process, "process"),
    };
    let compute = &report.compute;
    let works = compute.drivers.iter().any(|driver| driver.tier == tier && driver.works);
    match works && compute.image.is_present {
        true => Ok(()),
        false => Err(Failure::new(format!("machines of the tier {name} cannot be had here"))),
    }
}
