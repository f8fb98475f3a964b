//! What was looked at so far, and who hears of each check as soon as it is done.

use super::Check;

/// Checks in their order, and who hears of each.
pub(super) struct Heard<'a> {
    checks: Vec<Check>,
    hear: &'a mut (dyn FnMut(&Check) + Send),
}

impl<'a> Heard<'a> {
    pub(super) fn by(hear: &'a mut (dyn FnMut(&Check) + Send)) -> Self {
        Self { checks: Vec::new(), hear }
    }
}

impl Heard<'_> {
    /// A check is done: it is told before the next one begins.
    pub(super) fn push(&mut self, check: Check) {
        (self.hear)(&check);
        self.checks.push(check);
    }

    /// Is there something without which the rest is not worth looking at?
    pub(super) fn is_stopped(&self) -> bool {
        self.checks.iter().any(Check::is_stopped)
    }

    /// The codes that were found so far.
    pub(super) fn codes(&self) -> Vec<&'static str> {
        let found = self.checks.iter().flat_map(|check| &check.findings);
        found.map(|finding| finding.code).collect()
    }

    /// Everything that was looked at.
    pub(super) fn into_checks(self) -> Vec<Check> {
        self.checks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Finding;

    #[test]
    fn each_check_is_heard_when_it_is_done() {
        let mut heard = Vec::new();
        let mut hear = |check: &Check| heard.push(check.title);
        let mut checks = Heard::by(&mut hear);
        checks.push(Check::passed("first", "well"));
        assert!(!checks.is_stopped());
        checks.push(Check::found("second", vec![Finding::new("list-denied", "403", "allow it")]));
        assert!(checks.is_stopped());
        assert_eq!(checks.codes(), ["list-denied"]);
        checks.push(Check::skipped("third", "the bucket cannot be listed"));
        let titles: Vec<&str> = checks.into_checks().iter().map(|check| check.title).collect();
        assert_eq!(heard, titles);
    }
}
