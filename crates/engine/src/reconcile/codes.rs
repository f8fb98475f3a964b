//! Every code that a difference can be explained with. `docs/reconcile.md` tells them.

use crate::verify::{Code, Severity};

const fn code(
    code: &'static str,
    severity: Severity,
    title: &'static str,
    expected: &'static str,
    about: &'static str,
) -> Code {
    Code { code, severity, title, expected, about }
}

/// All codes, in the order in which they are tried.
pub const CODES: &[Code] = &[
    code(
        "rounding",
        Severity::Waiting,
        "Rounded digits",
        "sums that differ by no more than their last digits",
        "Cost Explorer gives sums of exact amounts, rounded to ten decimals; each line of a report \
         is rounded for itself.",
    ),
    code(
        "account-not-in-lake",
        Severity::Error,
        "An account is missing in the lake",
        "every account that Cost Explorer knows",
        "The report does not cover the account, or a file of it was not delivered.",
    ),
    code(
        "account-not-in-cost-explorer",
        Severity::Warning,
        "Cost Explorer does not tell of an account",
        "every account of the report",
        "The credentials see a part of the bill only, such as those of a member account do, or \
         they are of another organization.",
    ),
    code(
        "other-metric",
        Severity::Warning,
        "The source has another metric",
        "the same metric on both sides",
        "FOCUS has no costs before discounts, for example: what such a file bills are net costs.",
    ),
    code(
        "left-out-rows",
        Severity::Warning,
        "Rows that FOCUS leaves out make the difference",
        "rows that Cost Explorer counts in this metric, too",
        "Negations and separate discount rows stand in cost_and_usage with the reason in \
         x_FocusExclusion, and are not in costs.",
    ),
    code(
        "other-service-name",
        Severity::Warning,
        "Costs are filed under another service",
        "the same service on both sides",
        "Cost Explorer files some charges, such as data transfer, otherwise than the report does. \
         The account's total is the same.",
    ),
    code(
        "credits-differ",
        Severity::Warning,
        "Credits differ",
        "the same credits on both sides",
        "AWS applies credits late in the month and corrects them later; reports and Cost Explorer \
         hear of it at different times.",
    ),
    code(
        "refunds-differ",
        Severity::Warning,
        "Refunds differ",
        "the same refunds on both sides",
        "A refund is booked into a month that was invoiced already, and comes with the next \
         delivery of that month.",
    ),
    code(
        "taxes-differ",
        Severity::Warning,
        "Taxes differ",
        "the same taxes on both sides",
        "Taxes are worked out anew until the invoice.",
    ),
    code(
        "discounts-differ",
        Severity::Warning,
        "Discounts differ",
        "the same discounts on both sides",
        "Discount rows are worked out anew until the invoice, and some reports do not have them.",
    ),
    code(
        "quarantined",
        Severity::Warning,
        "Records in quarantine make the difference",
        "records that can be read",
        "They were set aside by --quarantine and are in the table quarantine, not among the costs.",
    ),
    code(
        "month-not-final",
        Severity::Waiting,
        "AWS may still change the month",
        "a month that is over and invoiced",
        "Reports and Cost Explorer are brought up to date at different hours, so an open month is \
         never the same for long.",
    ),
    code(
        "delivery-old",
        Severity::Error,
        "The lake has an early delivery of the month",
        "the delivery that AWS made when it closed the month",
        "The delivery was not final when it was loaded, and for Cost Explorer the month is closed.",
    ),
    code(
        "unexplained",
        Severity::Error,
        "Nothing explains the difference",
        "the same amounts in the lake and in Cost Explorer",
        "Both sides say that the month is final, and they differ: AWS has restated it since the \
         delivery was loaded, or the report lacks lines.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_stand_once_and_are_told() {
        let page = include_str!("../../../../docs/reconcile.md");
        let all = CODES.iter().chain(crate::verify::CODES);
        let names: BTreeSet<&str> = all.map(|code| code.code).collect();
        assert_eq!(names.len(), CODES.len() + crate::verify::CODES.len());
        for code in CODES {
            assert!(page.contains(&format!("| `{}` |", code.code)), "{}", code.code);
            assert!(code.about.ends_with('.') && !code.expected.is_empty(), "{}", code.code);
        }
    }
}
