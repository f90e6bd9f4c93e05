//! Keys made without the HTTP API: the first one of an installation, and those made while no server
//! runs.
//!
//! Invariant: the store keeps the hash of a secret alone, or a signing secret sealed. They act as the operator, as a key that
//! the operator makes over HTTP does.

use mainstay_core::port::{Clock, Entropy, Seals};
use mainstay_core::resource::{KeyKind, KeyRow};
use mainstay_core::spend::KeySpendLimit;
use mainstay_protocol::{ApiError, IdMint, KeyId, Principal, PrincipalId, Scope, TenantId};
use mainstay_runtime::{Control, OsEntropy, SystemClock};
use mainstay_server::mint_secret;

/// The tenant of an installation that has made no other.
const DEFAULT_TENANT: &str = "default";
/// Who acts for whoever owns the data folder.
const OPERATOR: &str = "operator";

/// Whoever owns the data folder, who may do everything in it.
pub(crate) fn operator() -> Principal {
    Principal {
        tenant: TenantId::parse(DEFAULT_TENANT).expect("a plain text is an id"),
        id: PrincipalId::parse(OPERATOR).expect("a plain text is an id"),
        scopes: vec![Scope::Use, Scope::Admin],
    }
}

/// A key that is to be made.
pub(crate) struct NewKey {
    /// A name for people.
    pub(crate) name: String,
    /// What it allows.
    pub(crate) scopes: Vec<Scope>,
    /// How it is shown.
    pub(crate) kind: KeyKind,
    /// What it may spend.
    pub(crate) spend_limit: Option<KeySpendLimit>,
}

impl NewKey {
    /// The key of the machine's own command line.
    pub(crate) fn of_operator() -> Self {
        let scopes = operator().scopes;
        Self { name: "local".to_owned(), scopes, kind: KeyKind::Bearer, spend_limit: None }
    }

    /// Makes it; the answer is the row and the secret, which nothing can show again.
    pub(crate) async fn create(
        self,
        control: &Control,
        seals: &dyn Seals,
    ) -> Result<(KeyRow, String), ApiError> {
        let caller = operator();
        let now_ms = SystemClock.now_ms();
        let mut mint = IdMint::new(now_ms, OsEntropy.next());
        let secret = mint_secret(self.kind, &OsEntropy);
        let row = KeyRow {
            id: KeyId::mint(&mut mint),
            tenant: caller.tenant.clone(),
            principal: caller.id.clone(),
            name: self.name,
            scopes: self.scopes,
            created_at_ms: now_ms,
            revoked_at_ms: None,
            signing_secret: None,
            spend_limit: self.spend_limit,
        };
        let row = control.issue_key(&caller, row, self.kind, &secret, seals).await?;
        Ok((row, secret))
    }
}
