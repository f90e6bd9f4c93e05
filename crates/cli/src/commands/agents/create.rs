//! `mainstay agents create`

use std::io::Read;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;
use crate::reach::{self, Target};

/// The largest definition read, bytes.
const MAX_DEFINITION_BYTES: u64 = 4 * 1024 * 1024;

/// Make an agent and print its id
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay agents create --model embedded --instructions 'Answer in one sentence.'
  mainstay agents create --file agent.json
  cat agent.json | mainstay agents create --file -

The file holds the parameters of POST /v1/agents, as docs/api.md describes them.")]
pub(crate) struct Arguments {
    /// The definition, JSON; `-` reads it from stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "name", "instructions"])]
    file: Option<PathBuf>,
    /// The model
    #[arg(long, required_unless_present = "file")]
    model: Option<String>,
    /// A name for people
    #[arg(long)]
    name: Option<String>,
    /// What the model is told first
    #[arg(long)]
    instructions: Option<String>,
    #[command(flatten)]
    target: Target,
}

impl Arguments {
    fn params(&self) -> Result<Value, Failure> {
        let Some(file) = &self.file else {
            return Ok(json!({
                "model": self.model,
                "name": self.name,
                "instructions": self.instructions,
            }));
        };
        let text = read(file)?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::usage(format!("{} does not hold JSON: {error}", file.display()))
        })
    }
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().take(MAX_DEFINITION_BYTES).read_to_string(&mut text)?;
        return Ok(text);
    }
    let opened = std::fs::File::open(file)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
    opened.take(MAX_DEFINITION_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let params = arguments.params()?;
    let client = reach::client(context, &arguments.target)?;
    let agent = context::block_on(async { Ok(client.create_agent(&params).await?) })?;
    Ok(output::line(agent.id)?)
}
