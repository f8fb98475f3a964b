//! Every month of every connection, delivery by delivery.

use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use billhook_lake::session::LakeSession;
use billhook_money::ONE;

use crate::EngineError;
use crate::deliveries::{Sums, amounts};

/// A change of as many whole units of its currency is large, whatever the month costs.
const LARGE: u128 = 100 * ONE.unsigned_abs();

const DELIVERIES: &str = "SELECT x_Connection, x_BillingPeriod, x_Revision, x_RecordedAt, State, \
     BilledCosts FROM deliveries ORDER BY x_BillingPeriod DESC, x_Connection, x_RecordedAt";

/// A month of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Connection.
    pub connection: String,
    /// Billing period, YYYY-MM.
    pub period: String,
    /// Does it count in `costs`? Not where another connection covers the same bill.
    pub counts: bool,
    /// Its deliveries, the oldest first.
    pub steps: Vec<Step>,
}

/// A delivery of a month, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Revision.
    pub revision: String,
    /// When it was loaded, microseconds since 1970 UTC.
    pub recorded_at: i64,
    /// State of the month then: `open`, `estimated`, `final` or `reopened`.
    pub state: String,
    /// Σ `BilledCost`.
    pub billed: Sums,
}

/// A delivery that changed what a month that was over had cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restated {
    /// Connection.
    pub connection: String,
    /// Billing period, YYYY-MM.
    pub period: String,
    /// Revision.
    pub revision: String,
    /// When it was loaded, microseconds since 1970 UTC.
    pub recorded_at: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Σ `BilledCost` before, units of 10⁻¹⁸.
    pub old: i128,
    /// Σ `BilledCost` after.
    pub new: i128,
}

impl Slice {
    /// The last delivery: what the lake holds.
    #[must_use]
    pub fn last(&self) -> Option<&Step> {
        self.steps.last()
    }

    /// Deliveries since a time that changed this month after its end. What only lets an open month
    /// grow, or is the first after its end, is none.
    #[must_use]
    pub fn restated_since(&self, since: i64) -> Vec<Restated> {
        let pairs = self.steps.iter().zip(self.steps.iter().skip(1));
        let late = pairs.filter(|(old, new)| old.state != "open" && new.recorded_at >= since);
        late.flat_map(|(old, new)| self.changed(old, new)).collect()
    }

    fn changed(&self, old: &Step, new: &Step) -> Vec<Restated> {
        let change = |(currency, old, new_units): (String, i128, i128)| Restated {
            connection: self.connection.clone(),
            period: self.period.clone(),
            revision: new.revision.clone(),
            recorded_at: new.recorded_at,
            currency,
            old,
            new: new_units,
        };
        let both = both(&old.billed, &new.billed);
        both.into_iter().filter(|(_, old, new)| old != new).map(change).collect()
    }
}

impl Restated {
    /// By how much, units of 10⁻¹⁸.
    #[must_use]
    pub fn change(&self) -> i128 {
        self.new.saturating_sub(self.old)
    }

    /// Is it worth telling: 100 whole units, or 1 % of the month?
    #[must_use]
    pub fn is_large(&self) -> bool {
        let change = self.change().unsigned_abs();
        change >= LARGE || change.saturating_mul(100) >= self.old.unsigned_abs()
    }
}

/// All currencies of two sums, with both amounts; what one of them lacks is 0.
#[must_use]
pub fn both(old: &Sums, new: &Sums) -> Vec<(String, i128, i128)> {
    let mut currencies: Vec<&String> = old.keys().chain(new.keys()).collect();
    currencies.sort();
    currencies.dedup();
    let of = |sums: &Sums, currency: &String| sums.get(currency).copied().unwrap_or_default();
    currencies.into_iter().map(|code| (code.clone(), of(old, code), of(new, code))).collect()
}

/// All months of all connections, the newest month first.
///
/// # Errors
/// When the lake cannot be read.
pub async fn slices_in(session: &LakeSession) -> Result<Vec<Slice>, EngineError> {
    let mut slices: Vec<Slice> = Vec::new();
    for batch in session.query(DELIVERIES).await? {
        let text = |column: usize, row: usize| {
            let array = batch.column(column).as_string::<i32>();
            if array.is_valid(row) { array.value(row).to_owned() } else { String::new() }
        };
        let times = batch.column(3).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let (connection, period) = (text(0, row), text(1, row));
            let step = Step {
                revision: text(2, row),
                recorded_at: if times.is_valid(row) { times.value(row) } else { 0 },
                state: text(4, row),
                billed: amounts(serde_json::from_str(&text(5, row)).unwrap_or_default()),
            };
            match slices.last_mut() {
                Some(last) if last.connection == connection && last.period == period => {
                    last.steps.push(step);
                }
                _ => {
                    let slice = (connection, period);
                    let counts = !session.left_out.contains(&slice);
                    let (connection, period) = slice;
                    slices.push(Slice { connection, period, counts, steps: vec![step] });
                }
            }
        }
    }
    Ok(slices)
}

#[cfg(test)]
mod tests {
    use super::{ONE, Slice, Step};
    use crate::deliveries::Sums;

    fn step(state: &str, recorded_at: i64, units: i128) -> Step {
        Step {
            revision: format!("r{recorded_at}"),
            recorded_at,
            state: state.to_owned(),
            billed: Sums::from([("USD".to_owned(), units * ONE)]),
        }
    }

    fn slice(steps: Vec<Step>) -> Slice {
        Slice { connection: "acme".to_owned(), period: "2026-10".to_owned(), counts: true, steps }
    }

    #[test]
    fn only_what_changes_a_month_after_its_end_is_a_restatement() {
        let slice = slice(vec![
            step("open", 1, 10),
            step("open", 2, 20),
            step("estimated", 3, 30),
            step("final", 4, 30),
            step("reopened", 5, 29),
        ]);
        let found = slice.restated_since(0);
        let changes: Vec<(i64, i128)> =
            found.iter().map(|one| (one.recorded_at, one.change() / ONE)).collect();
        assert_eq!(changes, [(5, -1)]);
        assert!(slice.restated_since(6).is_empty());
    }

    #[test]
    fn a_hundredth_of_a_month_is_large() {
        let large = |old: i128, new: i128| {
            slice(vec![step("final", 1, old), step("reopened", 2, new)])
                .restated_since(0)
                .first()
                .is_some_and(super::Restated::is_large)
        };
        assert!(large(1_000, 990) && large(0, 1) && large(1_000_000, 999_900));
        assert!(!large(1_000, 991) && !large(1_000_000, 999_901));
    }
}
