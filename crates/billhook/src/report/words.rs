//! What a report says in words: amounts, shares, and what the figures leave out.

use billhook_charts::money2;
use billhook_engine::report::{Report, Scope};
use billhook_money::{divide, format_places};

use crate::history::thousands;

/// An amount with two decimals; one that is not nothing never looks like nothing.
pub(super) fn money(units: i128) -> String {
    match money2(units).as_str() {
        "0.00" if units > 0 => "<0.01".to_owned(),
        "0.00" if units < 0 => ">-0.01".to_owned(),
        text => text.to_owned(),
    }
}

/// An amount with its sign, for differences.
pub(super) fn signed(units: i128) -> String {
    let text = money(units);
    if text.starts_with(['-', '<', '>']) || units == 0 { text } else { format!("+{text}") }
}

/// `part` of `whole` in percent with one decimal; empty where that has no meaning.
pub(super) fn share(part: i128, whole: i128) -> String {
    if whole <= 0 || part == 0 {
        return String::new();
    }
    match percent(part, whole) {
        Some(text) if text == "0.0" && part > 0 => "<0.1%".to_owned(),
        Some(text) if text.trim_start_matches('-') == "0.0" => ">-0.1%".to_owned(),
        Some(text) => format!("{text}%"),
        None => String::new(),
    }
}

/// By how much an amount changed, in percent with one decimal.
pub(super) fn change(now: i128, before: i128) -> String {
    match (now, before) {
        (0, 0) => String::new(),
        (_, 0) => "new".to_owned(),
        (0, _) => "gone".to_owned(),
        // From a credit to a charge there is no percentage.
        (now, before) if (now < 0) != (before < 0) => String::new(),
        (now, before) => match percent(now - before, before) {
            Some(text) if text.len() > 7 => ">1000x".to_owned(),
            Some(text) if text.trim_start_matches('-') == "0.0" => "0.0%".to_owned(),
            Some(text) if text.starts_with('-') => format!("{text}%"),
            Some(text) => format!("+{text}%"),
            None => String::new(),
        },
    }
}

fn percent(part: i128, whole: i128) -> Option<String> {
    let ratio = divide(part, whole)?.checked_mul(100)?;
    Some(format_places(ratio, 1))
}

/// Says that the period is not the usual one.
pub(super) fn fallback(report: &Report) -> String {
    format!(
        "showing {}, the last month with data: there is none of the last 30 days (--period P)",
        report.range.label()
    )
}

/// What the figures leave out or count twice, in sentences.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let mut notes = report.hints.clone();
    if report.scope == Scope::All {
        notes.push(
            "every row of every connection: bills that two connections cover, and rows that FOCUS \
             leaves out, count as often as they stand there"
                .to_owned(),
        );
    }
    for left in &report.left_out {
        notes.push(format!(
            "left out: {} of {} {}, {} {}; another connection covers the same bill",
            rows(left.rows),
            left.connection,
            left.billing_period,
            money(left.amount),
            left.currency,
        ));
    }
    for excluded in &report.excluded {
        notes.push(format!(
            "left out of FOCUS: {} ({}), unblended {} {}; --scope all counts them",
            rows(excluded.rows),
            excluded.reason,
            money(excluded.unblended_cost),
            excluded.currency,
        ));
    }
    if report.sections.len() > 1 {
        notes.push("amounts of different currencies are never added up".to_owned());
    }
    notes
}

fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{} rows", thousands(count)) }
}

/// The mean of as many neighbours as it takes to have at most `most` values.
pub(super) fn thinned(values: &[i128], most: usize) -> Vec<i128> {
    let size = values.len().div_ceil(most.max(1)).max(1);
    values
        .chunks(size)
        .map(|chunk| {
            let count = i128::try_from(chunk.len()).unwrap_or(1);
            chunk.iter().map(|value| value / count).sum()
        })
        .collect()
}

/// A text on one line without characters that would move the cursor or hide in it.
pub(super) fn visible(text: &str) -> String {
    let shown = |c: char| match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => '\u{fffd}',
        _ => c,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(count: i128) -> i128 {
        count * billhook_money::ONE
    }

    #[test]
    fn amounts_that_are_not_nothing_do_not_look_like_nothing() {
        assert_eq!(money(0), "0.00");
        assert_eq!(money(1), "<0.01");
        assert_eq!(money(-1), ">-0.01");
        assert_eq!(money(units(-1234)), "-1,234.00");
        assert_eq!(
            (signed(units(1)), signed(0), signed(units(-1))),
            ("+1.00".into(), "0.00".into(), "-1.00".into())
        );
    }

    #[test]
    fn shares_and_changes() {
        assert_eq!(share(units(1), units(3)), "33.3%");
        assert_eq!(share(units(-1), units(8)), "-12.5%");
        assert_eq!(share(1, units(1)), "<0.1%");
        assert_eq!(share(-1, units(1)), ">-0.1%");
        assert_eq!(share(units(1), 0), "");
        assert_eq!(change(units(3), units(2)), "+50.0%");
        assert_eq!(change(units(-1), units(-2)), "-50.0%");
        assert_eq!(change(units(1), units(-2)), "");
        assert_eq!(change(units(1), 0), "new");
        assert_eq!(change(0, units(1)), "gone");
        assert_eq!(change(units(1), 1), ">1000x");
        assert_eq!(change(units(2), units(2)), "0.0%");
    }

    #[test]
    fn thinning_takes_means() {
        assert_eq!(thinned(&[2, 4, 6, 8, 10], 3), [3, 7, 10]);
        assert_eq!(thinned(&[1, 2], 30), [1, 2]);
        assert!(thinned(&[], 3).is_empty());
    }
}
