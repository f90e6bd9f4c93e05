//! `mainstay model list`

use mainstay_adapters::model::embedded::{LocalState, ModelFile, model_files};

use crate::context::Context;
use crate::failure::Failure;
use crate::{embedded, output, progress, table};

/// List the embedded models: size, licence, and whether they are here
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config(Vec::new())?;
    let folder = embedded::folder(&config, &context.environment)?;
    let row = |file: &ModelFile| -> Result<Vec<String>, Failure> {
        let here = match file.state(&folder)? {
            LocalState::Absent => "no".to_owned(),
            LocalState::Partial { size_bytes } => format!("{} of it", progress::size(size_bytes)),
            LocalState::Present => "yes".to_owned(),
            LocalState::Damaged { .. } => "damaged; remove it and pull again".to_owned(),
        };
        let (name, licence) = (file.name.to_owned(), file.licence.to_owned());
        Ok(vec![name, progress::size(file.size_bytes), licence, here, file.about.to_owned()])
    };
    let rows = model_files().iter().map(row).collect::<Result<Vec<_>, _>>()?;
    if !embedded::IS_BUILT_IN {
        output::note("this binary was built without the embedded model and cannot run them");
    }
    let headings = ["MODEL", "SIZE", "LICENCE", "HERE", "ABOUT"];
    Ok(output::text(table::render(&headings, &rows))?)
}
