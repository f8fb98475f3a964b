//! Whose rows count in `costs`: for one (billing account, billing period) exactly one connection.
//!
//! Two reports over the same payer, an hourly and a daily one, say, describe the same dollars.
//! The choice follows from what stands in the lake and is the same wherever it is made: what the
//! user set for the account ([`Wishes`]), then precedence of the kind, then finer time, then
//! resource ids, then the name.

use std::collections::BTreeMap;

use object_store::{Error, ObjectStoreExt, PutPayload};

use crate::table::FileEntry;
use crate::{Lake, LakeError};

/// What is known of a connection's slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Name of the connection.
    pub connection: String,
    /// Billing period, YYYY-MM.
    pub period: String,
    /// Billing account.
    pub account: String,
    /// Kind of connection.
    pub kind: String,
    /// hourly, daily, monthly, or unknown.
    pub granularity: String,
    /// Does it name resources?
    pub has_resources: bool,
}

/// Kinds by precedence; those not listed come last.
const KINDS: [&str; 6] =
    ["focus_export", "data_export", "cur", "dbr", "cost_explorer", "focus_files"];

/// Granularities by precedence.
const GRANULARITIES: [&str; 3] = ["hourly", "daily", "monthly"];

impl Claim {
    fn rank(&self, wishes: &Wishes) -> (bool, usize, usize, bool, &str) {
        let place = |list: &[&str], name: &str| list.iter().position(|n| *n == name);
        (
            wishes.get(&self.account) != Some(&self.connection),
            place(&KINDS, &self.kind).unwrap_or(KINDS.len()),
            place(&GRANULARITIES, &self.granularity).unwrap_or(GRANULARITIES.len()),
            !self.has_resources,
            &self.connection,
        )
    }
}

/// (account, period) to the connection whose rows count.
pub type Authorities = BTreeMap<(String, String), String>;

/// What users set: billing account to connection. It counts in the months that the connection has.
pub type Wishes = BTreeMap<String, String>;

/// Where the wishes lie below the lake.
const WISHES: &str = "_billhook/authority.json";

/// What users set in this lake.
///
/// # Errors
/// When it cannot be read.
pub async fn wishes(lake: &Lake) -> Result<Wishes, LakeError> {
    let path = lake.path(WISHES)?;
    let read = match lake.store.get(&path).await {
        Ok(result) => result.bytes().await,
        Err(Error::NotFound { .. }) => return Ok(Wishes::new()),
        Err(error) => Err(error),
    };
    let text = read.map_err(|e| LakeError::store("read", &path, e))?;
    serde_json::from_slice(&text).map_err(|error| {
        let source = Box::new(error);
        LakeError::store("read", &path, Error::Generic { store: "authority.json", source })
    })
}

/// Sets what users wish, whole.
///
/// # Errors
/// When it cannot be written.
pub async fn set_wishes(lake: &Lake, wishes: &Wishes) -> Result<(), LakeError> {
    let path = lake.path(WISHES)?;
    let text = serde_json::json!(wishes).to_string();
    let put = lake.store.put(&path, PutPayload::from(text)).await;
    put.map(drop).map_err(|e| LakeError::store("write", &path, e))
}

/// Chooses among the claims.
#[must_use]
pub fn choose(claims: &[Claim], wishes: &Wishes) -> Authorities {
    let mut best: BTreeMap<(String, String), &Claim> = BTreeMap::new();
    for claim in claims {
        let key = (claim.account.clone(), claim.period.clone());
        let entry = best.entry(key).or_insert(claim);
        if claim.rank(wishes) < entry.rank(wishes) {
            *entry = claim;
        }
    }
    best.into_iter().map(|(key, claim)| (key, claim.connection.clone())).collect()
}

/// How a file stands to the authorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// All its rows count.
    Counts,
    /// None of its rows count.
    LeftOut,
    /// It holds rows of several billing accounts; look at each row.
    Mixed,
}

/// Do the rows of a file count? Told from the statistics of its billing accounts.
#[must_use]
pub fn standing(file: &FileEntry, authorities: &Authorities) -> Standing {
    let connection = file.partition_value("x_Connection");
    let period = file.partition_value("x_BillingPeriod");
    let bound = |name: &str| file.stats[name]["BillingAccountId"].as_str();
    match (bound("minValues"), bound("maxValues")) {
        (Some(min), Some(max)) if min == max => {
            let key = (min.to_owned(), period.to_owned());
            match authorities.get(&key) {
                Some(authority) if authority != connection => Standing::LeftOut,
                _ => Standing::Counts,
            }
        }
        (None, None) => Standing::Counts,
        _ => Standing::Mixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(connection: &str, kind: &str, granularity: &str, has_resources: bool) -> Claim {
        Claim {
            connection: connection.to_owned(),
            period: "2026-09".to_owned(),
            account: "111122223333".to_owned(),
            kind: kind.to_owned(),
            granularity: granularity.to_owned(),
            has_resources,
        }
    }

    #[test]
    fn the_finer_report_counts_whatever_the_order() {
        let mut claims = vec![
            claim("a-daily", "cur", "daily", true),
            claim("hourly-plain", "cur", "hourly", false),
            claim("hourly", "cur", "hourly", true),
            claim("explorer", "cost_explorer", "hourly", false),
        ];
        for _ in 0..claims.len() {
            claims.rotate_left(1);
            let chosen = choose(&claims, &Wishes::new());
            assert_eq!(chosen.len(), 1);
            assert_eq!(chosen.values().next().unwrap(), "hourly");
        }
    }

    #[test]
    fn what_the_user_set_comes_first() {
        let claims = [claim("cur", "cur", "hourly", true), claim("old", "dbr", "monthly", false)];
        let wish = |name: &str| Wishes::from([("111122223333".to_owned(), name.to_owned())]);
        assert_eq!(choose(&claims, &wish("old")).values().next().unwrap(), "old");
        assert_eq!(choose(&claims, &wish("gone")).values().next().unwrap(), "cur");
    }
}
