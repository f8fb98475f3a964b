//! Colour follows the value: the ten largest values of a grouping over the last three closed months
//! own the ten colours, whatever a view shows. It is derived and never stored, and remembered while
//! those months stay as they are: most deliveries change the month that is open.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use billhook_engine::EngineError;
use billhook_engine::history::slices_in;
use billhook_engine::period::{self, DayRange};
use billhook_engine::report::{ReportRequest, report_in};
use billhook_lake::session::LakeSession;
use chrono::NaiveDate;

use crate::api::costs::months;
use crate::fail::Fail;
use crate::view::{MOST, View};

/// Which values own which colour.
pub(super) type Owned = BTreeMap<Vec<Option<String>>, u8>;

/// Groupings that are remembered.
const KEPT: usize = 64;

/// Columns with about as many values as there are lines: no value comes back often enough to be
/// known by its colour.
const PASSING: [&str; 4] = ["ResourceId", "ResourceName", "x_LineItemId", "x_SourceRow"];

/// What is remembered.
#[derive(Default)]
pub(crate) struct Slots(Mutex<VecDeque<(Key, Arc<Owned>)>>);

/// What owners are the owners of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    by: Vec<String>,
    currency: String,
    range: DayRange,
    /// What the figures and names of these months come from.
    stands_on: String,
}

impl Slots {
    /// The owners of the colours for the grouping of a view.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(super) async fn of(
        &self,
        reader: &LakeSession,
        view: &View,
        currency: &str,
        today: NaiveDate,
    ) -> Result<Arc<Owned>, Fail> {
        if view.by.is_empty() || view.by.iter().any(|by| PASSING.contains(&by.as_str())) {
            return Ok(Arc::default());
        }
        let range = period::parse("last-3m", today)?;
        let (by, currency) = (view.by.clone(), currency.to_owned());
        let key = Key { by, currency, range, stands_on: stands_on(reader, range).await? };
        if let Some(owned) = self.known(&key) {
            return Ok(owned);
        }
        let request = ReportRequest {
            by: view.by.clone(),
            range: Some(range),
            currency: Some(key.currency.clone()),
            top: Some(MOST),
            is_none_apart: true,
            ..ReportRequest::new(today)
        };
        let owned: Owned = match Box::pin(report_in(reader, &request)).await {
            Ok(report) => {
                let rows = report.sections.into_iter().flat_map(|section| section.rows);
                let named = rows.filter(|row| row.keys.iter().any(Option::is_some));
                named.map(|row| row.keys).zip(0..).collect()
            }
            Err(EngineError::Nothing(_)) => Owned::new(),
            Err(error) => return Err(error.into()),
        };
        let owned = Arc::new(owned);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.pop_front();
        }
        known.push_back((key, Arc::clone(&owned)));
        Ok(owned)
    }

    fn known(&self, key: &Key) -> Option<Arc<Owned>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().find(|(have, _)| have == key);
        found.map(|(_, owned)| Arc::clone(owned))
    }
}

/// The bills of some months, with the revision that stands and whether it counts, and where names
/// come from.
async fn stands_on(reader: &LakeSession, range: DayRange) -> Result<String, Fail> {
    let (first, last) = months(range);
    let mut bills = reader.directory_files().join(" ");
    for slice in slices_in(reader).await? {
        if slice.period < first || slice.period > last {
            continue;
        }
        let revision = slice.steps.last().map_or("", |step| step.revision.as_str());
        let (connection, period, counts) = (&slice.connection, &slice.period, slice.counts);
        // Writing to text does not fail.
        write!(bills, "\n{connection} {period} {counts} {revision}").ok();
    }
    Ok(bills)
}
