//! Query strings of lists and streams.
//!
//! Invariant: an unknown, repeated or malformed parameter is refused by its name.

use std::collections::BTreeMap;

use mainstay_protocol::{ApiError, ErrorCode};

use super::At;
use super::limits::{DEFAULT_PAGE_ITEMS, MAX_PAGE_ITEMS, MIN_PAGE_ITEMS, id, metadata};

/// The direction of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    #[default]
    Desc,
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// The element after which the page begins, in the list's order.
    pub after: Option<String>,
    /// The most elements of the page.
    pub limit: u32,
    /// The direction.
    pub order: Order,
}

/// `GET /agents/environments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentListQuery {
    /// Which page.
    pub page: PageQuery,
}

/// `GET /agents/environments/{id}/files`. Files have a cursor of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentFilesQuery {
    /// Which page.
    pub page: PageQuery,
    /// Only below this folder.
    pub path: Option<String>,
}

/// `GET /agents/sessions/{id}/artifacts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactListQuery {
    /// Which page.
    pub page: PageQuery,
    /// Only those of this environment.
    pub environment_id: Option<String>,
}

/// `GET /agents/sessions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionListQuery {
    /// Which page.
    pub page: PageQuery,
    /// Only sessions of this agent.
    pub agent_id: Option<String>,
    /// Only sessions that have all these pairs.
    pub metadata: BTreeMap<String, String>,
}

/// `GET /agents/sessions/{id}/events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamQuery {
    /// Whether events are padded. Accepted; this server never pads.
    pub include_obfuscation: bool,
    /// Extension: the event after which the stream begins; the live end when absent.
    pub starting_after: Option<u64>,
}

/// `GET /vaults`, and the like for credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultListQuery {
    /// Which page.
    pub page: PageQuery,
    /// Only those that have all these pairs.
    pub metadata: BTreeMap<String, String>,
    /// Only those of these statuses; all when empty.
    pub statuses: Vec<String>,
}

/// `GET /agents/automations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomationListQuery {
    /// Which page.
    pub page: PageQuery,
    /// Only those that tell this session something.
    pub session_id: Option<String>,
}

impl AutomationListQuery {
    /// Reads the query string of the list.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Pairs::parse(query)?;
        let page = pairs.page()?;
        let session_id = pairs.take("session_id");
        if let Some(value) = &session_id {
            id(&At::Root.field("session_id"), value)?;
        }
        pairs.finish()?;
        Ok(Self { page, session_id })
    }
}

/// A list that one status can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusListQuery {
    /// Which page.
    pub page: PageQuery,
    /// Only those of this status.
    pub status: Option<String>,
}

impl StatusListQuery {
    /// Reads the query string of the list.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Pairs::parse(query)?;
        let page = pairs.page()?;
        let status = pairs.take("status");
        pairs.finish()?;
        Ok(Self { page, status })
    }
}

/// The statuses that vaults and credentials can be asked for.
const VAULT_STATUSES: [&str; 2] = ["active", "archived"];

impl VaultListQuery {
    /// Reads the query string of a list of vaults or credentials.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Pairs::parse(query)?;
        let page = pairs.page()?;
        let wanted = pairs.take_map("metadata");
        metadata(&At::Root.field("metadata"), &wanted)?;
        let mut statuses = pairs.take_list("status");
        statuses.extend(pairs.take("status"));
        for status in &statuses {
            if !VAULT_STATUSES.contains(&status.as_str()) {
                let message = format!("is {status:?}, not one of {}", VAULT_STATUSES.join(", "));
                return Err(At::Root.field("status").invalid(message));
            }
        }
        pairs.finish()?;
        Ok(Self { page, metadata: wanted, statuses })
    }

    /// Whether something of this status and metadata is asked for.
    pub fn fits(&self, status: &str, pairs: impl FnOnce() -> BTreeMap<String, String>) -> bool {
        if !self.statuses.is_empty() && !self.statuses.iter().any(|asked| asked == status) {
            return false;
        }
        if self.metadata.is_empty() {
            return true;
        }
        let pairs = pairs();
        self.metadata.iter().all(|(key, value)| pairs.get(key) == Some(value))
    }
}

impl PageQuery {
    /// Reads a list's query string.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Pairs::parse(query)?;
        let page = pairs.page()?;
        pairs.finish()?;
        Ok(page)
    }
}

impl EnvironmentListQuery {
    /// Reads the query string of a list of environments.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Pairs::parse(query)?;
        let page = pairs.page()?;
        match pairs.take("type").as_deref() {
            None | Some("openai_hosted") => {}
            Some(other) => {
                let message = format!("is {other:?}, not openai_hosted");
                return Err(At::Root.field("type").invalid(message));
            }
        }
        pairs.finish()?;
        Ok(Self { page })
    }
}

impl EnvironmentFilesQuery {
    /// Reads the query string of a list of an environment's files.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Pairs::parse(query)?;
        let cursor = pairs.take("page");
        let path = pairs.take("path");
        // Files have no ids that a page could begin behind.
        let unknown = pairs.pairs.remove_entry("after");
        let page = PageQuery { after: cursor, ..pairs.page()? };
        pairs.pairs.extend(unknown);
        pairs.finish()?;
        Ok(Self { page, path })
    }
}

impl ArtifactListQuery {
    /// Reads the query string of a list of artifacts.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Pairs::parse(query)?;
        let page = pairs.page()?;
        let environment_id = pairs.take("environment_id");
        pairs.finish()?;
        Ok(Self { page, environment_id })
    }
}

impl SessionListQuery {
    /// Reads the query string of a list of sessions.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Pairs::parse(query)?;
        let page = pairs.page()?;
        let agent_id = pairs.take("agent_id");
        if let Some(value) = &agent_id {
            id(&At::Root.field("agent_id"), value)?;
        }
        let wanted = pairs.take_map("metadata");
        metadata(&At::Root.field("metadata"), &wanted)?;
        pairs.finish()?;
        Ok(Self { page, agent_id, metadata: wanted })
    }
}

impl StreamQuery {
    /// Reads the query string of a stream.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Pairs::parse(query)?;
        let include_obfuscation = pairs.flag("include_obfuscation")?.unwrap_or(true);
        let starting_after = pairs.number("starting_after")?;
        pairs.finish()?;
        Ok(Self { include_obfuscation, starting_after })
    }
}

/// Parameters that may be given several times, as `name[]`.
const LISTS: [&str; 2] = ["include", "status"];

/// The parameters not yet read.
pub(crate) struct Pairs {
    pairs: BTreeMap<String, String>,
    /// Those written as `name[]`, by name.
    lists: BTreeMap<String, Vec<String>>,
}

impl Pairs {
    pub(crate) fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs = BTreeMap::new();
        let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if let Some(list) = name.strip_suffix("[]").filter(|name| LISTS.contains(name)) {
                lists.entry(list.to_owned()).or_default().push(value.into_owned());
                continue;
            }
            let name = name.into_owned();
            if pairs.insert(name.clone(), value.into_owned()).is_some() {
                return Err(At::Root.field(&name).invalid("is given twice"));
            }
        }
        Ok(Self { pairs, lists })
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.pairs.remove(name)
    }

    /// The values of a list, written as `name[]=value` for each, or as `name=value` for one.
    pub(crate) fn take_list(&mut self, name: &str) -> Vec<String> {
        let mut values = self.lists.remove(name).unwrap_or_default();
        values.extend(self.take(name));
        values
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.take(name).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => {
                Err(At::Root.field(name).invalid(format!("is {other:?}, not true or false")))
            }
        }
    }

    /// The pairs written as `name[key]=value`.
    fn take_map(&mut self, name: &str) -> BTreeMap<String, String> {
        let key_of = |pair: &str| {
            let key = pair.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            Some(key.to_owned())
        };
        let (found, rest) = std::mem::take(&mut self.pairs)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(pair, _)| key_of(pair).is_some());
        self.pairs = rest;
        found.into_iter().filter_map(|(pair, value)| Some((key_of(&pair)?, value))).collect()
    }

    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.take(name) else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| {
            At::Root.field(name).invalid(format!("is {text:?}, not a whole number"))
        })?;
        Ok(Some(number))
    }

    pub(crate) fn page(&mut self) -> Result<PageQuery, ApiError> {
        let after = self.take("after");
        if let Some(value) = &after {
            id(&At::Root.field("after"), value)?;
        }
        let limit = self.number("limit")?.map_or(Ok(DEFAULT_PAGE_ITEMS), |asked| {
            u32::try_from(asked)
                .ok()
                .filter(|limit| (MIN_PAGE_ITEMS..=MAX_PAGE_ITEMS).contains(limit))
                .ok_or_else(|| {
                    At::Root
                        .field("limit")
                        .invalid(format!("is {asked}, not {MIN_PAGE_ITEMS} to {MAX_PAGE_ITEMS}"))
                })
        })?;
        let order = match self.take("order").as_deref() {
            None | Some("desc") => Order::Desc,
            Some("asc") => Order::Asc,
            Some(other) => {
                return Err(At::Root
                    .field("order")
                    .invalid(format!("is {other:?}, not asc or desc")));
            }
        };
        Ok(PageQuery { after, limit, order })
    }

    pub(crate) fn finish(self) -> Result<(), ApiError> {
        match self.pairs.into_keys().chain(self.lists.into_keys()).next() {
            Some(name) => {
                Err(At::Root.field(&name).refuse(ErrorCode::UnknownParameter, "does not exist"))
            }
            None => Ok(()),
        }
    }
}
