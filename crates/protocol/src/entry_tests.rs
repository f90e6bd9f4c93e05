use super::*;

fn sealed(seq: Seq, prev: Hash, payload: &str) -> Entry {
    let draft = EntryDraft { kind: "turn.started", version: 1, payload: payload.to_owned() };
    Entry::seal(draft, &"ses_1".into(), seq, prev, 5, &"prn_1".into(), &"".into())
}

#[test]
fn the_hash_covers_the_rfc_8785_form_of_envelope_and_payload() {
    let entry = sealed(1, Hash::ZERO, r#"{"a":1,"b":"x\"y"}"#);
    let object = serde_json::json!({
        "version": 1, "trace": "", "seq": 1, "principal": "prn_1", "kind": "turn.started",
        "journal": "ses_1", "at": 5, "payload": {"b": "x\"y", "a": 1},
    });
    let mut bytes = vec![0; 32];
    bytes.extend(canonical_json(&object).expect("canonical").into_bytes());
    assert_eq!(entry.hash.to_string(), crate::sha256_hex(&bytes));
}

#[test]
fn a_changed_entry_is_found() {
    let first = sealed(1, Hash::ZERO, "{}");
    let second = sealed(2, first.hash, "{}");
    assert_eq!(first.verify_after(0, Hash::ZERO), Ok(()));
    assert_eq!(second.verify_after(1, first.hash), Ok(()));

    let journal: JournalId = "ses_1".into();
    let gap = ChainError::Gap { journal: journal.clone(), expected: 1, found: 2 };
    assert_eq!(second.verify_after(0, Hash::ZERO), Err(gap));
    let broken = ChainError::Broken { journal: journal.clone(), seq: 2 };
    assert_eq!(second.verify_after(1, Hash::ZERO), Err(broken));
    let mut forged = second;
    forged.at += 1;
    assert_eq!(forged.verify_after(1, first.hash), Err(ChainError::Forged { journal, seq: 2 }));
}

#[test]
fn an_entry_survives_json() {
    let entry = sealed(1, Hash::ZERO, r#"{"a":1.5}"#);
    let text = serde_json::to_string(&entry).expect("serialises");
    let back: Entry = serde_json::from_str(&text).expect("parses");
    assert_eq!(back.verify_after(0, Hash::ZERO), Ok(()));
    assert!(back.is_canonical());
}
