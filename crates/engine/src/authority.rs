//! `authority`: whose rows count in `costs`, and what the user wants.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Decimal128Type;
use billhook_lake::authority::{self, Authorities, Claim, Wish, Wishes};
use billhook_lake::session::LakeSession;
use chrono::NaiveDate;

use crate::sql_names::quoted;
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
    Ok(list_in(&LakeSession::open(&home.lake, None).await?))
}

/// The same, from a session that is open already.
#[must_use]
pub fn list_in(session: &LakeSession) -> Vec<Entry> {
    let entry = |((account, period), name): (&(String, String), &String)| {
        let is_rival = |claim: &&Claim| claim.account == *account && claim.period == *period;
        let rivals: Vec<&Claim> = session.claims.iter().filter(is_rival).collect();
        let kind = rivals.iter().find(|claim| claim.connection == *name);
        let others: BTreeSet<&str> =
            rivals.iter().map(|c| c.connection.as_str()).filter(|other| other != name).collect();
        let wished = session.wishes.get(account).and_then(|wish| wish.at(period));
        Entry {
            account: account.clone(),
            period: period.clone(),
            authority: name.clone(),
            kind: kind.map(|claim| claim.kind.clone()).unwrap_or_default(),
            others: others.into_iter().map(str::to_owned).collect(),
            is_wished: wished == Some(name.as_str()),
        }
    };
    session.authorities.iter().map(entry).collect()
}

/// Another choice for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice<'a> {
    /// Billing account.
    pub account: &'a str,
    /// The connection that is to count in every month that it has; `None` for Billhook's choice.
    pub connection: Option<&'a str>,
    /// From this month on, YYYY-MM; `None` for all.
    pub from: Option<&'a str>,
}

/// Has a connection count for an account, or leaves that to Billhook.
///
/// # Errors
/// [`EngineError::Usage`] when the lake has no such account or connection, or the month is none.
pub async fn set(home: &Home, choice: Choice<'_>) -> Result<(), EngineError> {
    let session = LakeSession::open(&home.lake, None).await?;
    set_in(home, &session, choice).await.map(drop)
}

/// The same, with a session that is open already. Gives what is wished for the account now.
///
/// # Errors
/// As [`set`].
pub async fn set_in(
    home: &Home,
    session: &LakeSession,
    choice: Choice<'_>,
) -> Result<Wish, EngineError> {
    let mut wishes = authority::wishes(&home.lake).await?;
    change(&session.claims, &mut wishes, choice)?;
    authority::set_wishes(&home.lake, &wishes).await?;
    Ok(wishes.remove(choice.account).unwrap_or_default())
}

/// What is wished for an account now.
///
/// # Errors
/// When the lake cannot be read.
pub async fn wish(home: &Home, account: &str) -> Result<Wish, EngineError> {
    Ok(authority::wishes(&home.lake).await?.remove(account).unwrap_or_default())
}

/// What a month of a connection adds, or would add, to `costs` for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    /// Billing account.
    pub account: String,
    /// Billing period, YYYY-MM.
    pub period: String,
    /// Connection.
    pub connection: String,
    /// Currency.
    pub currency: String,
    /// Σ `BilledCost`, units of 10⁻¹⁸.
    pub billed: i128,
    /// Σ `EffectiveCost`, units of 10⁻¹⁸.
    pub effective: i128,
}

/// What each month of each connection adds, or would add; of one account, or of all.
///
/// # Errors
/// When the lake cannot be read.
pub async fn billed_in(
    session: &LakeSession,
    account: Option<&str>,
) -> Result<Vec<Billed>, EngineError> {
    let of_account =
        account.map(|id| format!("AND BillingAccountId = {}", quoted(id))).unwrap_or_default();
    let sql = format!(
        "SELECT BillingAccountId, x_BillingPeriod, x_Connection, BillingCurrency, \
         SUM(BilledCost), SUM(EffectiveCost) FROM cost_daily \
         WHERE x_FocusExclusion IS NULL AND BillingAccountId IS NOT NULL \
         AND BillingCurrency IS NOT NULL {of_account} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    );
    let mut billed = Vec::new();
    for batch in session.query(&sql).await? {
        let text = |column: usize, row: usize| {
            batch.column(column).as_string::<i32>().value(row).to_owned()
        };
        let money = |column: usize, row: usize| {
            let sums = batch.column(column).as_primitive::<Decimal128Type>();
            if sums.is_valid(row) { sums.value(row) } else { 0 }
        };
        for row in 0..batch.num_rows() {
            billed.push(Billed {
                account: text(0, row),
                period: text(1, row),
                connection: text(2, row),
                currency: text(3, row),
                billed: money(4, row),
                effective: money(5, row),
            });
        }
    }
    Ok(billed)
}

/// How a total of a month changes when another connection counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Billing period, YYYY-MM.
    pub period: String,
    /// The connection that counts now.
    pub old: String,
    /// The one that would count.
    pub new: String,
    /// Currency.
    pub currency: String,
    /// Σ `BilledCost` of the account, now and then, units of 10⁻¹⁸.
    pub billed: (i128, i128),
    /// Σ `EffectiveCost`, the same.
    pub effective: (i128, i128),
}

/// What a choice would change, before it is made: every total of `costs` that would be another one,
/// the newest month first. What the lake holds is not changed.
///
/// # Errors
/// As [`set`].
pub async fn preview_in(
    session: &LakeSession,
    choice: Choice<'_>,
) -> Result<Vec<Change>, EngineError> {
    let mut wishes = session.wishes.clone();
    change(&session.claims, &mut wishes, choice)?;
    let then = authority::choose(&session.claims, &wishes);
    let billed = billed_in(session, Some(choice.account)).await?;
    Ok(changes(&session.authorities, &then, choice.account, &billed))
}

fn changes(now: &Authorities, then: &Authorities, account: &str, billed: &[Billed]) -> Vec<Change> {
    let mut changes = Vec::new();
    for (key, new) in then.iter().rev().filter(|(key, _)| key.0 == account) {
        let Some(old) = now.get(key).filter(|old| *old != new) else { continue };
        let mut sums: BTreeMap<&str, [(i128, i128); 2]> = BTreeMap::new();
        for sum in billed.iter().filter(|sum| sum.period == key.1) {
            if sum.connection == *old {
                let [now, _] = sums.entry(&sum.currency).or_default();
                *now = (sum.billed, sum.effective);
            } else if sum.connection == *new {
                let [_, then] = sums.entry(&sum.currency).or_default();
                *then = (sum.billed, sum.effective);
            }
        }
        changes.extend(sums.into_iter().map(|(currency, [now, then])| Change {
            period: key.1.clone(),
            old: old.clone(),
            new: new.clone(),
            currency: currency.to_owned(),
            billed: (now.0, then.0),
            effective: (now.1, then.1),
        }));
    }
    changes
}

/// Puts a choice among the wishes.
fn change(claims: &[Claim], wishes: &mut Wishes, choice: Choice<'_>) -> Result<(), EngineError> {
    let Choice { account, connection, from } = choice;
    let of_account: BTreeSet<&str> = claims
        .iter()
        .filter(|claim| claim.account == account)
        .map(|claim| claim.connection.as_str())
        .collect();
    if of_account.is_empty() {
        let known: BTreeSet<&str> = claims.iter().map(|c| c.account.as_str()).collect();
        let known: Vec<&str> = known.into_iter().collect();
        return Err(EngineError::Usage(format!(
            "no connection bills account {account}; there are {}",
            known.join(", ")
        )));
    }
    if let Some(name) = connection
        && !of_account.contains(name)
    {
        let names: Vec<&str> = of_account.into_iter().collect();
        return Err(EngineError::Usage(format!(
            "connection {name} does not bill account {account}; these do: {}",
            names.join(", ")
        )));
    }
    if let Some(month) = from
        && !is_month(month)
    {
        return Err(EngineError::Usage(format!("{month:?} is no month: write 2026-10")));
    }
    let wish = wishes.entry(account.to_owned()).or_default();
    wish.set(from.unwrap_or_default(), connection);
    if wish.is_empty() {
        wishes.remove(account);
    }
    Ok(())
}

fn is_month(text: &str) -> bool {
    text.len() == "2026-10".len()
        && NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn billed(period: &str, connection: &str, currency: &str, sum: i128) -> Billed {
        Billed {
            account: "1".to_owned(),
            period: period.to_owned(),
            connection: connection.to_owned(),
            currency: currency.to_owned(),
            billed: sum,
            effective: sum * 2,
        }
    }

    fn counts(of: &[(&str, &str)]) -> Authorities {
        let key = |period: &str| ("1".to_owned(), period.to_owned());
        of.iter().map(|(period, name)| (key(period), (*name).to_owned())).collect()
    }

    #[test]
    fn only_months_with_another_connection_change() {
        let now = counts(&[("2026-08", "a"), ("2026-09", "a"), ("2026-10", "a")]);
        let then = counts(&[("2026-08", "a"), ("2026-09", "b"), ("2026-10", "b")]);
        let sums = [
            billed("2026-08", "a", "USD", 1),
            billed("2026-09", "a", "USD", 10),
            billed("2026-09", "b", "EUR", 3),
            billed("2026-10", "a", "USD", 5),
            billed("2026-10", "b", "USD", 7),
            billed("2026-10", "c", "USD", 9),
        ];
        let changes = changes(&now, &then, "1", &sums);
        let told: Vec<_> = changes
            .iter()
            .map(|change| (change.period.as_str(), change.currency.as_str(), change.billed))
            .collect();
        let wanted =
            [("2026-10", "USD", (5, 7)), ("2026-09", "EUR", (0, 3)), ("2026-09", "USD", (10, 0))];
        assert_eq!(told, wanted);
        assert_eq!(changes[0].effective, (10, 14));
    }

    #[test]
    fn months_are_months() {
        assert!(is_month("2026-10"));
        assert!(!is_month("2026-13") && !is_month("2026-1") && !is_month("oct"));
    }
}
