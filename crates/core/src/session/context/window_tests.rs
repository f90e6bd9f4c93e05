use mainstay_protocol::{CallId, TurnId};

use super::*;
use crate::item::{Content, item_id};

/// A transcript in short: `u` a message, `U` one that counts for fifty, `a` an answer, `r` a thought, `c1` a call, `o1` its output;
/// what stands together is of one entry. Each item counts for about a hundred bytes.
fn items(transcript: &str) -> Vec<Arc<Item>> {
    let entries = transcript.split(' ').enumerate();
    let pieces = |(seq, entry): (usize, &str)| {
        let pieces: Vec<String> = entry.split('+').map(str::to_owned).collect();
        pieces.into_iter().enumerate().map(move |(index, piece)| item(seq, index, &piece))
    };
    entries.flat_map(pieces).collect()
}

fn item(seq: usize, index: usize, piece: &str) -> Arc<Item> {
    let text = "x".repeat(if piece.starts_with('U') { 5_000 } else { 80 });
    let content = vec![Content::Text { text: text.clone() }];
    let call_id = CallId::parse(&format!("c{}", &piece[1..])).expect("a plain id");
    let body = match &piece[..1] {
        "u" | "U" => ItemBody::UserMessage { content },
        "a" => ItemBody::AssistantMessage { text },
        "r" => ItemBody::Reasoning { summary: text, provider_data: None },
        "c" => {
            ItemBody::ToolCall { call_id, name: "read".to_owned(), arguments: text, source: None }
        }
        _ => ItemBody::ToolOutput { call_id, content, is_error: false },
    };
    let turn = TurnId::parse("turn_1").expect("a plain id");
    Arc::new(Item { id: item_id(seq as u64 + 1, 1, index, "x"), turn, output_index: None, body })
}

fn check(transcript: &str, keep_items: u64, expected: Option<usize>) {
    assert_eq!(cut(&items(transcript), keep_items * 101), expected, "{transcript:?}");
}

#[test]
fn as_much_is_kept_as_fits() {
    check("u a u a u a", 4, Some(2));
    check("u a u a u a", 3, Some(3));
    check("u a u a u a", 100, Some(2));
}

#[test]
fn the_pieces_of_an_answer_and_its_outputs_stay_together() {
    check("u a u r+c1+c2 o1 o2 a", 3, Some(8));
    check("u a u r+c1+c2 o1 o2 a", 5, Some(8));
    check("u a u r+c1+c2 o1 o2 a", 6, Some(3));
    check("u u+u+u a", 3, Some(4));
}

#[test]
fn where_nothing_whole_fits_what_follows_the_last_input_is_kept_if_it_is_small() {
    check("u a u c1+c2 o1 o2", 3, Some(2));
    check("u a u c1+c2 o1 o2", 2, Some(7));
    check("u a u c1 o1", 1, Some(5));
    check("u c1 o1", 1, Some(3));
}

#[test]
fn an_input_that_nobody_answered_is_never_cut() {
    check("u a u", 0, Some(2));
    check("u u", 1, None);
    check("u", 0, None);
    check("u a u+u", 0, Some(2));
}

#[test]
fn a_long_input_whose_turn_failed_does_not_stand_in_the_way_of_the_next() {
    check("U u", 10, Some(1));
    check("U", 10, None);
    check("u U u", 10, Some(2));
}
