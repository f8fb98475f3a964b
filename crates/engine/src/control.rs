//! Checks a bill against its own totals and against other files that tell the same bill.
//!
//! A difference is a finding and no reason to refuse the delivery: it is told with both figures,
//! and kept with all other comparisons in `ControlTotals` of `deliveries`.

use std::collections::{BTreeMap, BTreeSet};

use billhook_lake::slice::DeliveryRecord;
use billhook_money::{Overflow, Sum};
use billhook_sources::dbr::totals::{Added, Key, Scope, Totals};
use billhook_sources::delivery::{Delivery, SourceFile};
use billhook_sources::table::{Mapping, TableReader};
use object_store::ObjectStore;
use serde_json::{Value, json};

use crate::EngineError;
use crate::error::causes;
use crate::ingest::{Options, fetch};

/// Differences told one by one; of further ones only the number is told.
const TOLD: usize = 5;

/// What is known of a delivery from the files beside it.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// Currency of lines that name none; `None` for the usual one.
    pub(crate) currency: Option<String>,
    /// Told by a file beside, not assumed.
    is_told: bool,
    checks: Vec<Check>,
    notes: Vec<String>,
    /// Bytes of text in the files beside.
    text_bytes: u64,
}

/// A file that checks the delivery.
#[derive(Debug)]
struct Check {
    file: String,
    totals: Totals,
}

impl Beside {
    /// Reads the files that check a delivery. One that cannot be read is told of and checks
    /// nothing.
    ///
    /// # Errors
    /// When a file is not there any more, or was rewritten since it was listed.
    pub(crate) async fn read(
        store: &dyn ObjectStore,
        delivery: &Delivery,
        options: &Options,
    ) -> Result<Self, EngineError> {
        let mut beside = Self { currency: delivery.currency.clone(), ..Self::default() };
        for file in &delivery.checks {
            match totals_of(store, file, delivery.mappings, options).await {
                Ok((totals, text_bytes)) => {
                    beside.text_bytes += text_bytes;
                    beside.checks.push(Check { file: file.name.clone(), totals });
                }
                Err(error @ (EngineError::Store { .. } | EngineError::Disk { .. })) => {
                    return Err(error);
                }
                Err(error) => {
                    let why = causes(&error);
                    beside
                        .notes
                        .push(format!("the bill cannot be checked by a file beside it: {why}"));
                }
            }
        }
        if let Some(only) = beside.told_currency() {
            beside.currency = Some(only);
            beside.is_told = true;
        }
        Ok(beside)
    }

    /// The currency of the files beside, when it is one.
    fn told_currency(&self) -> Option<String> {
        let named: BTreeSet<&str> =
            self.checks.iter().flat_map(|check| check.totals.currencies()).collect();
        match named.first() {
            Some(only) if named.len() == 1 => Some((*only).to_owned()),
            _ => None,
        }
    }

    /// Compares everything with the lines that were loaded, and notes what differs.
    pub(crate) fn check(
        &self,
        delivery: &Delivery,
        mapping: &Mapping,
        totals: &Totals,
        record: &mut DeliveryRecord,
    ) {
        if !mapping.is_statement {
            return;
        }
        let usual = self.currency.as_deref().unwrap_or(mapping.format.default_currency);
        record.notes.extend(self.notes.iter().cloned());
        record.files += self.checks.len() as u64;
        record.text_bytes += self.text_bytes;
        let lines = totals.added_up();
        if lines.keys().any(|key| key.currency.is_empty()) && !self.is_told {
            record.notes.push(format!(
                "the report names no currency, and no report beside it does: {usual} is assumed"
            ));
        }
        let lines = in_currency(&lines, usual);
        let names: Vec<&str> = delivery.files.iter().map(|file| file.name.as_str()).collect();
        let own = names.join(" and ");
        let mut compared = compare(&own, &in_currency(&totals.stated, usual), &lines);
        record.notes.extend(totals.unreadable.iter().cloned());
        for check in &self.checks {
            record.notes.extend(check.totals.unreadable.iter().cloned());
            compared.extend(check.compare(usual, &lines));
        }
        let statements = compared.iter().filter(|one| one.key.scope == Scope::Statement);
        if statements.count() == 0 {
            record.notes.push(format!(
                "{own}: nothing proves that the lines are complete, there is no StatementTotal"
            ));
        }
        let wrong: Vec<&Compared> = compared.iter().filter(|one| !one.agrees()).collect();
        record.notes.extend(wrong.iter().take(TOLD).map(|one| one.tell(&own)));
        if let Some(more) = wrong.len().checked_sub(TOLD).filter(|more| *more > 0) {
            record.notes.push(format!(
                "{more} more totals differ: see ControlTotals in the table deliveries"
            ));
        }
        record.control_totals = compared.iter().map(Compared::json).collect();
    }
}

impl Check {
    /// Its totals, and what its own lines add up to, against the lines that were loaded.
    fn compare(&self, usual: &str, lines: &BTreeMap<Key, Added>) -> Vec<Compared> {
        let mut compared = compare(&self.file, &in_currency(&self.totals.stated, usual), lines);
        let own = in_currency(&self.totals.added_up(), usual);
        let own = own.into_iter().filter(|(key, _)| key.scope == Scope::Statement).collect();
        let own = compare(&self.file, &own, lines);
        compared.extend(own.into_iter().map(|one| Compared { is_of_lines: true, ..one }));
        compared
    }
}

/// The same sums, with a currency wherever none is named.
fn in_currency(sums: &BTreeMap<Key, Added>, usual: &str) -> BTreeMap<Key, Added> {
    let mut named: BTreeMap<Key, Added> = BTreeMap::new();
    for (key, added) in sums {
        let mut key = key.clone();
        if key.currency.is_empty() {
            usual.clone_into(&mut key.currency);
        }
        let sum = named.entry(key).or_default();
        sum.rows += added.rows;
        sum.sum += added.sum;
    }
    named
}

/// A total, and what the lines add up to that it is about.
#[derive(Debug)]
struct Compared {
    file: String,
    key: Key,
    /// Is the total the sum of the file's lines, and no row of it?
    is_of_lines: bool,
    rows: u64,
    stated: Result<i128, Overflow>,
    found: Result<i128, Overflow>,
}

fn compare(
    file: &str,
    stated: &BTreeMap<Key, Added>,
    lines: &BTreeMap<Key, Added>,
) -> Vec<Compared> {
    let one = |(key, added): (&Key, &Added)| Compared {
        file: file.to_owned(),
        key: key.clone(),
        is_of_lines: false,
        rows: added.rows,
        stated: added.sum.total(),
        found: lines.get(key).map_or_else(Sum::default, |added| added.sum).total(),
    };
    stated.iter().map(one).collect()
}

fn text(amount: Result<i128, Overflow>) -> String {
    amount.map_or_else(|overflow| overflow.to_string(), billhook_money::format)
}

impl Compared {
    fn agrees(&self) -> bool {
        matches!((self.stated, self.found), (Ok(stated), Ok(found)) if stated == found)
    }

    fn difference(&self) -> Result<i128, Overflow> {
        let mut sum = Sum::default();
        sum.add(self.stated?);
        sum.add(-self.found?);
        sum.total()
    }

    fn what(&self) -> &'static str {
        if self.is_of_lines { "Lines" } else { self.key.scope.record_type() }
    }

    /// The finding in words, with both figures.
    fn tell(&self, loaded: &str) -> String {
        let Key { id, currency, .. } = &self.key;
        let space = if id.is_empty() { "" } else { " " };
        let what = if self.is_of_lines { "the sum of its lines" } else { self.what() };
        let whose = if self.file == loaded {
            "its lines".to_owned()
        } else {
            format!("the lines of {loaded}")
        };
        format!(
            "{}: {what}{space}{id} is {} {currency}, but {whose} add up to {} {currency}: the \
             difference is {}",
            self.file,
            text(self.stated),
            text(self.found),
            text(self.difference()),
        )
    }

    fn json(&self) -> Value {
        json!({
            "File": self.file,
            "Total": self.what(),
            "Of": self.key.id,
            "Currency": self.key.currency,
            "Rows": self.rows,
            "Stated": text(self.stated),
            "Lines": text(self.found),
            "Difference": text(self.difference()),
        })
    }
}

/// What a file's lines and totals add up to.
async fn totals_of(
    store: &dyn ObjectStore,
    file: &SourceFile,
    mappings: &[&'static Mapping],
    options: &Options,
) -> Result<(Totals, u64), EngineError> {
    // They differ only in how lines are mapped, which nobody asks for here.
    let Some(mapping) = mappings.first() else { return Ok((Totals::default(), 0)) };
    let input = fetch(store, file, &options.spool).await?;
    let mut reader = TableReader::new(mapping, options.limits, None).totals_only();
    let name = file.name.clone();
    let work = move || {
        reader.read(input, &name, &|_| (), &mut |_| Ok(()))?;
        let summary = reader.finish();
        Ok((summary.totals, summary.text_bytes))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(totals) => totals,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
