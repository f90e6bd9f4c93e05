//! `mainstay sandbox show`

use mainstay_client::{Said, Sandbox};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::reach::{self, Target};
use crate::{output, time};

/// Show a sandbox: what its machine does, what it is made from, what is saved
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sandbox show ses_01h…
  mainstay sandbox show ses_01h… --json | jq .spec")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// Print JSON as the server sends it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    let sandbox = context::block_on(async { Ok(client.sandbox(&arguments.session).await?) })?;
    print(&sandbox, arguments.json)
}

/// A sandbox for a person, or as JSON.
pub(super) fn print(sandbox: &Said<Sandbox>, json: bool) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string_pretty(sandbox.json()).expect("what was JSON is JSON");
        return Ok(output::line(text)?);
    }
    output::line(format!("session   {}", sandbox.id))?;
    let tier = sandbox.tier.as_deref().map(|tier| format!(" ({tier})")).unwrap_or_default();
    output::line(format!("status    {}{tier}", sandbox.status))?;
    for (label, at) in [("made    ", sandbox.created_at), ("used    ", sandbox.used_at)] {
        if let Some(at) = at {
            output::line(format!("{label}  {} UTC", time::stamp(at)))?;
        }
    }
    let spec = &sandbox.json()["spec"];
    if spec["type"] == "openai_hosted" {
        output::line(format!(
            "machine   image {}, {} CPUs, {} MiB memory, {} MiB disk, network {}",
            spec["image"].as_str().unwrap_or_default(),
            spec["cpus"],
            spec["memory_mib"],
            spec["disk_mib"],
            spec["network"]["type"].as_str().unwrap_or_default(),
        ))?;
    }
    let saved = match &sandbox.checkpoint {
        None => "nothing yet".to_owned(),
        Some(saved) => {
            format!("ckpt_{}: {} files, {} bytes", saved.seq, saved.file_count, saved.size_bytes)
        }
    };
    output::line(format!("saved     {saved}"))?;
    Ok(output::line(format!("unsaved   {} calls", sandbox.unsaved_calls))?)
}
