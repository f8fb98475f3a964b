//! Both sides beside each other, and how far they are the same.

use std::collections::BTreeMap;

use billhook_money::Sum;
use billhook_sources::aws_names;
use serde::Serialize;

use super::lake::Rows;
use super::metric::{Amounts, Metric};
use crate::EngineError;
use crate::cost_explorer::monthly::{LAST_DIGIT, MonthCosts};

/// Half of the last digit that Cost Explorer gives: how far a rounded number may be off.
const HALF_DIGIT: i128 = LAST_DIGIT / 2;

/// How the two sides compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// The same, to the last digit that Cost Explorer gives.
    Equal,
    /// The same but for the last digits of the lines.
    Rounding,
    /// Not the same.
    Gap,
}

/// Account, and service or class of record types.
pub(super) type Key = (String, String);

/// Both sides by account and something else, in one currency.
pub(super) type Sheet = BTreeMap<Key, Sides>;

/// The two sides.
#[derive(Debug, Clone, Default)]
pub(super) struct Sides {
    pub(super) lake: Amounts,
    /// The part of `lake` that FOCUS leaves out.
    pub(super) excluded: Amounts,
    /// Lines of the lake.
    pub(super) lines: i128,
    pub(super) explorer: Amounts,
    /// Numbers of Cost Explorer that are added up.
    pub(super) groups: i128,
}

/// By what amounts are put beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// `ServiceName`.
    Service,
    /// [`class`] of the record type.
    RecordType,
}

impl Sides {
    /// What the lake has more.
    pub(super) const fn difference(&self, metric: Metric) -> i128 {
        self.lake.of(metric) - self.explorer.of(metric)
    }

    /// What rounding explains: each number of Cost Explorer and each line is rounded by itself.
    pub(super) const fn allowed(&self) -> i128 {
        (self.groups + self.lines) * HALF_DIGIT
    }

    pub(super) const fn compare(&self, metric: Metric) -> Match {
        let difference = self.difference(metric).abs();
        if difference <= self.groups * HALF_DIGIT {
            Match::Equal
        } else if difference <= self.allowed() {
            Match::Rounding
        } else {
            Match::Gap
        }
    }
}

/// Puts both sides beside each other, by currency (INV-CUR).
///
/// # Errors
/// When amounts are so large that their sums might not fit.
pub(super) fn sheets(
    rows: &[Rows],
    costs: &MonthCosts,
    by: By,
) -> Result<BTreeMap<String, Sheet>, EngineError> {
    let theirs = |costs: &[i128; 5]| {
        let [unblended, _, amortized, net_unblended, net_amortized] = *costs;
        Amounts([unblended, amortized, net_unblended, net_amortized])
    };
    let explorer = costs.groups.iter().map(|group| theirs(&group.costs));
    bounded(rows.iter().map(|row| row.amounts).chain(explorer))?;
    let mut sheets: BTreeMap<String, Sheet> = BTreeMap::new();
    for row in rows {
        let key = match by {
            By::Service => row.service.clone(),
            By::RecordType => class(&row.record_type).to_owned(),
        };
        let sheet = sheets.entry(row.currency.clone()).or_default();
        let sides = sheet.entry((row.account.clone(), key)).or_default();
        sides.lake.add(&row.amounts);
        sides.lines += row.lines;
        if row.is_excluded {
            sides.excluded.add(&row.amounts);
        }
    }
    for group in &costs.groups {
        let key = match by {
            By::Service => service(&group.key),
            By::RecordType => class(&group.key).to_owned(),
        };
        let sheet = sheets.entry(group.currency.clone()).or_default();
        let sides = sheet.entry((group.account.clone(), key)).or_default();
        sides.explorer.add(&theirs(&group.costs));
        sides.groups += 1;
    }
    Ok(sheets)
}

/// Makes sure that no sum or difference of these amounts can overflow, by the sum of what they are
/// without their signs. Only a bound: it adds currencies.
fn bounded(amounts: impl Iterator<Item = Amounts>) -> Result<(), EngineError> {
    let mut sums = [Sum::default(); 4];
    for each in amounts {
        for (sum, amount) in sums.iter_mut().zip(each.0) {
            sum.add(amount.abs());
        }
    }
    for sum in sums {
        sum.total().map_err(|overflow| EngineError::Lake(overflow.into()))?;
    }
    Ok(())
}

/// What the lake calls a service of Cost Explorer: by the functions that `to_focus.sql` of
/// Cost Explorer's answers calls.
fn service(name: &str) -> String {
    let bill_name = aws_names::service_of_cost_explorer(name);
    aws_names::service("", bill_name, "", "").name.into_owned()
}

/// Credits, as a class of record types; such classes may differ for reasons of their own.
pub(super) const CREDITS: &str = "credits";
/// Money back.
pub(super) const REFUNDS: &str = "refunds";
/// Taxes.
pub(super) const TAXES: &str = "taxes";
/// Rows of discounts.
pub(super) const DISCOUNTS: &str = "discounts";
const OTHER: &str = "usage and fees";

/// The class of a record type, in the words of reports or of Cost Explorer.
fn class(record_type: &str) -> &'static str {
    match record_type {
        "Credit" => CREDITS,
        "Refund" => REFUNDS,
        "Tax" => TAXES,
        // `EdpDiscount`, `Enterprise Discount Program Discount`; not `DiscountedUsage`.
        other if other.ends_with("Discount") => DISCOUNTS,
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost_explorer::monthly::MonthCost;

    fn rows(service: &str, currency: &str, amount: i128, lines: i128) -> Rows {
        Rows {
            account: "111122223333".to_owned(),
            service: service.to_owned(),
            currency: currency.to_owned(),
            record_type: "Usage".to_owned(),
            is_excluded: false,
            lines,
            amounts: Amounts([amount; 4]),
        }
    }

    fn group(key: &str, costs: [i128; 5]) -> MonthCost {
        MonthCost {
            key: key.to_owned(),
            account: "111122223333".to_owned(),
            currency: "USD".to_owned(),
            costs,
        }
    }

    fn costs(groups: Vec<MonthCost>) -> MonthCosts {
        MonthCosts { groups, is_estimated: false }
    }

    #[test]
    fn both_sides_have_the_same_names_and_inv_cur_currencies_stand_apart() {
        let ec2 = "Amazon Elastic Compute Cloud";
        let ours = [rows(ec2, "USD", 5, 2), rows(ec2, "CNY", 7, 1)];
        let theirs = costs(vec![
            group("EC2 - Other", [1, 90, 2, 3, 4]),
            group("Amazon Elastic Compute Cloud - Compute", [10, 90, 20, 30, 40]),
        ]);
        let sheets = sheets(&ours, &theirs, By::Service).unwrap();
        assert_eq!(sheets.keys().collect::<Vec<_>>(), ["CNY", "USD"]);
        let sides = &sheets["USD"][&("111122223333".to_owned(), ec2.to_owned())];
        assert_eq!((sides.lines, sides.groups), (2, 2));
        assert_eq!(sides.explorer, Amounts([11, 22, 33, 44]));
        assert_eq!(sides.difference(Metric::Amortized), 5 - 22);
    }

    #[test]
    fn digits_that_nobody_gives_are_rounding() {
        let compare = |amount: i128, lines: i128, theirs: Vec<i128>| {
            let groups = theirs.into_iter().map(|one| group("AWS Lambda", [one; 5]));
            let theirs = costs(groups.collect());
            let sheets = sheets(&[rows("AWS Lambda", "USD", amount, lines)], &theirs, By::Service);
            sheets.unwrap()["USD"].values().next().unwrap().compare(Metric::Unblended)
        };
        let digit = LAST_DIGIT;
        assert_eq!(compare(digit * 7, 1, vec![digit * 7]), Match::Equal);
        assert_eq!(compare(digit * 7 + HALF_DIGIT, 1, vec![digit * 7]), Match::Equal);
        assert_eq!(compare(digit * 7 + HALF_DIGIT + 1, 1, vec![digit * 7]), Match::Rounding);
        assert_eq!(compare(digit * 8 + 1, 1, vec![digit * 7]), Match::Gap);
        assert_eq!(compare(digit * 8, 1, vec![digit * 3, digit * 4]), Match::Equal);
        assert_eq!(compare(digit * 17, 19, vec![digit * 7]), Match::Rounding);
        assert_eq!(compare(0, 1, vec![]), Match::Equal);
        let huge = billhook_money::MAX;
        assert!(
            sheets(&[rows("x", "USD", huge, 1)], &costs(vec![group("x", [-1; 5])]), By::Service)
                .is_err()
        );
    }

    #[test]
    fn record_types_have_classes_in_both_vocabularies() {
        for (name, expected) in [
            ("Credit", CREDITS),
            ("Refund", REFUNDS),
            ("Tax", TAXES),
            ("EdpDiscount", DISCOUNTS),
            ("Enterprise Discount Program Discount", DISCOUNTS),
            ("RI Volume Discount", DISCOUNTS),
            ("DiscountedUsage", OTHER),
            ("Usage", OTHER),
            ("", OTHER),
        ] {
            assert_eq!(class(name), expected, "{name}");
        }
    }
}
