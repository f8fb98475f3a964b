//! Why two sides differ. Each difference is explained once, by the first reason that accounts for
//! it; the amounts of all explanations add up to the whole difference, to the last digit.

use std::collections::{BTreeMap, BTreeSet};

use billhook_money::format;
use serde::Serialize;

use super::metric::Metric;
use super::sheet::{CREDITS, DISCOUNTS, Key, Match, REFUNDS, Sheet, Sides, TAXES};
use super::{Cell, Section};
use crate::verify::Finding;

/// How many accounts or services are named.
const NAMED: usize = 5;

/// Classes of record types that may differ for reasons of their own, and their codes.
const CLASSES: [(&str, &str); 4] = [
    (CREDITS, "credits-differ"),
    (REFUNDS, "refunds-differ"),
    (TAXES, "taxes-differ"),
    (DISCOUNTS, "discounts-differ"),
];

/// Part of a difference, and the reason for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What the lake has more for this reason.
    #[serde(serialize_with = "super::exact")]
    pub amount: i128,
    /// The reason.
    #[serde(flatten)]
    pub finding: Finding,
}

/// What reasons are sought with.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) connection: String,
    pub(super) period: String,
    pub(super) metric: Metric,
    /// Whose credentials Cost Explorer was asked with.
    pub(super) caller: Option<String>,
    /// May AWS still change the month?
    pub(super) is_open: bool,
    /// State and time (UTC) of the delivery in the lake.
    pub(super) state: String,
    pub(super) loaded_at: String,
    pub(super) quarantined_rows: i64,
    /// Unblended cost of the records that were set aside, by currency, where it is known.
    pub(super) quarantined: BTreeMap<String, i128>,
}

/// One currency under way.
#[derive(Debug)]
pub(super) struct Work {
    currency: String,
    metric: Metric,
    sheet: Sheet,
    /// What nothing explains yet.
    open: BTreeSet<Key>,
    why: BTreeMap<Key, &'static str>,
    rounding: i128,
    explanations: Vec<Explanation>,
}

/// A difference of an account, and how much of it may be rounding.
#[derive(Debug, Clone, Copy, Default)]
struct Rest {
    amount: i128,
    allowed: i128,
}

impl Work {
    pub(super) fn new(currency: String, sheet: Sheet, scene: &Scene) -> Self {
        let metric = scene.metric;
        let mut open = BTreeSet::new();
        let mut rounding = 0;
        for (key, sides) in &sheet {
            match sides.compare(metric) {
                Match::Equal | Match::Rounding => rounding += sides.difference(metric),
                Match::Gap => {
                    open.insert(key.clone());
                }
            }
        }
        let (why, explanations) = (BTreeMap::new(), Vec::new());
        Self { currency, metric, sheet, open, why, rounding, explanations }
    }

    pub(super) fn currency(&self) -> &str {
        &self.currency
    }

    /// Is there anything that nothing explains yet?
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Is there a difference of an account that only the lake knows?
    pub(super) fn has_unknown_account(&self) -> bool {
        let (_, lake_only) = self.one_sided();
        self.open.iter().any(|(account, _)| lake_only.contains(account))
    }

    /// Seeks reasons that show in single cells.
    pub(super) fn by_cells(&mut self, scene: &Scene) {
        self.accounts(scene);
        self.other_metric(scene);
        self.left_out_rows(scene);
        self.service_names();
    }

    /// Accounts that only Cost Explorer has, and those that only the lake has.
    fn one_sided(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let mut both: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        for ((account, _), sides) in &self.sheet {
            let (lake, explorer) = both.entry(account).or_default();
            *lake |= sides.lines > 0;
            *explorer |= sides.groups > 0;
        }
        let only = |wanted: (bool, bool)| -> BTreeSet<String> {
            let own = both.iter().filter(|(_, has)| **has == wanted);
            own.map(|(account, _)| (*account).to_owned()).collect()
        };
        (only((false, true)), only((true, false)))
    }

    fn accounts(&mut self, scene: &Scene) {
        let (explorer_only, lake_only) = self.one_sided();
        let Scene { connection, period, .. } = scene;
        let missing = self.keys(|(account, _), _| explorer_only.contains(account));
        if !missing.is_empty() {
            let names = named(missing.iter().map(|(account, _)| account.as_str()));
            let seen = format!("{} has no lines of {names} in {period}", scene.connection);
            let fix = format!(
                "see that the report covers the account and that all its files are there \
                 (billhook verify {connection}), and load it: billhook sync {connection}"
            );
            self.take(&missing, "account-not-in-lake", seen, fix);
        }
        let unknown = self.keys(|(account, _), _| lake_only.contains(account));
        if !unknown.is_empty() {
            let names = named(unknown.iter().map(|(account, _)| account.as_str()));
            let caller = scene.caller.as_ref().map_or_else(String::new, |caller| {
                format!("; it was asked with credentials of account {caller}")
            });
            let seen = format!("Cost Explorer has no costs of {names} in {period}{caller}");
            let fix = "ask with credentials of the account that gets the bill (--profile, \
                       --access-key-id or --role-arn)";
            self.take(&unknown, "account-not-in-cost-explorer", seen, fix);
        }
    }

    /// Does every amount of the lake agree with another metric of Cost Explorer?
    fn other_metric(&mut self, scene: &Scene) {
        let metric = self.metric;
        let (explorer_only, lake_only) = self.one_sided();
        let is_two_sided =
            |account: &String| !explorer_only.contains(account) && !lake_only.contains(account);
        let agrees = |other: Metric| {
            let mut own = self.sheet.iter().filter(|((account, _), _)| is_two_sided(account));
            own.all(|(_, sides)| {
                let difference = sides.lake.of(metric) - sides.explorer.of(other);
                difference.abs() <= sides.allowed()
            })
        };
        // Where the lake has nothing, it agrees with whatever is nothing, too.
        let has_amount =
            |key: &Key| self.sheet.get(key).is_some_and(|sides| sides.lake.of(metric) != 0);
        if !self.open.iter().any(has_amount) {
            return;
        }
        let found = Metric::ALL.into_iter().find(|other| *other != metric && agrees(*other));
        let Some(other) = found else { return };
        let (ours, theirs) = (metric.title(), other.title());
        let seen = format!("x_{ours} in the lake is Cost Explorer's {theirs}");
        let fix = format!(
            "compare that one: billhook reconcile {} --period {} --metric {}",
            scene.connection,
            scene.period,
            other.name()
        );
        let keys = self.keys(|_, _| true);
        self.take(&keys, "other-metric", seen, fix);
    }

    fn left_out_rows(&mut self, scene: &Scene) {
        let metric = self.metric;
        let keys = self.keys(|_, sides| {
            let excluded = sides.excluded.of(metric);
            let rest = sides.difference(metric) - excluded;
            excluded.abs() > sides.allowed() && rest.abs() <= sides.allowed()
        });
        if keys.is_empty() {
            return;
        }
        let names = named(keys.iter().map(|(_, service)| service.as_str()));
        let seen = format!("rows that FOCUS leaves out add up to the difference in {names}");
        let fix = format!(
            "billhook sql \"SELECT x_FocusExclusion, SUM(x_{}) FROM cost_and_usage WHERE \
             x_Connection = '{}' AND x_BillingPeriod = '{}' GROUP BY 1\" shows them",
            metric.title(),
            scene.connection,
            scene.period
        );
        self.take(&keys, "left-out-rows", seen, fix);
    }

    /// Accounts of which several services differ, and all of them together do not.
    fn service_names(&mut self) {
        let mut rests: BTreeMap<String, (Rest, usize)> = BTreeMap::new();
        for key in &self.open {
            let (rest, count) = rests.entry(key.0.clone()).or_default();
            if let Some(sides) = self.sheet.get(key) {
                rest.amount += sides.difference(self.metric);
                rest.allowed += sides.allowed();
                *count += 1;
            }
        }
        rests.retain(|_, (rest, count)| *count > 1 && rest.amount.abs() <= rest.allowed);
        let keys = self.keys(|(account, _), _| rests.contains_key(account));
        if keys.is_empty() {
            return;
        }
        let accounts = named(rests.keys().map(String::as_str));
        let services = named(keys.iter().map(|(_, service)| service.as_str()));
        let seen = format!("the totals of {accounts} are the same, the shares of {services} not");
        let fix = "nothing has to be done; compare these services together";
        self.take(&keys, "other-service-name", seen, fix);
    }

    /// Seeks reasons in what kind of charge differs, and settles the rest.
    pub(super) fn finish(mut self, types: Option<&Sheet>, scene: &Scene) -> Section {
        let mut rests = self.rests();
        if let Some(types) = types {
            self.record_types(&mut rests, types, scene);
        }
        self.quarantine(&mut rests, scene);
        self.settle(&rests, scene);
        if self.rounding != 0 {
            let seen = "sums of rounded numbers differ in their last digits";
            let finding = Finding::new("rounding", seen, "nothing has to be done");
            self.explanations.insert(0, Explanation { amount: self.rounding, finding });
        }
        self.section()
    }

    /// What is open, by account.
    fn rests(&self) -> BTreeMap<String, Rest> {
        let mut rests: BTreeMap<String, Rest> = BTreeMap::new();
        for key in &self.open {
            if let Some(sides) = self.sheet.get(key) {
                let rest = rests.entry(key.0.clone()).or_default();
                rest.amount += sides.difference(self.metric);
                rest.allowed += sides.allowed();
            }
        }
        rests
    }

    /// Credits, refunds, taxes and discounts, in accounts of which nothing was explained before.
    fn record_types(&mut self, rests: &mut BTreeMap<String, Rest>, types: &Sheet, scene: &Scene) {
        let mut found: BTreeMap<&str, (i128, Vec<String>)> = BTreeMap::new();
        for (account, rest) in &mut *rests {
            let own: Vec<(&str, &Sides)> = types
                .iter()
                .filter(|((own, _), _)| own == account)
                .map(|((_, class), sides)| (class.as_str(), sides))
                .collect();
            let total: i128 = own.iter().map(|(_, sides)| sides.difference(self.metric)).sum();
            rest.allowed += own.iter().map(|(_, sides)| sides.allowed()).sum::<i128>();
            // Other cells of the account may be rounded, too.
            let cells = self.sheet.iter().filter(|((own, _), _)| own == account);
            let slack = rest.allowed + cells.map(|(_, sides)| sides.allowed()).sum::<i128>();
            if (rest.amount - total).abs() > slack {
                continue;
            }
            let mut code = None;
            for (class, sides) in own {
                let known = CLASSES.iter().find(|(name, _)| *name == class);
                if let Some((class, own_code)) = known
                    && sides.compare(self.metric) == Match::Gap
                {
                    let difference = sides.difference(self.metric);
                    let (amount, accounts) = found.entry(*class).or_default();
                    *amount += difference;
                    accounts.push(account.clone());
                    rest.amount -= difference;
                    code = Some(*own_code);
                }
            }
            if let Some(code) = code
                && rest.amount.abs() <= slack
            {
                self.rounding += rest.amount;
                rest.amount = 0;
                let keys = self.open.iter().filter(|(own, _)| own == account);
                self.why.extend(keys.map(|key| (key.clone(), code)));
            }
        }
        rests.retain(|_, rest| rest.amount != 0);
        for (class, code) in CLASSES {
            if let Some((amount, accounts)) = found.get(class) {
                let names = named(accounts.iter().map(String::as_str));
                let seen = format!("the {class} of {names} are not the same");
                let fix = again(scene);
                self.explain(*amount, code, seen, fix);
            }
        }
    }

    /// Are the records that were set aside what is missing?
    fn quarantine(&mut self, rests: &mut BTreeMap<String, Rest>, scene: &Scene) {
        let aside = scene.quarantined.get(&self.currency).copied().unwrap_or_default();
        if self.metric != Metric::Unblended || aside == 0 {
            return;
        }
        let amount: i128 = rests.values().map(|rest| rest.amount).sum();
        let allowed: i128 = rests.values().map(|rest| rest.allowed).sum();
        if rests.is_empty() || (amount + aside).abs() > allowed {
            return;
        }
        let seen = format!("{} records are in quarantine", scene.quarantined_rows);
        let fix = format!(
            "have AWS deliver the report again and load it without --quarantine: billhook sync {}",
            scene.connection
        );
        self.explain(amount, "quarantined", seen, fix);
        self.mark(rests, "quarantined");
        rests.clear();
    }

    /// Everything that is left has one reason, or none.
    fn settle(&mut self, rests: &BTreeMap<String, Rest>, scene: &Scene) {
        if rests.is_empty() {
            return;
        }
        let amount: i128 = rests.values().map(|rest| rest.amount).sum();
        let each = rests.iter().map(|(id, rest)| format!("{id} ({})", format(rest.amount)));
        let each: Vec<String> = each.collect();
        let names = named(each.iter().map(String::as_str));
        let Scene { connection, state, loaded_at, .. } = scene;
        let (code, seen, fix) = if scene.is_open {
            let seen = format!("differs: {names}; loaded on {loaded_at}, and AWS goes on counting");
            ("month-not-final", seen, again(scene))
        } else if matches!(state.as_str(), "open" | "estimated") {
            let seen =
                format!("differs: {names}; the delivery in the lake is `{state}`, of {loaded_at}");
            ("delivery-old", seen, again(scene))
        } else {
            let aside = match scene.quarantined_rows {
                0 => String::new(),
                count => format!("; {count} records are in quarantine"),
            };
            let seen = format!("differs: {names}; loaded on {loaded_at}{aside}");
            let fix = format!(
                "{}; if the difference stays, compare the services of these accounts with the \
                 invoice, and ask AWS Support to deliver the month again (billhook verify \
                 {connection} looks at the report)",
                again(scene)
            );
            ("unexplained", seen, fix)
        };
        self.explain(amount, code, seen, fix);
        self.mark(rests, code);
    }

    /// Open cells that are so.
    fn keys(&self, is_one: impl Fn(&Key, &Sides) -> bool) -> Vec<Key> {
        let own = self
            .open
            .iter()
            .filter(|key| self.sheet.get(*key).is_some_and(|sides| is_one(key, sides)));
        own.cloned().collect()
    }

    /// Explains cells.
    fn take(
        &mut self,
        keys: &[Key],
        code: &'static str,
        seen: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let mut amount = 0;
        for key in keys {
            self.open.remove(key);
            self.why.insert(key.clone(), code);
            amount += self.sheet.get(key).map_or(0, |sides| sides.difference(self.metric));
        }
        self.explain(amount, code, seen, fix);
    }

    fn explain(
        &mut self,
        amount: i128,
        code: &'static str,
        seen: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let finding = Finding::new(code, seen, fix);
        self.explanations.push(Explanation { amount, finding });
    }

    /// Notes the reason at the open cells of accounts.
    fn mark(&mut self, rests: &BTreeMap<String, Rest>, code: &'static str) {
        let keys = self.open.iter().filter(|(account, _)| rests.contains_key(account));
        self.why.extend(keys.map(|key| (key.clone(), code)));
    }

    fn section(self) -> Section {
        let metric = self.metric;
        let mut section = Section { currency: self.currency, ..Section::default() };
        for (key, sides) in self.sheet {
            let explained_by = self.why.get(&key).copied();
            let (account, service) = key;
            let (lake, cost_explorer) = (sides.lake.of(metric), sides.explorer.of(metric));
            section.lake += lake;
            section.cost_explorer += cost_explorer;
            section.cells.push(Cell {
                account,
                service,
                lake,
                cost_explorer,
                difference: lake - cost_explorer,
                verdict: sides.compare(metric),
                explained_by,
            });
        }
        section.difference = section.lake - section.cost_explorer;
        section.explanations = self.explanations;
        let explained: i128 = section.explanations.iter().map(|one| one.amount).sum();
        debug_assert_eq!(explained, section.difference, "{section:?}");
        section
    }
}

/// How to have the newest delivery.
fn again(scene: &Scene) -> String {
    let Scene { connection, period, .. } = scene;
    format!(
        "load the newest delivery (billhook sync {connection}, or billhook import), and compare \
         again: billhook reconcile {connection} --period {period}"
    )
}

/// The first few names, each once.
fn named<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: BTreeSet<&str> = names.collect();
    let first: Vec<&str> = names.iter().copied().take(NAMED).collect();
    let first = first.join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
