//! Chat completions as they are kept: what an older version wrote is read, and written the same.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use mainstay_core::chat::{
    ChatCallRow, ChatDayBegan, ChatDayEnded, ChatDayRow, ChatEnded, ChatFact, ChatRequested,
};
use mainstay_core::resource::KeyRow;
use mainstay_core::spend::KeySpend;
use mainstay_protocol::canonical_json;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn read<T: Serialize + DeserializeOwned + Debug>(text: &str, name: &str) -> T {
    let value: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(canonical_json(&value).expect("it has a form"), text, "{name}");
    value
}

/// Checks an entry with its kind.
fn check(fact: &ChatFact, name: &str, text: &str) {
    let draft = fact.draft();
    assert!(name.starts_with(&format!("{}-{}", draft.kind, draft.version)), "{name}");
    assert_eq!(draft.payload, text, "{name}");
}

#[test]
fn what_was_written_is_read_and_written_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/frozen/chat");
    let mut count = 0;
    for file in fs::read_dir(&folder).expect("fixtures") {
        let path = file.expect("a listed file").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
        let text = fs::read_to_string(&path).expect("a text");
        let text = text.trim_end();
        count += 1;
        match name.split('-').next().expect("a kind") {
            "chat.day_began" => {
                check(&ChatFact::DayBegan(read::<ChatDayBegan>(text, name)), name, text);
            }
            "chat.day_ended" => {
                check(&ChatFact::DayEnded(read::<ChatDayEnded>(text, name)), name, text);
            }
            "chat.requested" => {
                check(&ChatFact::Requested(read::<ChatRequested>(text, name)), name, text);
            }
            "chat.ended" => check(&ChatFact::Ended(read::<ChatEnded>(text, name)), name, text),
            "row.chat_calls" => drop(read::<ChatCallRow>(text, name)),
            "row.chat_days" => drop(read::<ChatDayRow>(text, name)),
            "row.key_spends" => drop(read::<KeySpend>(text, name)),
            "row.keys" => drop(read::<KeyRow>(text, name)),
            kind => panic!("{kind:?} is nothing that is kept"),
        }
    }
    assert_eq!(count, 14);
}
