//! What the operator says of OAuth.

use std::collections::BTreeMap;

use mainstay_core::port::SecretText;

/// What the operator says of OAuth.
#[derive(Debug, Clone, Default)]
pub struct OauthSettings {
    /// Under which address browsers reach this server, without a slash at its end; not known when
    /// nobody is asked for consent.
    pub public_url: Option<String>,
    /// Where the document about this server as an OAuth client is; none where it has no public
    /// address with TLS.
    pub client_metadata_url: Option<String>,
    /// Clients that were registered by hand, by the URL of the MCP server.
    pub clients: BTreeMap<String, OauthClient>,
}

/// The path to which browsers come back.
pub const CALLBACK_PATH: &str = "/v1/oauth/callback";
/// The path of the document about this server as an OAuth client.
pub const CLIENT_METADATA_PATH: &str = "/v1/oauth/client.json";

/// A client that was registered by hand.
#[derive(Debug, Clone)]
pub struct OauthClient {
    /// Its id.
    pub client_id: String,
    /// Its secret, if it has one.
    pub client_secret: Option<SecretText>,
    /// Whose consent its tokens are about.
    pub grant: OauthGrant,
    /// The scopes that it asks for, whatever the server says.
    pub scopes: Vec<String>,
}

/// Whose consent tokens are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OauthGrant {
    /// A person's.
    AuthorizationCode,
    /// Nobody's: the client is known to the server.
    ClientCredentials,
}

impl OauthSettings {
    /// Where browsers come back to.
    pub(super) fn redirect_uri(&self) -> Option<String> {
        self.public_url.as_ref().map(|url| format!("{url}{CALLBACK_PATH}"))
    }

    /// The client registered by hand for a server.
    pub(in crate::tool::mcp) fn client(&self, server_url: &str) -> Option<&OauthClient> {
        let plain = |url: &str| url.trim_end_matches('/').to_ascii_lowercase();
        let mut clients = self.clients.iter();
        clients.find(|(url, _)| plain(url) == plain(server_url)).map(|(_, client)| client)
    }
}
