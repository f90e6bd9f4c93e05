use super::*;

#[test]
fn codes_are_alphabetical_and_have_a_client_or_server_status() {
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|c| c.as_str()).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    assert!(ErrorCode::ALL.iter().all(|c| (400..600).contains(&c.status())));
}
