//! Query strings.

use std::collections::BTreeMap;

use mainstay_protocol::ErrorCode;

use crate::openai::wire::*;

#[test]
fn pages_are_read() {
    let check = |query: &str, after: Option<&str>, limit, order| {
        let page = PageQuery::parse(query).unwrap_or_else(|error| panic!("{query:?}: {error}"));
        assert_eq!(page, PageQuery { after: after.map(str::to_owned), limit, order }, "{query:?}");
    };
    check("", None, 20, Order::Desc);
    check("limit=1&order=asc&after=item_1", Some("item_1"), 1, Order::Asc);
    check("limit=100&order=desc", None, 100, Order::Desc);
}

#[test]
fn bad_pages_are_refused_by_name() {
    let check = |query: &str, code, param: &str| {
        let error = SessionListQuery::parse(query).expect_err(query);
        assert_eq!((error.code, error.param.as_deref()), (code, Some(param)), "{query:?}");
    };
    check("limit=0", ErrorCode::InvalidParameter, "limit");
    check("limit=101", ErrorCode::InvalidParameter, "limit");
    check("limit=-1", ErrorCode::InvalidParameter, "limit");
    check("limit=99999999999999", ErrorCode::InvalidParameter, "limit");
    check("limit=ten", ErrorCode::InvalidParameter, "limit");
    check("limit=1&limit=2", ErrorCode::InvalidParameter, "limit");
    check("order=up", ErrorCode::InvalidParameter, "order");
    check("after=", ErrorCode::InvalidParameter, "after");
    check("agent_id=", ErrorCode::InvalidParameter, "agent_id");
    check("before=x", ErrorCode::UnknownParameter, "before");
    check("metadata=x", ErrorCode::UnknownParameter, "metadata");
    check("metadata[]=x", ErrorCode::InvalidParameter, "metadata");
    let long = format!("metadata[a]={}", "x".repeat(513));
    check(&long, ErrorCode::TextTooLong, "metadata.a");
}

#[test]
fn metadata_is_matched_by_key() {
    let query =
        "after=after&agent_id=agent_id&limit=1&metadata%5Bfoo%5D=a+b&metadata[bar]=c%26d&order=asc";
    let asked = SessionListQuery::parse(query).expect("the SDK writes it so");
    let pairs = [("bar", "c&d"), ("foo", "a b")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(asked.metadata, BTreeMap::from(pairs));
    assert_eq!(asked.agent_id.as_deref(), Some("agent_id"));
}

#[test]
fn streams_begin_where_asked() {
    let check = |query: &str, include_obfuscation, starting_after| {
        let asked = StreamQuery::parse(query).unwrap_or_else(|error| panic!("{query:?}: {error}"));
        assert_eq!(asked, StreamQuery { include_obfuscation, starting_after }, "{query:?}");
    };
    check("", true, None);
    check("include_obfuscation=false&starting_after=17", false, Some(17));
    let error = StreamQuery::parse("include_obfuscation=no").expect_err("it is neither");
    assert_eq!(error.param.as_deref(), Some("include_obfuscation"));
    let error = StreamQuery::parse("starting_after=-1").expect_err("it is no place");
    assert_eq!(error.param.as_deref(), Some("starting_after"));
}
