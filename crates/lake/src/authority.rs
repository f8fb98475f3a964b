//! Whose rows count in `costs`: for one (billing account, billing period) exactly one connection.
//!
//! Two reports over the same payer, an hourly and a daily one, say, describe the same dollars.
//! The choice follows from what stands in the lake and is the same wherever it is made: what the
//! user set for the account ([`Wishes`]), then precedence of the kind, then finer time, then
//! resource ids, then the name.

use std::collections::BTreeMap;

use object_store::{Error, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};

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
            wishes.get(&self.account).and_then(|wish| wish.at(&self.period))
                != Some(self.connection.as_str()),
            place(&KINDS, &self.kind).unwrap_or(KINDS.len()),
            place(&GRANULARITIES, &self.granularity).unwrap_or(GRANULARITIES.len()),
            !self.has_resources,
            &self.connection,
        )
    }
}

/// (account, period) to the connection whose rows count.
pub type Authorities = BTreeMap<(String, String), String>;

/// What users set, by billing account.
pub type Wishes = BTreeMap<String, Wish>;

/// What users set for an account: the connection that counts, from which month on. It counts in the
/// months that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Wish(BTreeMap<String, String>);

/// A wish as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    /// One connection for all months.
    Always(String),
    /// First month, YYYY-MM, to connection. Both may be empty: from the very first month on, and
    /// left to Billhook.
    From(BTreeMap<String, String>),
}

impl From<Written> for Wish {
    fn from(written: Written) -> Self {
        match written {
            Written::Always(connection) => Self::always(&connection),
            Written::From(steps) => Self(steps),
        }
    }
}

impl From<Wish> for Written {
    fn from(Wish(steps): Wish) -> Self {
        match steps.get("") {
            Some(connection) if steps.len() == 1 => Self::Always(connection.clone()),
            _ => Self::From(steps),
        }
    }
}

impl Wish {
    /// The same connection in all months.
    #[must_use]
    pub fn always(connection: &str) -> Self {
        Self(BTreeMap::from([(String::new(), connection.to_owned())]))
    }

    /// The connection of a billing period, YYYY-MM; `None` when that is left to Billhook.
    #[must_use]
    pub fn at(&self, period: &str) -> Option<&str> {
        let step = self.0.iter().rev().find(|(from, _)| from.as_str() <= period);
        step.map(|(_, connection)| connection.as_str()).filter(|name| !name.is_empty())
    }

    /// From a month on (YYYY-MM; empty for all of them) another connection; `None` leaves it to
    /// Billhook. What was set for later months goes.
    pub fn set(&mut self, from: &str, connection: Option<&str>) {
        self.0.retain(|month, _| month.as_str() < from);
        let before = self.0.values().next_back().map(String::as_str).unwrap_or_default();
        let connection = connection.unwrap_or_default();
        if before != connection {
            self.0.insert(from.to_owned(), connection.to_owned());
        }
    }

    /// Is everything left to Billhook?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// First months (empty: from the very first on) and connections (`None`: left to Billhook), in
    /// the order of time.
    pub fn steps(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(from, connection)| {
            (from.as_str(), Some(connection.as_str()).filter(|name| !name.is_empty()))
        })
    }
}

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
        let wish = |name: &str| Wishes::from([("111122223333".to_owned(), Wish::always(name))]);
        assert_eq!(choose(&claims, &wish("old")).values().next().unwrap(), "old");
        assert_eq!(choose(&claims, &wish("gone")).values().next().unwrap(), "cur");
    }

    #[test]
    fn another_one_counts_from_a_month_on() {
        let mut wish = Wish::always("old");
        wish.set("2026-10", Some("new"));
        assert_eq!(wish.at("2026-09"), Some("old"));
        assert_eq!(wish.at("2026-10"), Some("new"));
        wish.set("2026-11", None);
        assert_eq!(wish.at("2026-10"), Some("new"));
        assert_eq!(wish.at("2026-12"), None);
        // What says the same as before is not kept, nor what came later.
        wish.set("2026-10", Some("old"));
        assert_eq!(wish, Wish::always("old"));
        wish.set("", None);
        assert!(wish.is_empty());
    }

    #[test]
    fn what_earlier_versions_stored_is_understood() {
        let wishes: Wishes =
            serde_json::from_str(r#"{"1": "old", "2": {"2026-10": "a"}}"#).unwrap();
        assert_eq!(wishes["1"], Wish::always("old"));
        assert_eq!((wishes["2"].at("2026-09"), wishes["2"].at("2026-11")), (None, Some("a")));
        let text = serde_json::to_string(&wishes).unwrap();
        assert_eq!(text, r#"{"1":"old","2":{"2026-10":"a"}}"#);
    }
}
