//! Colour follows the value: the ten largest values of a grouping over the last three closed months
//! own the ten colours, whatever a view shows. It is derived and never stored.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use billhook_engine::EngineError;
use billhook_engine::period;
use billhook_engine::report::{ReportRequest, report_in};
use billhook_lake::session::LakeSession;
use chrono::NaiveDate;

use crate::fail::Fail;
use crate::view::{MOST, View};

/// Which values own which colour.
pub(super) type Owned = BTreeMap<Vec<Option<String>>, u8>;

/// Groupings that are remembered.
const KEPT: usize = 64;

/// Columns with about as many values as there are lines: no value comes back often enough to be
/// known by its colour.
const PASSING: [&str; 4] = ["ResourceId", "ResourceName", "x_LineItemId", "x_SourceRow"];

/// What is known of one state of the lake.
#[derive(Default)]
pub(crate) struct Slots(Mutex<Known>);

#[derive(Default)]
struct Known {
    of: Weak<LakeSession>,
    owned: Vec<(Key, Arc<Owned>)>,
}

/// Grouping, currency and day.
type Key = (Vec<String>, String, NaiveDate);

impl Slots {
    /// The owners of the colours for the grouping of a view, which are remembered for `session`
    /// and looked up by `reader`.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(super) async fn of(
        &self,
        session: &Arc<LakeSession>,
        reader: &LakeSession,
        view: &View,
        currency: &str,
        today: NaiveDate,
    ) -> Result<Arc<Owned>, Fail> {
        if view.by.is_empty() || view.by.iter().any(|by| PASSING.contains(&by.as_str())) {
            return Ok(Arc::default());
        }
        let key = (view.by.clone(), currency.to_owned(), today);
        if let Some(owned) = self.known(session, &key) {
            return Ok(owned);
        }
        let request = ReportRequest {
            by: view.by.clone(),
            range: Some(period::parse("last-3m", today)?),
            currency: Some(currency.to_owned()),
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
        if known.of.as_ptr() != Arc::as_ptr(session) {
            *known = Known { of: Arc::downgrade(session), owned: Vec::new() };
        }
        if known.owned.len() >= KEPT {
            known.owned.remove(0);
        }
        known.owned.push((key, Arc::clone(&owned)));
        Ok(owned)
    }

    fn known(&self, session: &Arc<LakeSession>, key: &Key) -> Option<Arc<Owned>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.of.as_ptr() != Arc::as_ptr(session) {
            return None;
        }
        let found = known.owned.iter().find(|(have, _)| have == key);
        found.map(|(_, owned)| Arc::clone(owned))
    }
}
