//! `mainstay agents create`

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;
use crate::reach::{self, Target};

/// The largest definition read, bytes.
const MAX_DEFINITION_BYTES: u64 = 4 * 1024 * 1024;

/// Make an agent and print its id
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("definition").required(true).args(["file", "model"]))]
#[command(after_help = "\
Examples:
  mainstay agents create --model openai/gpt-5-mini --instructions 'Answer in one sentence.'
  mainstay agents create --file agent.json
  cat agent.json | mainstay agents create --file -

The file holds the parameters of POST /v1/agents, as docs/api.md describes them.")]
pub(crate) struct Arguments {
    /// The definition, JSON; `-` reads it from stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "instructions"])]
    file: Option<PathBuf>,
    /// The model: PROVIDER/NAME, or a name that a provider claims
    #[arg(long)]
    model: Option<String>,
    /// A name for people
    #[arg(long)]
    name: Option<String>,
    /// What the model is told first
    #[arg(long, value_name = "TEXT")]
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
            Failure::usage(format!("{} does not hold JSON: {error}", source(file)))
        })
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let cannot = |error| Failure::new(format!("cannot read {}: {error}", source(file)));
    let mut text = String::new();
    let limit_bytes = MAX_DEFINITION_BYTES + 1;
    let length = if is_stdin(file) {
        std::io::stdin().take(limit_bytes).read_to_string(&mut text)
    } else {
        let opened = std::fs::File::open(file).map_err(cannot)?;
        opened.take(limit_bytes).read_to_string(&mut text)
    };
    if u64::try_from(length.map_err(cannot)?).is_ok_and(|length| length > MAX_DEFINITION_BYTES) {
        let message = format!("{} has more than {MAX_DEFINITION_BYTES} bytes", source(file));
        return Err(Failure::usage(message));
    }
    Ok(text)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn source(file: &Path) -> String {
    if is_stdin(file) { "stdin".to_owned() } else { file.display().to_string() }
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let params = arguments.params()?;
    let client = reach::client(context, &arguments.target)?;
    let agent = context::block_on(async { Ok(client.create_agent(&params).await?) })?;
    Ok(output::line(&agent.id)?)
}
