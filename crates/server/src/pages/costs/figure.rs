//! Figures of the cost pages: amounts with their digits, shares and changes.

use crate::api::Amount;
use crate::format;

/// An amount, as it is shown and with all its digits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Money {
    pub(crate) shown: String,
    pub(crate) exact: String,
}

/// What an amount has changed by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    /// `▲`, `▼` or nothing.
    pub(crate) arrow: &'static str,
    pub(crate) by: Money,
    /// `+2.8 %`, `new`, `gone`, or nothing.
    pub(crate) percent: String,
    /// `more`, `less` or `the same`.
    pub(crate) word: &'static str,
    pub(crate) class: &'static str,
}

/// How amounts are shown on a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) currency: &'a str,
    /// With every digit?
    pub(crate) is_exact: bool,
}

impl Shown<'_> {
    pub(crate) fn money(self, amount: Amount) -> Money {
        let exact = amount.exact();
        let shown = if self.is_exact { grouped(&exact) } else { amount.shown(self.currency) };
        Money { shown, exact }
    }

    pub(crate) fn change(self, now: Amount, before: Amount) -> Change {
        let by = Amount(now.0.saturating_sub(before.0));
        let shown = match by.0 {
            0 => self.money(by).shown,
            _ if self.is_exact && by.0 > 0 => format!("+{}", grouped(&by.exact())),
            _ if self.is_exact => grouped(&by.exact()),
            _ => format::change(by.0, self.currency),
        };
        let (arrow, word, class) = match by.0 {
            1.. => ("\u{25b2}", "more", "up"),
            0 => ("", "the same", ""),
            _ => ("\u{25bc}", "less", "down"),
        };
        let percent = format::percent(now.0, before.0);
        Change { arrow, by: Money { shown, exact: by.exact() }, percent, word, class }
    }
}

/// Every digit, by threes: `−18,204.112 004`.
fn grouped(exact: &str) -> String {
    let (sign, digits) = match exact.strip_prefix('-') {
        Some(digits) => ("\u{2212}", digits),
        None => ("", exact),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    for (at, digit) in part.chars().enumerate() {
        match at {
            0 => out.push('.'),
            at if at.is_multiple_of(3) => out.push('\u{202f}'),
            _ => {}
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Shown, grouped};
    use crate::api::Amount;

    #[test]
    fn all_digits_are_grouped_by_threes() {
        assert_eq!(grouped("-18204.1120040"), "\u{2212}18,204.112\u{202f}004\u{202f}0");
        assert_eq!(grouped("412"), "412");
    }

    #[test]
    fn changes_have_sign_arrow_and_word() {
        let one = billhook_money::ONE;
        let shown = Shown { currency: "USD", is_exact: false };
        let change = shown.change(Amount(11 * one), Amount(10 * one));
        assert_eq!((change.arrow, change.word), ("\u{25b2}", "more"));
        assert_eq!((change.by.shown.as_str(), change.percent.as_str()), ("+1.00", "+10.0 %"));
        let change = shown.change(Amount(one), Amount(one));
        assert_eq!((change.arrow, change.word, change.by.exact.as_str()), ("", "the same", "0"));
    }
}
