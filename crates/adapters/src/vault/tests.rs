use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

#[derive(Default)]
struct Counted(AtomicU64);

impl Entropy for Counted {
    fn next(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed)) << 17
    }
}

fn vault(source: VaultKey) -> Vault {
    Vault::new(source, Arc::new(Counted::default()))
}

fn given() -> VaultKey {
    VaultKey::parse(&"07".repeat(KEY_BYTES)).expect("64 digits")
}

fn secret() -> SecretText {
    SecretText::from("s3cr3t".to_owned())
}

#[test]
fn a_secret_opens_for_what_it_was_sealed_for_alone() {
    let one = vault(given());
    let sealed = one.seal("a", &secret()).expect("sealed");
    assert_eq!(one.open("a", &sealed).expect("opened").expose(), "s3cr3t");
    assert!(one.open("b", &sealed).is_err(), "for something else");
    let other = vault(VaultKey::parse(&"08".repeat(KEY_BYTES)).expect("64 digits"));
    assert!(other.open("a", &sealed).is_err(), "under another key");
    for at in 3..sealed.0.len() {
        let mut bytes = sealed.0.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = Sealed(String::from_utf8(bytes).expect("plain text"));
        assert!(changed == sealed || one.open("a", &changed).is_err(), "character {at}");
    }
    for text in ["", "v1.", "v2.AAAA", "v1.***"] {
        assert!(one.open("a", &Sealed(text.to_owned())).is_err(), "{text:?}");
    }
}

#[test]
fn no_two_sealings_are_alike_and_none_is_printed() {
    let vault = vault(given());
    let (one, other) = (vault.seal("a", &secret()), vault.seal("a", &secret()));
    let (one, other) = (one.expect("sealed"), other.expect("sealed"));
    assert_ne!(one, other);
    let printed = format!("{:?} {:?}", secret(), one);
    assert_eq!(printed, "SecretText(..) Sealed(..)");
}

#[test]
fn the_key_file_is_made_once_and_for_its_owner() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault.key");
    let first = vault(VaultKey::File(path.clone()));
    assert!(first.open("a", &Sealed("v1.AAAAAAAAAAAAAAAAAAAA".to_owned())).is_err());
    assert!(!path.exists(), "opening makes no key");
    let sealed = first.seal("a", &secret()).expect("sealed");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&path).expect("the key").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let later = vault(VaultKey::File(path.clone()));
    assert_eq!(later.open("a", &sealed).expect("opened").expose(), "s3cr3t");
    std::fs::write(&path, "nonsense").expect("written");
    let error = vault(VaultKey::File(path)).open("a", &sealed).expect_err("no key");
    assert!(error.to_string().contains("vault.key cannot be used: a vault key is 32 bytes"));
}

#[test]
fn keys_are_read_in_both_spellings() {
    let hex = "ff".repeat(KEY_BYTES);
    let base64 = "/".repeat(42) + "8=";
    for text in [hex.as_str(), base64.as_str(), &format!(" {hex}\n")] {
        assert!(VaultKey::parse(text).is_ok(), "{text:?}");
    }
    for text in ["", "ff", "nonsense", &"f".repeat(63)] {
        assert!(VaultKey::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_key_that_was_rotated_away_opens_what_it_sealed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault.key");
    let mut one = vault(VaultKey::File(path.clone()));
    let mut sealed = vec![one.seal("a", &secret()).expect("sealed")];
    for _ in 0..3 {
        one.rotate().expect("rotated");
        sealed.push(one.seal("a", &secret()).expect("sealed"));
    }
    let again = vault(VaultKey::File(path.clone()));
    for sealed in &sealed {
        assert_eq!(again.open("a", sealed).expect("opened").expose(), "s3cr3t");
        assert!(again.open("b", sealed).is_err());
    }
    // Killed between the two writes: the key is in both files, and nothing is lost.
    let retired = folder.path().join("vault.retired");
    let mut text = std::fs::read_to_string(&retired).expect("a file");
    text.push_str(&std::fs::read_to_string(&path).expect("a file"));
    std::fs::write(&retired, text).expect("written");
    let mut again = vault(VaultKey::File(path));
    again.rotate().expect("rotated");
    assert!(sealed.iter().all(|sealed| again.open("a", sealed).is_ok()));
    std::fs::remove_file(&retired).expect("removed");
    let newest_alone = vault(VaultKey::File(folder.path().join("vault.key")));
    assert!(newest_alone.open("a", &sealed[3]).is_err());
}

#[test]
fn a_given_key_is_rotated_by_giving_another() {
    let mut old = vault(given());
    let sealed = old.seal("a", &secret()).expect("sealed");
    assert!(old.rotate().is_err());
    let new = VaultKey::parse(&"08".repeat(KEY_BYTES)).expect("64 digits");
    let new = vault(new.with_retired(&"07".repeat(KEY_BYTES)).expect("64 digits"));
    assert_eq!(new.open("a", &sealed).expect("opened").expose(), "s3cr3t");
}

#[test]
fn another_key_than_the_datas_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, witness) = (folder.path().join("vault.key"), folder.path().join("vault.witness"));
    let open = |source| vault(source).with_witness(witness.clone());
    let one = open(VaultKey::File(path.clone()));
    one.check().expect("nothing was sealed yet");
    assert!(!witness.exists() && !path.exists());
    one.seal("a", &secret()).expect("sealed");
    assert!(witness.exists());
    let mut again = open(VaultKey::File(path.clone()));
    again.check().expect("the same key");
    again.rotate().expect("rotated");
    again.check().expect("the key before is beside it");
    std::fs::remove_file(&path).expect("removed");
    let lost = open(VaultKey::File(path.clone())).check();
    assert!(lost.expect_err("there is no key").0.contains("bring that key back"));
    assert!(!path.exists(), "a lost key is not replaced");
    assert!(open(given()).check().is_err(), "another key");
}
