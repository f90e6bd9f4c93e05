//! `mainstay config check`

use crate::config::Provider;
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, wire};

/// Read the configuration as `serve` would, secrets included, and say what it comes to
///
/// Exit code 2 says that it does not hold, and the message which setting, and where it stands.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay config check
  mainstay config check --config mainstay.toml && systemctl restart mainstay")]
pub(crate) struct Arguments {}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config(Vec::new())?;
    let tools = config.tools.settings(&config.data.dir, &context.environment);
    tools.map_err(|error| Failure::configuration(&error))?;
    wire::models(&config, &context.environment)?;
    output::line("the configuration holds")?;
    let file = context.config_file().map_or("none".to_owned(), |file| file.display().to_string());
    output::line(format!("  file       {file}"))?;
    output::line(format!("  data       {}", config.data.dir.display()))?;
    output::line(format!("  listen     {}", config.server.listen))?;
    let providers: Vec<String> = config.providers.iter().map(name).collect();
    let providers = if providers.is_empty() { "none".to_owned() } else { providers.join(", ") };
    output::line(format!("  providers  {providers}"))?;
    for variable in context.environment.strangers() {
        output::note(format!(
            "note: {variable} is no setting: settings are named MAINSTAY_SECTION__KEY"
        ));
    }
    Ok(())
}

fn name(provider: &Provider) -> String {
    if provider.default { format!("{} (default)", provider.name) } else { provider.name.clone() }
}
