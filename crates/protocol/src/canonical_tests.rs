use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// What another implementation of RFC 8785 writes.
fn expected<T: Serialize>(value: &T) -> String {
    serde_json_canonicalizer::to_string(value).expect("it has a canonical form")
}

fn any_value() -> impl Strategy<Value = Value> {
    let name = "[a-c\"\\\\\u{1}\u{7f}é\u{e000}\u{10000}]{0,3}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-9_007_199_254_740_994_i64..-9_007_199_254_740_989).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |double| double.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, move |inner| {
        let members = prop::collection::hash_map(name, inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_are_written_as_elsewhere(value in any_value()) {
        let text = canonical_value(&value);
        prop_assert_eq!(&text, &expected(&value));
        let read: Value = serde_json::from_str(&text).expect("it is JSON");
        prop_assert_eq!(canonical_value(&read), text);
    }
}

/// One of each shape that serde knows.
#[derive(Serialize)]
struct Shapes<'a> {
    unit: (),
    zebra: Wrapped,
    apple: Option<char>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u8>,
    variants: [Variant<'a>; 4],
    tuple: (i8, u16, f32, Pair),
    wide: (i128, u128),
    #[serde(flatten)]
    rest: BTreeMap<&'a str, Value>,
    numbered: BTreeMap<i64, bool>,
    named: BTreeMap<Name, u8>,
    marker: Marker,
}

#[derive(Serialize)]
struct Wrapped(u32);
#[derive(Serialize)]
struct Pair(i16, i32);
#[derive(Serialize)]
struct Marker;

#[derive(Serialize)]
enum Variant<'a> {
    Plain,
    Holds(&'a str),
    Many(u8, u8),
    Members { z: u8, a: u8 },
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Name {
    Second,
    First,
}

#[test]
fn every_shape_of_serde_is_written_as_elsewhere() {
    let shapes = Shapes {
        unit: (),
        zebra: Wrapped(u32::MAX),
        apple: Some('"'),
        left_out: None,
        variants: [
            Variant::Plain,
            Variant::Holds("\n\u{8}\u{c}\r\t/"),
            Variant::Many(1, 2),
            Variant::Members { z: 1, a: 2 },
        ],
        tuple: (-1, 2, 0.5, Pair(-3, 4)),
        wide: (i128::MIN, u128::MAX),
        rest: BTreeMap::from([("b", json!({"y": [], "x": {}})), ("aa", json!(-0.0))]),
        numbered: BTreeMap::from([(-2, true), (10, false), (9, true)]),
        named: BTreeMap::from([(Name::Second, 2), (Name::First, 1)]),
        marker: Marker,
    };
    assert_eq!(canonical_json(&shapes).expect("it has a form"), expected(&shapes));
}

#[test]
fn what_has_no_form_is_refused() {
    let raw = serde_json::value::to_raw_value(&json!({"b": 1, "a": 2})).expect("it is JSON");
    let unnamed = BTreeMap::from([(vec![1], 1)]);
    assert!(canonical_json(&f64::NAN).is_err());
    assert!(canonical_json(&[f32::INFINITY]).is_err());
    assert!(canonical_json(&raw).is_err());
    assert!(canonical_json(&unnamed).is_err());
    assert!(canonical_json(&BTreeMap::from([((), 1)])).is_err());
}
