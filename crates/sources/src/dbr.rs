//! AWS Detailed Billing Reports (DBR): what AWS kept in a bucket before the Cost and Usage Report.
//!
//! Four files per payer and month, overwritten in place several times a day, with no manifest: the
//! monthly report, the cost allocation report, and two detailed ones in ZIP archives. They tell the
//! same bill in more or less detail, so one is loaded, the richest, and the others check it. What
//! is peculiar:
//! - Some rows sum up others. They are never lines; they are what the lines are checked against
//!   ([`totals`]).
//! - No column says whether a row is usage, tax, credit or fee. The texts have to
//!   (`to_focus.sql`), so this is approximate.
//! - Detailed files name neither their month nor their currency. The file's name tells the month,
//!   the monthly reports beside it the currency.
//!
//! Format: AWS Billing User Guide until 2019, "Understanding your usage with billing reports".
//! Start at [`columns`] and `to_focus.sql`; [`files`] finds them.

pub(crate) mod access;
pub mod columns;
pub mod files;
pub mod totals;

use datafusion::common::ScalarValue;

use crate::format::Binding;
use crate::table::Mapping;

/// The mapping, as SQL. One for all four reports: a column that a file does not have is NULL.
pub const TO_FOCUS: &str = include_str!("dbr/to_focus.sql");

/// How the detailed reports of an account that pays for others become the cost table.
pub static DETAILED: Mapping =
    mapping(|binding| binding.has("unblended_cost"), columns::CARRIED_DETAILED);

/// How the detailed reports of an account that pays for itself alone become the cost table.
pub static STAND_ALONE: Mapping = mapping(
    |binding| binding.has("cost") && !binding.has("unblended_cost"),
    columns::CARRIED_STAND_ALONE,
);

/// How the monthly and the cost allocation report become the cost table.
pub static MONTHLY: Mapping = mapping(
    |binding| binding.has("total_cost") && !binding.has("unblended_cost") && !binding.has("cost"),
    columns::CARRIED_MONTHLY,
);

/// What a file of this product may be; its header decides.
pub static MAPPINGS: &[&Mapping] = &[&DETAILED, &STAND_ALONE, &MONTHLY];

const fn mapping(
    is_one: fn(&Binding) -> bool,
    carried: &'static [(&'static str, &'static str)],
) -> Mapping {
    Mapping {
        kind: "dbr",
        format: &columns::FORMAT,
        is_one,
        period: "BillingPeriodStartDate",
        many_periods: false,
        known_types: columns::LINE_TYPES,
        cancels: false,
        is_statement: true,
        select: TO_FOCUS,
        parameters,
        carried,
        notes: |_| Vec::new(),
    }
}

fn parameters(binding: &Binding, part: &'static str) -> Vec<(&'static str, ScalarValue)> {
    let start = binding.period.as_deref().and_then(first_of_month);
    let end = start.and_then(|start| start.checked_add_months(chrono::Months::new(1)));
    let moment = |date: Option<chrono::NaiveDate>| {
        let moment = date.and_then(|date| date.and_hms_opt(0, 0, 0));
        let micros = moment.map(|moment| moment.and_utc().timestamp_micros());
        ScalarValue::TimestampMicrosecond(micros, Some("UTC".into()))
    };
    vec![
        ("part", ScalarValue::from(part)),
        ("is_monthly", ScalarValue::from(binding.has("total_cost"))),
        ("default_currency", ScalarValue::from(binding.default_currency())),
        ("period_start", moment(start)),
        ("period_end", moment(end)),
    ]
}

fn first_of_month(period: &str) -> Option<chrono::NaiveDate> {
    chrono::NaiveDate::parse_from_str(&format!("{period}-01"), "%Y-%m-%d").ok()
}

#[cfg(test)]
mod tests;
