use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use super::{Tree, unpack};

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, content) in parts {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).expect("memory takes it");
    }
    builder.into_inner().expect("memory takes it")
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The files of an image made of this, or why there is none.
fn made(bytes: &[u8]) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (path, root) = (folder.path().join("image.tar"), folder.path().join("root"));
    fs::write(&path, bytes).expect("files can be written");
    fs::create_dir(&root).expect("a folder can be made");
    let mut tree = Tree::create(&root).expect("it is empty");
    unpack(&path, &mut tree).map_err(|error| error.to_string())?;
    let names = fs::read_dir(&root).expect("it can be listed");
    let mut names: Vec<_> = names
        .map(|name| name.expect("it can be listed").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// An OCI archive with this platform in its index.
fn oci(platform: &Value, layer: &[u8], named: &str) -> Vec<u8> {
    let manifest = json!({ "layers": [{ "digest": format!("sha256:{named}") }] }).to_string();
    let found = digest(manifest.as_bytes());
    let index =
        json!({ "manifests": [{ "digest": format!("sha256:{found}"), "platform": platform }] });
    let blob = |hex: &str| format!("blobs/sha256/{hex}");
    archive(&[
        (&blob(&digest(layer)), layer),
        (&blob(&found), manifest.as_bytes()),
        ("index.json", index.to_string().as_bytes()),
    ])
}

#[test]
fn both_kinds_of_archive_are_read() {
    let (one, two) = (archive(&[("a", b"1")]), archive(&[("b", b"2")]));
    let manifest =
        json!([{ "Config": "c.json", "RepoTags": ["x:1"], "Layers": ["1/l.tar", "2/l.tar"] }]);
    let docker = archive(&[
        ("1/l.tar", &one),
        ("2/l.tar", &two),
        ("manifest.json", manifest.to_string().as_bytes()),
    ]);
    assert_eq!(made(&docker).expect("it is one"), ["a", "b"]);
    let ours = json!({ "os": "linux", "architecture": "amd64" });
    assert_eq!(made(&oci(&ours, &one, &digest(&one))).expect("it is one"), ["a"]);
    assert_eq!(made(&oci(&Value::Null, &one, &digest(&one))).expect("it is one"), ["a"]);
}

#[track_caller]
fn check_refused(bytes: &[u8], expected: &str) {
    let error = made(bytes).expect_err("it is refused");
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_is_no_image_is_refused_with_the_reason() {
    let layer = archive(&[("a", b"1")]);
    check_refused(b"\x1f\x8bnonsense", "no tar archive");
    check_refused(&layer, "neither index.json");
    check_refused(&archive(&[("manifest.json", b"[]")]), "0 images");
    check_refused(&archive(&[("manifest.json", b"{")]), "reading manifest.json");
    let missing = br#"[{"Layers":["gone.tar"]}]"#;
    check_refused(&archive(&[("manifest.json", missing)]), "no gone.tar");
    check_refused(&archive(&[("manifest.json", br#"[{"Layers":[]}]"#)]), "1 to 200 layers");
    let other = json!({ "os": "linux", "architecture": "arm64" });
    check_refused(&oci(&other, &layer, &digest(&layer)), "no image for linux on amd64");
    check_refused(&oci(&Value::Null, &layer, "../../secret"), "no SHA-256 digest");
    check_refused(&oci(&Value::Null, &layer, &digest(b"other")), "the archive has no");
}

#[test]
fn a_layer_that_is_not_what_it_says_is_refused() {
    let layer = archive(&[("a", b"1")]);
    let mut bytes = oci(&Value::Null, &layer, &digest(&layer));
    // Behind the header of the layer and that of the file in it.
    bytes[1024] = b'2';
    check_refused(&bytes, "is damaged");
}
