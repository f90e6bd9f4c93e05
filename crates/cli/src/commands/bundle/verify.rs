//! `mainstay bundle verify`

use std::path::PathBuf;

use anyhow::Context as _;
use mainstay_runtime::bundle::read_bundle;

use crate::failure::Failure;
use crate::output;

/// Prove that a bundle is whole, without any server or store
///
/// Every file's hash, the journal's chain of hashes up to its end, and the signature are checked. Who
/// signed is a public key: compare it with the one that you expect (`--signed-by`).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay bundle verify session.mainstay.tar
  mainstay bundle verify session.mainstay.tar --signed-by 3b6a27bc…

Exit code 1 says that the bundle is not whole, and the message what does not fit.")]
pub(crate) struct Arguments {
    /// The bundle
    file: PathBuf,
    /// The public key that must have signed it, 64 hexadecimal digits
    #[arg(long, value_name = "KEY")]
    signed_by: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.file;
    let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let bundle = read_bundle(&bytes).map_err(|error| Failure::new(error.to_string()))?;
    let signed_by = bundle.signed_by.as_deref();
    if let Some(wanted) = arguments.signed_by.as_deref()
        && signed_by != Some(wanted)
    {
        let by = signed_by.map_or_else(|| "nobody".to_owned(), |key| format!("the key {key}"));
        return Err(Failure::new(format!("the bundle was signed by {by}, not by {wanted}")));
    }
    let head = bundle.manifest.head;
    output::line(format!(
        "{} verified: {} entries, head {}",
        bundle.manifest.session, head.seq, head.hash
    ))?;
    Ok(output::line(match signed_by {
        Some(key) => format!("signed by {key}"),
        None => "not signed".to_owned(),
    })?)
}
