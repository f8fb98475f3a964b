//! `authority`: whose rows count in `costs`, and what the user wants.

use std::collections::BTreeSet;

use billhook_lake::authority::{self, Claim};
use billhook_lake::session::LakeSession;

use crate::{EngineError, Home};

/// One billing account and month with the connections that bill it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Billing account.
    pub account: String,
    /// Billing period, YYYY-MM.
    pub period: String,
    /// The connection whose rows count.
    pub authority: String,
    /// Its kind.
    pub kind: String,
    /// The other connections, in order.
    pub others: Vec<String>,
    /// Did the user ask for it?
    pub is_wished: bool,
}

/// Who has authority, by account and month.
///
/// # Errors
/// When the lake cannot be read.
pub async fn list(home: &Home) -> Result<Vec<Entry>, EngineError> {
    let session = LakeSession::open(&home.lake, None).await?;
    let wishes = authority::wishes(&home.lake).await?;
    let entry = |((account, period), name): (&(String, String), &String)| {
        let is_rival = |claim: &&Claim| claim.account == *account && claim.period == *period;
        let rivals: Vec<&Claim> = session.claims.iter().filter(is_rival).collect();
        let kind = rivals.iter().find(|claim| claim.connection == *name);
        let others: BTreeSet<&str> =
            rivals.iter().map(|c| c.connection.as_str()).filter(|other| other != name).collect();
        Entry {
            account: account.clone(),
            period: period.clone(),
            authority: name.clone(),
            kind: kind.map(|claim| claim.kind.clone()).unwrap_or_default(),
            others: others.into_iter().map(str::to_owned).collect(),
            is_wished: wishes.get(account) == Some(name),
        }
    };
    Ok(session.authorities.iter().map(entry).collect())
}

/// Has `connection` count for `account` in every month that it has; `None` for Billhook's choice.
///
/// # Errors
/// [`EngineError::Usage`] when the lake has no such account or connection.
pub async fn set(home: &Home, account: &str, connection: Option<&str>) -> Result<(), EngineError> {
    let session = LakeSession::open(&home.lake, None).await?;
    let of_account: BTreeSet<&str> = session
        .claims
        .iter()
        .filter(|claim| claim.account == account)
        .map(|claim| claim.connection.as_str())
        .collect();
    if of_account.is_empty() {
        let known: BTreeSet<&str> = session.claims.iter().map(|c| c.account.as_str()).collect();
        let known: Vec<&str> = known.into_iter().collect();
        return Err(EngineError::Usage(format!(
            "no connection bills account {account}; there are {}",
            known.join(", ")
        )));
    }
    let mut wishes = authority::wishes(&home.lake).await?;
    match connection {
        Some(name) if !of_account.contains(name) => {
            let names: Vec<&str> = of_account.into_iter().collect();
            return Err(EngineError::Usage(format!(
                "connection {name} does not bill account {account}; these do: {}",
                names.join(", ")
            )));
        }
        Some(name) => drop(wishes.insert(account.to_owned(), name.to_owned())),
        None => drop(wishes.remove(account)),
    }
    Ok(authority::set_wishes(&home.lake, &wishes).await?)
}
