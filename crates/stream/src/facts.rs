//! Events from facts: plain figures in, an event with a deterministic id out.
//!
//! The id of an event is a digest of what it is about, never of when or by whom it was made
//! (INV-IDEM). What is looked up where is left to the caller.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::event::{self, Event, Extension};

/// A part of a subject or source is encoded unless it is unreserved (RFC 3986, 2.3).
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Between the parts that an id is made of.
const BETWEEN: u8 = 0x1f;

/// Stands for a part that is null, which is not the same as empty.
const NULL: u8 = 0;

/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 32;

const MICROS_OF_A_DAY: i64 = 86_400_000_000;

/// The delivery that events come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Connection.
    pub connection: String,
    /// Billing period, `YYYY-MM`.
    pub period: String,
    /// Revision of the delivery.
    pub revision: String,
    /// Revision that it replaced.
    pub previous: Option<String>,
    /// When it was loaded, microseconds since 1970 UTC.
    pub recorded_at: i64,
    /// State of the period after it: `open`, `estimated`, `final` or `reopened`.
    pub state: String,
    /// The billing account, when the delivery has only one.
    pub payer: Option<String>,
}

/// A row of a ledger: what a delivery changed for a day or hour, account, service and charge
/// category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostChange {
    /// Day or hour of the charges.
    pub time: ChargeTime,
    /// `BillingAccountId`.
    pub billing_account: Option<String>,
    /// `BillingCurrency`.
    pub currency: Option<String>,
    /// `SubAccountId`.
    pub sub_account: Option<String>,
    /// `ServiceName`.
    pub service: Option<String>,
    /// `ChargeCategory`.
    pub category: Option<String>,
    /// `BilledCost`.
    pub billed: Amounts,
    /// `EffectiveCost`.
    pub effective: Amounts,
    /// `x_UnblendedCost`.
    pub unblended: Amounts,
    /// Is the figure expected to move? See [`is_estimated`].
    pub is_estimated: bool,
}

/// The time that a figure is of, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChargeTime {
    /// A day.
    Day(NaiveDate),
    /// An hour, by its beginning.
    Hour(DateTime<Utc>),
}

/// An amount before and after, as decimal text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amounts {
    /// Before; `None` when these keys never had a figure.
    pub old: Option<String>,
    /// After.
    pub new: String,
    /// After less before.
    pub difference: String,
}

/// What a delivery held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryFacts {
    /// Kind of the billing product, such as `cur`.
    pub kind: String,
    /// `hourly`, `daily` or `monthly`.
    pub granularity: String,
    /// Billing accounts.
    pub billing_accounts: Vec<String>,
    /// Records that were read.
    pub line_items: u64,
    /// Rows that were stored.
    pub stored_rows: u64,
    /// Stored rows that FOCUS leaves out.
    pub excluded_rows: u64,
    /// Records that were set aside.
    pub quarantined_rows: u64,
    /// Files.
    pub files: u64,
    /// Σ `BilledCost` as decimal text, by currency.
    pub billed_costs: BTreeMap<String, String>,
    /// Sums of the source's own columns as read, decimal text, by column and currency.
    pub sums: BTreeMap<String, BTreeMap<String, String>>,
}

/// Columns that are not known, and how they differ from those of the delivery before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftFacts {
    /// All of this delivery.
    pub unknown: Vec<String>,
    /// Those that the connection's delivery before did not have.
    pub added: Vec<String>,
    /// Those that only the delivery before had.
    pub removed: Vec<String>,
}

/// The state of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFacts {
    /// Before this delivery; `None` when there was none.
    pub old: Option<String>,
}

/// The health of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthFacts {
    /// What tells the connection from others whatever it is called; the id depends on it.
    pub key: String,
    /// Name of the connection.
    pub connection: String,
    /// Before; `None` when it was never looked at.
    pub old: Option<String>,
    /// Now: `healthy`, `waiting`, `degraded`, `broken` or `paused`.
    pub new: String,
    /// Since when, microseconds since 1970 UTC.
    pub since: i64,
    /// Findings: an array of objects that each have a text `code`.
    pub findings: Value,
}

/// Is a figure expected to move? It is until the day has been over for `settling_days`, and
/// afterwards as long as `moved_before`: the delivery before this one moved it, too.
/// `recorded_at` is in microseconds since 1970 UTC.
#[must_use]
pub fn is_estimated(
    recorded_at: i64,
    date: NaiveDate,
    settling_days: u32,
    moved_before: bool,
) -> bool {
    let end = after(date).and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    let window = MICROS_OF_A_DAY.saturating_mul(i64::from(settling_days));
    moved_before || recorded_at < end.saturating_add(window)
}

/// `cost.recorded` when there was no figure before, not even zero, else `cost.restated`.
#[must_use]
pub fn cost(origin: &Origin, change: &CostChange) -> Event {
    let amounts = [&change.billed, &change.effective, &change.unblended];
    let is_first = amounts.into_iter().all(|one| one.old.is_none());
    let kind = if is_first { event::COST_RECORDED } else { event::COST_RESTATED };
    let when = change.time.short();
    let start = change.time.start();
    let key = [
        &change.billing_account,
        &change.currency,
        &change.sub_account,
        &change.service,
        &change.category,
    ];
    let key = key.map(Option::as_deref);
    let [account, currency, sub_account, service, category] = key;
    let [billed, effective, unblended] = amounts.map(|one| one.json(is_first));
    let data = json!({
        "chargePeriodStart": start,
        "chargePeriodEnd": change.time.end(),
        "granularity": change.time.granularity(),
        "connection": origin.connection,
        "billingPeriod": origin.period,
        "billingAccountId": account,
        "subAccountId": sub_account,
        "serviceName": service,
        "chargeCategory": category,
        "currency": currency,
        "billedCost": billed,
        "effectiveCost": effective,
        "unblendedCost": unblended,
        "periodState": origin.state,
        "estimated": change.is_estimated,
        "revision": origin.revision,
        "previousRevision": origin.previous,
        "recordedAt": instant(origin.recorded_at),
    });
    let mut parts = vec![Some(when.as_str())];
    parts.extend(key);
    let mut extensions = origin.extensions();
    extensions.insert(event::ESTIMATED, Extension::Bool(change.is_estimated));
    Event {
        id: origin.id(kind, &parts),
        source: source(&origin.connection, account),
        kind,
        subject: Some(path(&[
            Some(when.as_str()),
            account,
            sub_account,
            service,
            category,
            currency,
        ])),
        time: start,
        extensions,
        data,
    }
    .with_partition_key()
}

/// `delivery.loaded`.
#[must_use]
pub fn delivery_loaded(origin: &Origin, facts: &DeliveryFacts) -> Event {
    let mut data = origin.data();
    data.extend([
        ("kind", json!(facts.kind)),
        ("granularity", json!(facts.granularity)),
        ("periodState", json!(origin.state)),
        ("billingAccountIds", json!(facts.billing_accounts)),
        ("lineItems", json!(facts.line_items)),
        ("storedRows", json!(facts.stored_rows)),
        ("excludedRows", json!(facts.excluded_rows)),
        ("quarantinedRows", json!(facts.quarantined_rows)),
        ("files", json!(facts.files)),
        ("billedCosts", json!(facts.billed_costs)),
        ("sourceSums", json!(facts.sums)),
    ]);
    let subject = path(&[Some(origin.period.as_str()), Some(origin.revision.as_str())]);
    origin.event(event::DELIVERY_LOADED, &[], subject, data)
}

/// `schema.drifted`.
#[must_use]
pub fn schema_drifted(origin: &Origin, facts: &DriftFacts) -> Event {
    let mut data = origin.data();
    data.extend([
        ("unknownColumns", json!(facts.unknown)),
        ("added", json!(facts.added)),
        ("removed", json!(facts.removed)),
    ]);
    let subject = path(&[Some(origin.period.as_str()), Some(origin.revision.as_str())]);
    origin.event(event::SCHEMA_DRIFTED, &[], subject, data)
}

/// `period.state_changed`.
#[must_use]
pub fn state_changed(origin: &Origin, facts: &StateFacts) -> Event {
    let mut data = origin.data();
    data.extend([("old", json!(facts.old)), ("new", json!(origin.state))]);
    let subject = path(&[Some(origin.period.as_str())]);
    origin.event(event::PERIOD_STATE_CHANGED, &[], subject, data)
}

/// `connection.health_changed`.
#[must_use]
pub fn health_changed(facts: &HealthFacts) -> Event {
    let since = instant(facts.since);
    let parts = [Some(facts.key.as_str()), Some(since.as_str()), Some(facts.new.as_str())];
    let connection = Extension::Text(facts.connection.clone());
    Event {
        id: id(event::HEALTH_CHANGED, &parts),
        source: source(&facts.connection, None),
        kind: event::HEALTH_CHANGED,
        subject: Some(path(&[Some(facts.connection.as_str())])),
        time: since.clone(),
        extensions: BTreeMap::from([(event::CONNECTION, connection)]),
        data: json!({
            "connection": facts.connection,
            "old": facts.old,
            "new": facts.new,
            "since": since,
            "findings": facts.findings,
        }),
    }
    .with_partition_key()
}

/// Microseconds since 1970 UTC as RFC 3339: `2026-01-31T04:05:06.000007Z`.
#[must_use]
pub fn instant(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).map_or_else(
        || micros.to_string(),
        |time| time.to_rfc3339_opts(SecondsFormat::Micros, true),
    )
}

/// A digest of what an event is about.
pub(crate) fn id(kind: &str, parts: &[Option<&str>]) -> String {
    let mut digest = Sha256::new();
    digest.update(kind);
    for part in parts {
        digest.update([BETWEEN]);
        match part {
            Some(text) => digest.update(text),
            None => digest.update([NULL]),
        }
    }
    let mut id = hex::encode(digest.finalize());
    id.truncate(ID_DIGITS);
    id
}

impl Origin {
    /// The id of an event of this delivery.
    pub(crate) fn id(&self, kind: &str, parts: &[Option<&str>]) -> String {
        let recorded_at = instant(self.recorded_at);
        let own = [&self.connection, &self.period, &self.revision, &recorded_at];
        let all: Vec<Option<&str>> =
            own.into_iter().map(|text| Some(text.as_str())).chain(parts.iter().copied()).collect();
        id(kind, &all)
    }

    fn extensions(&self) -> BTreeMap<&'static str, Extension> {
        let text = |text: &str| Extension::Text(text.to_owned());
        BTreeMap::from([
            (event::CONNECTION, text(&self.connection)),
            (event::BILLING_PERIOD, text(&self.period)),
            (event::PERIOD_STATE, text(&self.state)),
            (event::REVISION, text(&self.revision)),
        ])
    }

    /// What the data of every event of a delivery says.
    fn data(&self) -> BTreeMap<&'static str, Value> {
        BTreeMap::from([
            ("connection", json!(self.connection)),
            ("billingPeriod", json!(self.period)),
            ("billingAccountId", json!(self.payer)),
            ("revision", json!(self.revision)),
            ("previousRevision", json!(self.previous)),
            ("recordedAt", json!(instant(self.recorded_at))),
        ])
    }

    /// An event about the delivery itself.
    fn event(
        &self,
        kind: &'static str,
        parts: &[Option<&str>],
        subject: String,
        data: BTreeMap<&'static str, Value>,
    ) -> Event {
        Event {
            id: self.id(kind, parts),
            source: source(&self.connection, self.payer.as_deref()),
            kind,
            subject: Some(subject),
            time: instant(self.recorded_at),
            extensions: self.extensions(),
            data: data.into_iter().collect(),
        }
        .with_partition_key()
    }
}

impl ChargeTime {
    /// The day that it is, or is in.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        match self {
            Self::Day(date) => date,
            Self::Hour(start) => start.date_naive(),
        }
    }

    /// `2026-01-31`, or `2026-01-31T05`.
    fn short(self) -> String {
        match self {
            Self::Day(date) => date.to_string(),
            Self::Hour(start) => start.format("%Y-%m-%dT%H").to_string(),
        }
    }

    /// Its beginning, RFC 3339.
    pub(crate) fn start(self) -> String {
        match self {
            Self::Day(date) => midnight(date),
            Self::Hour(start) => seconds(start),
        }
    }

    /// Its end, exclusive.
    fn end(self) -> String {
        match self {
            Self::Day(date) => midnight(after(date)),
            Self::Hour(start) => {
                seconds(start.checked_add_signed(TimeDelta::hours(1)).unwrap_or(start))
            }
        }
    }

    fn granularity(self) -> &'static str {
        match self {
            Self::Day(_) => "daily",
            Self::Hour(_) => "hourly",
        }
    }
}

impl Amounts {
    fn json(&self, is_first: bool) -> Value {
        let old = (!is_first).then(|| self.old.as_deref().unwrap_or("0"));
        json!({ "old": old, "new": self.new, "difference": self.difference })
    }
}

impl Event {
    fn with_partition_key(mut self) -> Self {
        let key = Extension::Text(self.key().to_owned());
        self.extensions.insert(event::PARTITION_KEY, key);
        self
    }
}

fn source(connection: &str, payer: Option<&str>) -> String {
    let own = format!("/billhook/connections/{}", path(&[Some(connection)]));
    match payer {
        Some(payer) => format!("{own}/accounts/{}", path(&[Some(payer)])),
        None => own,
    }
}

/// The parts, each encoded, with slashes between; null is empty.
fn path(parts: &[Option<&str>]) -> String {
    let encoded =
        parts.iter().map(|part| utf8_percent_encode(part.unwrap_or(""), PART).to_string());
    encoded.collect::<Vec<_>>().join("/")
}

fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn midnight(date: NaiveDate) -> String {
    format!("{date}T00:00:00Z")
}

fn after(date: NaiveDate) -> NaiveDate {
    date.checked_add_days(Days::new(1)).unwrap_or(date)
}

#[cfg(test)]
mod tests;
