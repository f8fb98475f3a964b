//! Organizations: the accounts under a management account, their names, units and tags.

use std::collections::BTreeMap;

use aws_sdk_organizations::Client;
use aws_sdk_organizations::config::Builder;
use aws_sdk_organizations::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_organizations::types::Account;
use serde::Serialize;

use crate::call::{CallError, Trouble, trouble};
use crate::session::Session;

/// An organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Organized {
    /// Its management account, which is its payer.
    pub management_account: String,
    /// Its accounts, the management account among them, in the order of their ids.
    pub accounts: Vec<Member>,
}

/// An account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Member {
    /// 12 digits.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Of its owner.
    pub email: Option<String>,
    /// `ACTIVE`, `SUSPENDED`, `CLOSED`, `PENDING_ACTIVATION`, `PENDING_CLOSURE`.
    pub state: String,
    /// When it came into the organisation, `2026-01-31T23:59:59Z`.
    pub joined_at: Option<String>,
    /// Names from the root down, `Root/Engineering/Data`; empty when they may not be read.
    pub unit: String,
    /// Its tags; empty also when they may not be read.
    pub tags: BTreeMap<String, String>,
}

/// A question that AWS does not answer.
#[derive(Debug, Clone)]
pub struct Gap {
    /// What it takes, such as `organizations:ListRoots`.
    pub action: &'static str,
    /// Why there is no answer.
    pub error: CallError,
}

/// A client.
#[derive(Debug, Clone)]
pub struct Organization {
    client: Client,
}

impl Organization {
    /// A client with the credentials of a session.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        let config = Builder::from(session.config()).region(session.organization_region());
        Self { client: Client::from_conf(config.build()) }
    }

    /// The management account of the organisation that the caller's account is in. Needs
    /// `organizations:DescribeOrganization`, which members may have, too.
    ///
    /// # Errors
    /// When AWS does not tell; [`Trouble::Unavailable`] when there is no organisation.
    pub async fn describe(&self) -> Result<String, CallError> {
        let answer = self.client.describe_organization().send().await;
        let organization = answer.map_err(|error| trouble(&error))?.organization;
        let id = organization.and_then(|organization| organization.master_account_id);
        id.ok_or_else(|| CallError::refused("the answer names no management account"))
    }

    /// All accounts. Only the management account and its delegates are told them.
    ///
    /// Needs `organizations:ListAccounts`. Units come with `organizations:ListRoots`,
    /// `organizations:ListOrganizationalUnitsForParent` and `organizations:ListAccountsForParent`,
    /// tags with `organizations:ListTagsForResource`; without those, names come alone.
    ///
    /// # Errors
    /// When AWS does not tell the accounts, or fails at the rest other than by denying it;
    /// [`Trouble::Unavailable`] when there is no organisation.
    pub async fn all(&self) -> Result<Organized, CallError> {
        let accounts = self.accounts().await?;
        let described = unless_denied(self.describe().await)?;
        let management_account = described.or_else(|| manager(&accounts)).unwrap_or_default();
        let units = unless_denied(self.units().await)?.unwrap_or_default();
        let mut members = BTreeMap::new();
        let mut tags_are_open = true;
        for account in accounts {
            let Some(id) = account.id.clone() else { continue };
            let mut tags = None;
            if tags_are_open {
                tags = unless_denied(self.tags(&id).await)?;
                tags_are_open = tags.is_some();
            }
            let unit = units.get(&id).cloned().unwrap_or_default();
            members.insert(id.clone(), member(id, account, unit, tags.unwrap_or_default()));
        }
        Ok(Organized { management_account, accounts: members.into_values().collect() })
    }

    /// What of [`Self::all`] AWS does not answer, told by asking for one page of each thing. What
    /// is asked about an account or a root is left out when nothing tells one.
    pub async fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let accounts = self.client.list_accounts().send().await;
        let accounts = answered(accounts, "organizations:ListAccounts", &mut gaps);
        let account = accounts.and_then(|page| page.accounts?.into_iter().next()?.id);
        if let Some(account) = account {
            let tags = self.client.list_tags_for_resource().resource_id(account).send().await;
            answered(tags, "organizations:ListTagsForResource", &mut gaps);
        }
        let roots = self.client.list_roots().send().await;
        let roots = answered(roots, "organizations:ListRoots", &mut gaps);
        let root = roots.and_then(|page| page.roots?.into_iter().next()?.id);
        if let Some(root) = root {
            let units = self.client.list_organizational_units_for_parent().parent_id(&root);
            let units = units.send().await;
            answered(units, "organizations:ListOrganizationalUnitsForParent", &mut gaps);
            let below = self.client.list_accounts_for_parent().parent_id(&root).send().await;
            answered(below, "organizations:ListAccountsForParent", &mut gaps);
        }
        gaps
    }

    async fn accounts(&self) -> Result<Vec<Account>, CallError> {
        let pages = self.client.list_accounts().into_paginator().send();
        let pages = pages.try_collect().await.map_err(|error| trouble(&error))?;
        Ok(pages.into_iter().filter_map(|page| page.accounts).flatten().collect())
    }

    /// The unit that each account is in. The tree is walked, which takes two requests for a unit,
    /// where asking for an account's parents takes one for each account and level.
    async fn units(&self) -> Result<BTreeMap<String, String>, CallError> {
        let pages = self.client.list_roots().into_paginator().send();
        let pages = pages.try_collect().await.map_err(|error| trouble(&error))?;
        let roots = pages.into_iter().filter_map(|page| page.roots).flatten();
        let roots = roots.filter_map(|root| Some((root.id?, root.name.unwrap_or_default())));
        let mut left: Vec<(String, String)> = roots.collect();
        let mut units = BTreeMap::new();
        while let Some((parent, path)) = left.pop() {
            for account in self.accounts_in(&parent).await? {
                units.insert(account, path.clone());
            }
            let children = self.units_in(&parent).await?.into_iter();
            left.extend(children.map(|(id, name)| (id, format!("{path}/{name}"))));
        }
        Ok(units)
    }

    /// Ids of the accounts right under a root or unit.
    async fn accounts_in(&self, parent: &str) -> Result<Vec<String>, CallError> {
        let request = self.client.list_accounts_for_parent().parent_id(parent);
        let pages = request.into_paginator().send().try_collect().await;
        let pages = pages.map_err(|error| trouble(&error))?;
        let accounts = pages.into_iter().filter_map(|page| page.accounts).flatten();
        Ok(accounts.filter_map(|account| account.id).collect())
    }

    /// Ids and names of the units right under a root or unit.
    async fn units_in(&self, parent: &str) -> Result<Vec<(String, String)>, CallError> {
        let request = self.client.list_organizational_units_for_parent().parent_id(parent);
        let pages = request.into_paginator().send().try_collect().await;
        let pages = pages.map_err(|error| trouble(&error))?;
        let units = pages.into_iter().filter_map(|page| page.organizational_units).flatten();
        Ok(units.filter_map(|unit| Some((unit.id?, unit.name.unwrap_or_default()))).collect())
    }

    /// An account's tags; none when it has left since it was listed.
    async fn tags(&self, account: &str) -> Result<BTreeMap<String, String>, CallError> {
        let request = self.client.list_tags_for_resource().resource_id(account);
        let tags = request.into_paginator().items().send().try_collect().await;
        match tags.map_err(|error| trouble(&error)) {
            Ok(tags) => Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect()),
            Err(error) if error.code == "TargetNotFoundException" => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        }
    }
}

/// The answer; its lack is a gap.
fn answered<T, E>(
    answer: Result<T, SdkError<E>>,
    action: &'static str,
    gaps: &mut Vec<Gap>,
) -> Option<T>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    answer.map_err(|error| gaps.push(Gap { action, error: trouble(&error) })).ok()
}

fn unless_denied<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.trouble == Trouble::Denied => Ok(None),
        Err(error) => Err(error),
    }
}

/// The management account, by which ARNs of accounts are called:
/// `arn:aws:organizations::<management account>:account/<organisation>/<account>`.
fn manager(accounts: &[Account]) -> Option<String> {
    let arn = accounts.iter().find_map(|account| account.arn.as_deref())?;
    arn.split(':').nth(4).map(str::to_owned)
}

fn member(id: String, account: Account, unit: String, tags: BTreeMap<String, String>) -> Member {
    // Of the two AWS lets the status go.
    let status = account.status.map(|status| status.to_string());
    let state = account.state.map(|state| state.to_string()).or(status);
    Member {
        id,
        name: account.name.unwrap_or_default(),
        email: account.email,
        state: state.unwrap_or_default(),
        joined_at: account.joined_timestamp.map(|time| time.to_string()),
        unit,
        tags,
    }
}
