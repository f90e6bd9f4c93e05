//! What a server's URL and an id may be.

use mainstay_client::{Client, ClientError};

use crate::server::{Answer, Server};

#[test]
fn urls() {
    let accepted = ["http://h", "http://h/", "http://h:1/v1", "https://h/v1/", "http://[::1]:4242"];
    for url in accepted {
        let client = Client::new(url, "k").unwrap_or_else(|error| panic!("{url}: {error}"));
        assert!(!client.url().ends_with('/') && !client.url().ends_with("/v1"), "{url}");
    }
    for url in ["", "h", "127.0.0.1:4242", "ftp://h", "http://", "unix:/run/x", "localhost:80"] {
        let error = Client::new(url, "k").err();
        assert!(matches!(error, Some(ClientError::Address { .. })), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn an_id_asks_for_nothing_else() {
    let server = Server::start(vec![Answer::Whole(404, String::new())]).await;
    let client = server.client();
    for id in ["", ".", "..", "../keys", "a/b", "a?b=c", "a#b", "a b", "ä", "%2e%2e"] {
        let errors = [
            client.session(id).await.err(),
            client.agent(id).await.err(),
            client.delete_agent(id).await.err(),
            client.revoke_key(id).await.err(),
            client.journal(id, 0).await.err(),
            client.cancel(id).await.err(),
            client.follow(id, None).await.err(),
        ];
        for error in errors {
            assert!(matches!(error, Some(ClientError::NoId { .. })), "{id:?}: {error:?}");
        }
    }
    assert!(server.asked().is_empty());
    client.session("ses_01-a.b:c").await.expect_err("it is not there");
    assert_eq!(server.asked(), ["GET /v1/agents/sessions/ses_01-a.b:c"]);
}
