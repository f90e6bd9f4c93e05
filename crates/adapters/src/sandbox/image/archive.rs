//! Archives of images: OCI layouts and what `docker save` writes.
//!
//! Invariant: every part is read by the place that the archive gives it, at most once, and what an OCI
//! manifest names by digest has that digest. Deliberately absent: registries; a compressed archive as a
//! whole, because its parts could not be found without unpacking it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tar::Archive;

use super::error::{Attempt, ImageError};
use super::layer;
use super::limits::{MAX_ARCHIVE_ENTRY_COUNT, MAX_JSON_BYTES, MAX_LAYER_COUNT};
use super::tree::Tree;

const OCI_INDEX: &str = "index.json";
const DOCKER_MANIFEST: &str = "manifest.json";
const BLOBS: &str = "blobs/sha256";
/// What machines run.
const PLATFORM: (&str, &str) = ("linux", "amd64");
/// An index may name another index, and that a manifest.
const MAX_INDEX_DEPTH: usize = 3;

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    layers: Vec<String>,
}

/// Lays the layers of an image's archive over each other.
pub(super) fn unpack(path: &Path, tree: &mut Tree) -> Result<(), ImageError> {
    let mut file = File::open(path).attempt(|| format!("opening {}", path.display()))?;
    let mut parts = Parts::find(&mut file, path)?;
    let layers = parts.layers()?;
    if layers.is_empty() || layers.len() > MAX_LAYER_COUNT {
        let count = layers.len();
        let problem = format!("an image has 1 to {MAX_LAYER_COUNT} layers, and this one {count}");
        return Err(ImageError::invalid(problem));
    }
    for layer in &layers {
        parts.apply(layer, tree)?;
    }
    Ok(())
}

/// A part by its name in the archive, and the digest that it must have.
struct Part {
    name: String,
    digest: Option<String>,
}

struct Parts<'a> {
    file: &'a mut File,
    /// Offset and size.
    places: HashMap<String, (u64, u64)>,
}

impl<'a> Parts<'a> {
    fn find(file: &'a mut File, path: &Path) -> Result<Self, ImageError> {
        let not_one = |error: std::io::Error| {
            let path = path.display();
            ImageError::invalid(format!(
                "{path} is no tar archive, or a compressed one, which must be unpacked first: {error}"
            ))
        };
        let mut places = HashMap::new();
        let mut archive = Archive::new(&mut *file);
        for entry in archive.entries_with_seek().map_err(not_one)? {
            let entry = entry.map_err(not_one)?;
            if places.len() >= MAX_ARCHIVE_ENTRY_COUNT {
                return Err(ImageError::invalid("the archive has too many entries"));
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = name.strip_prefix("./").map(str::to_owned).unwrap_or(name);
            if entry.header().entry_type().is_file() {
                places.insert(name, (entry.raw_file_position(), entry.size()));
            }
        }
        Ok(Self { file, places })
    }

    fn layers(&mut self) -> Result<Vec<Part>, ImageError> {
        if self.places.contains_key(OCI_INDEX) {
            return self.oci_layers();
        }
        if !self.places.contains_key(DOCKER_MANIFEST) {
            return Err(ImageError::invalid(format!(
                "the archive has neither {OCI_INDEX} (OCI) nor {DOCKER_MANIFEST} (docker save)"
            )));
        }
        let mut images: Vec<DockerImage> =
            self.json(&Part { name: DOCKER_MANIFEST.to_owned(), digest: None })?;
        let count = images.len();
        match images.pop() {
            Some(image) if count == 1 => {
                let part = |name| Part { name, digest: None };
                Ok(image.layers.into_iter().map(part).collect())
            }
            _ => Err(ImageError::invalid(format!("the archive holds {count} images, not one"))),
        }
    }

    fn oci_layers(&mut self) -> Result<Vec<Part>, ImageError> {
        let mut part = Part { name: OCI_INDEX.to_owned(), digest: None };
        for _ in 0..MAX_INDEX_DEPTH {
            let value: serde_json::Value = self.json(&part)?;
            if value.get("manifests").is_none() {
                let manifest: Manifest = parse(value, &part.name)?;
                return manifest.layers.iter().map(|layer| blob(&layer.digest)).collect();
            }
            let index: Index = parse(value, &part.name)?;
            part = blob(&choose(&index)?.digest)?;
        }
        Err(ImageError::invalid("the archive's index names an index, and so on"))
    }

    fn json<T: serde::de::DeserializeOwned>(&mut self, part: &Part) -> Result<T, ImageError> {
        let (_, size) = self.place(part)?;
        if size > MAX_JSON_BYTES {
            return Err(ImageError::invalid(format!("{} is too large", part.name)));
        }
        let mut reader = self.reader(part)?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).attempt(|| format!("reading {}", part.name))?;
        reader.finish()?;
        let wrong = |error| ImageError::invalid(format!("reading {}: {error}", part.name));
        serde_json::from_slice(&bytes).map_err(wrong)
    }

    fn apply(&mut self, part: &Part, tree: &mut Tree) -> Result<(), ImageError> {
        let mut reader = self.reader(part)?;
        layer::apply(tree, BufReader::new(&mut reader))?;
        reader.finish()
    }

    fn place(&self, part: &Part) -> Result<(u64, u64), ImageError> {
        let place = self.places.get(&part.name).copied();
        place.ok_or_else(|| ImageError::invalid(format!("the archive has no {}", part.name)))
    }

    fn reader(&mut self, part: &Part) -> Result<PartReader<'_>, ImageError> {
        let (offset, size) = self.place(part)?;
        self.file.seek(SeekFrom::Start(offset)).attempt(|| format!("finding {}", part.name))?;
        let rest = BufReader::new(Read::take(&mut *self.file, size));
        let expected = part.digest.clone();
        Ok(PartReader { name: part.name.clone(), rest, hasher: Sha256::new(), expected })
    }
}

/// Hashes what is read of a part.
struct PartReader<'a> {
    name: String,
    rest: BufReader<std::io::Take<&'a mut File>>,
    hasher: Sha256,
    expected: Option<String>,
}

impl PartReader<'_> {
    /// Reads what is left, which no archive inside needed, and compares.
    fn finish(mut self) -> Result<(), ImageError> {
        std::io::copy(&mut self, &mut std::io::sink())
            .attempt(|| format!("reading {}", self.name))?;
        let got = hex::encode(self.hasher.finalize());
        match self.expected {
            Some(expected) if expected != got => {
                Err(ImageError::invalid(format!("{} is damaged: its SHA-256 is {got}", self.name)))
            }
            _ => Ok(()),
        }
    }
}

impl Read for PartReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = {
            let available = self.rest.fill_buf()?;
            let count = available.len().min(buffer.len());
            buffer[..count].copy_from_slice(&available[..count]);
            count
        };
        self.rest.consume(count);
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// The one for our platform, or the only one.
fn choose(index: &Index) -> Result<&Descriptor, ImageError> {
    let is_ours = |found: &&Descriptor| {
        found.platform.as_ref().is_some_and(|platform| {
            (platform.os.as_str(), platform.architecture.as_str()) == PLATFORM
        })
    };
    let only = || match index.manifests.as_slice() {
        [one] if one.platform.is_none() => Some(one),
        _ => None,
    };
    let (os, architecture) = PLATFORM;
    index.manifests.iter().find(is_ours).or_else(only).ok_or_else(|| {
        ImageError::invalid(format!("the archive has no image for {os} on {architecture}"))
    })
}

fn blob(digest: &str) -> Result<Part, ImageError> {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ImageError::invalid(format!("{digest:?} is no SHA-256 digest")));
    }
    Ok(Part { name: format!("{BLOBS}/{hex}"), digest: Some(hex.to_ascii_lowercase()) })
}

fn parse<T: serde::de::DeserializeOwned>(
    value: serde_json::Value,
    name: &str,
) -> Result<T, ImageError> {
    serde_json::from_value(value)
        .map_err(|error| ImageError::invalid(format!("reading {name}: {error}")))
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
