//! A whole month as Cost Explorer adds it up now. Nothing is taken from answers that are kept: what
//! AWS has restated since is just what a comparison is to find.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use billhook_aws::cost_explorer::{CostExplorer, Granularity, Group, METRICS, Page, Question};
use chrono::NaiveDate;

use super::answers::Answers;
use super::ask::{Asker, Manner};
use super::budget::Budget;
use super::month;
use crate::{EngineError, Home};

pub(crate) use super::month::LAST_DIGIT;

/// Costs are all [`METRICS`] but the last one.
const COSTS: usize = METRICS.len() - 1;

/// Somebody who asks for a month.
pub(crate) struct Monthly<'a> {
    asker: Asker<'a>,
    start: NaiveDate,
    end: NaiveDate,
}

/// What a month costs, by two dimensions.
#[derive(Debug, Default)]
pub(crate) struct MonthCosts {
    /// Those that are not nothing.
    pub(crate) groups: Vec<MonthCost>,
    /// May AWS still change them?
    pub(crate) is_estimated: bool,
}

/// What a group costs.
#[derive(Debug)]
pub(crate) struct MonthCost {
    /// The value of the dimension that was asked for.
    pub(crate) key: String,
    /// Linked account.
    pub(crate) account: String,
    /// Currency.
    pub(crate) currency: String,
    /// The costs of [`METRICS`] in their order, in units of 10⁻¹⁸.
    pub(crate) costs: [i128; COSTS],
}

impl<'a> Monthly<'a> {
    /// Asks `client` for the month that begins on `start`, as far as it has come. No more than
    /// `limit` requests are made in a day; the home's writer lock must be held.
    ///
    /// # Errors
    /// When the count of requests cannot be kept.
    pub(crate) fn new(
        home: &Home,
        client: &'a CostExplorer,
        start: NaiveDate,
        limit: u64,
        today: fn() -> NaiveDate,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, EngineError> {
        let budget = Budget::open(&home.dir, limit, today)?;
        let asker = Asker::new(client, budget, Answers::new(&home.dir, ""), stop, false);
        let day = today();
        let tomorrow = day.succ_opt().unwrap_or(day);
        Ok(Self { asker, start, end: super::month_after(start).min(tomorrow) })
    }

    /// The month by a dimension and linked account.
    ///
    /// # Errors
    /// When a page cannot be had or understood.
    pub(crate) async fn costs(
        &mut self,
        dimension: &'static str,
    ) -> Result<MonthCosts, EngineError> {
        let question = Question {
            start: self.start.to_string(),
            end: self.end.to_string(),
            granularity: Granularity::Monthly,
            group_by: vec![dimension, "LINKED_ACCOUNT"],
            record_type: None,
        };
        let mut costs = MonthCosts::default();
        for page in self.asker.pages(&question, Manner::Live).await? {
            costs.add(page)?;
        }
        Ok(costs)
    }

    /// Requests made.
    pub(crate) fn requests(&self) -> u64 {
        self.asker.requests
    }

    /// Requests made today by all who ask for this home.
    pub(crate) fn requests_today(&self) -> Result<u64, EngineError> {
        self.asker.requests_today()
    }
}

impl MonthCosts {
    fn add(&mut self, page: Page) -> Result<(), EngineError> {
        for bucket in page.buckets {
            self.is_estimated |= bucket.estimated;
            for group in bucket.groups {
                let cost = MonthCost::of(group, &bucket.start)?;
                if cost.costs.iter().any(|amount| *amount != 0) {
                    self.groups.push(cost);
                }
            }
        }
        Ok(())
    }
}

impl MonthCost {
    fn of(group: Group, start: &str) -> Result<Self, EngineError> {
        let currency = match month::currency(&group.amounts, start)? {
            // As the mapping of answers has it.
            none if none.is_empty() => "USD".to_owned(),
            one => one,
        };
        let mut costs = [0; COSTS];
        for (cost, amount) in costs.iter_mut().zip(&group.amounts) {
            *cost = month::units(&amount.number)?;
        }
        let mut keys = group.keys.into_iter();
        let mut key = || keys.next().unwrap_or_default();
        Ok(Self { key: key(), account: key(), currency, costs })
    }
}

#[cfg(test)]
mod tests {
    use billhook_aws::cost_explorer::{Amount, Bucket};

    use super::*;

    #[test]
    fn groups_are_read_exactly_and_nothings_left_out() {
        let group = |service: &str, number: &str| Group {
            keys: vec![service.to_owned(), "111122223333".to_owned()],
            amounts: vec![Amount { number: number.to_owned(), unit: "USD".to_owned() }; COSTS],
        };
        let bucket = Bucket {
            start: "2026-06-01".to_owned(),
            end: "2026-07-01".to_owned(),
            estimated: true,
            groups: vec![group("Tax", "0.0000000001"), group("AWS Lambda", "0")],
        };
        let mut costs = MonthCosts::default();
        costs.add(Page { buckets: vec![bucket], ..Page::default() }).unwrap();
        assert!(costs.is_estimated);
        assert_eq!(costs.groups.len(), 1);
        let tax = &costs.groups[0];
        assert_eq!((tax.key.as_str(), tax.account.as_str()), ("Tax", "111122223333"));
        assert_eq!((tax.currency.as_str(), tax.costs), ("USD", [LAST_DIGIT; COSTS]));
    }
}
