//! The amounts of the overview. The total is that of the cost explorer for the same parameters.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use billhook_charts::Form;
use billhook_engine::EngineError;
use billhook_engine::deliveries::account_names_in;
use billhook_engine::history::{Slice, Step};
use billhook_engine::period::{Compare, DayRange};
use billhook_engine::report::{Granularity, ReportRequest, Section, report_in};
use billhook_lake::session::LakeSession;
use chrono::{Days, NaiveDate};

use crate::api::costs::{self, Costs};
use crate::api::overview::{
    OverviewAccount, OverviewAnswer, OverviewMonth, OverviewMove, last_month,
};
use crate::api::{Amount, Instant};
use crate::app::App;
use crate::fail::Fail;
use crate::view::{Grain, PERIOD, Period, Sort, TOP, View};

/// Accounts that are listed.
const ACCOUNTS: usize = 6;

/// Services in accounts that are listed for what they moved by.
const MOVED: usize = 5;

/// Longer periods are not cut into days.
const MOST_DAYS: i64 = 92;

/// What groups are told apart by.
const BY: [&str; 3] = ["ServiceName", "SubAccountId", "ChargeCategory"];

/// Now, and in the days compared with.
type Both = (i128, i128);

/// What the overview shows of a view: its period, metric, currency, scope and time.
pub(super) fn standard(asked: &View) -> View {
    View {
        by: vec!["ServiceName".to_owned()],
        grain: Grain::Auto,
        filters: Vec::new(),
        compare: None,
        form: Some(Form::Bars),
        top: TOP,
        base: None,
        sort: Sort::COST,
        after: None,
        ..asked.clone()
    }
}

/// Fills the figures in.
pub(super) async fn fill(
    app: &Arc<App>,
    session: &LakeSession,
    overview: &mut OverviewAnswer,
) -> Result<(), Fail> {
    let mut through = overview.freshness.through.as_deref().and_then(|day| day.parse().ok());
    if overview.view.as_of.is_some() {
        through = None;
    }
    let (mut view, mut costs, mut last_day) = of_period(app, &overview.view, through).await?;
    let today = app.today();
    if costs.rows.is_empty() && is_standard(&view) {
        let period = Period::Named("last-month".to_owned());
        let earlier = View { period, ..overview.view.clone() };
        let found = of_period(app, &earlier, through).await?;
        if !found.1.rows.is_empty() {
            (view, costs, last_day) = found;
            overview.is_earlier = true;
        }
    }
    if let Some(section) = groups(session, &view, &costs.currency, today).await? {
        by_account(session, &section, overview).await?;
    }
    overview.last_month = month(session, &view, &costs.currency, today, &overview.slices).await?;
    let settling = costs.buckets.iter().find(|bucket| bucket.is_settling && !bucket.is_missing);
    overview.freshness.estimated_since = settling.map(|bucket| bucket.label.clone());
    overview.last_day = Some(last_day.to_string());
    overview.view = view;
    overview.costs = Some(costs);
    Ok(())
}

fn is_standard(view: &View) -> bool {
    matches!(&view.period, Period::Named(name) if name == PERIOD)
}

/// The figures of a period, against the same number of days before it. Days at its end of which
/// nothing can have arrived are not compared: the answer says which is the last day that is.
async fn of_period(
    app: &Arc<App>,
    view: &View,
    through: Option<NaiveDate>,
) -> Result<(View, Costs, NaiveDate), Fail> {
    let range = view.period.range(app.today())?;
    let arrived = arrived(range, through);
    let compared = |with: DayRange| -> Result<View, Fail> {
        let compare = Compare::Range(same_days(with, is_standard(view))?);
        // Also on the first two days of a month, which would be cut into hours otherwise.
        let grain = if range.days() <= MOST_DAYS { Grain::Daily } else { Grain::Auto };
        Ok(View { compare: Some(compare), grain, ..view.clone() })
    };
    let first = compared(arrived)?;
    let costs = Box::pin(costs::answer(app, &first)).await?;
    let end = arrived.to.to_string();
    let mut late = costs.buckets.iter().filter(|bucket| bucket.label.as_str() >= end.as_str());
    if arrived == range || late.all(|bucket| bucket.total.0 == 0) {
        return Ok((first, costs, arrived.last()));
    }
    // Fees may be dated after the last day with usage; then all days count on both sides.
    let whole = compared(range)?;
    let costs = Box::pin(costs::answer(app, &whole)).await?;
    Ok((whole, costs, range.last()))
}

/// The days of a period up to the last one with data.
fn arrived(range: DayRange, through: Option<NaiveDate>) -> DayRange {
    let next = through.and_then(|through| through.checked_add_days(Days::new(1)));
    let to = next.filter(|to| range.from < *to && *to < range.to).unwrap_or(range.to);
    DayRange { from: range.from, to }
}

/// As many days before: the same ones of the month before, where that has as many.
fn same_days(range: DayRange, is_month: bool) -> Result<DayRange, Fail> {
    let compare = if is_month { Compare::Month } else { Compare::Previous };
    let other = compare.with(range)?;
    if other.days() == range.days() {
        return Ok(other);
    }
    let days = Days::new(range.days().unsigned_abs());
    let from = range.from.checked_sub_days(days).unwrap_or(other.from);
    Ok(DayRange { from, to: range.from })
}

/// The figures by service, account and charge category, in one currency.
async fn groups(
    session: &LakeSession,
    view: &View,
    currency: &str,
    today: NaiveDate,
) -> Result<Option<Section>, Fail> {
    let request = ReportRequest {
        by: BY.map(str::to_owned).to_vec(),
        range: Some(view.period.range(today)?),
        // Whole sums are wanted; without a cut the engine would add a trend to each group.
        granularity: Granularity::Monthly,
        metric: view.metric,
        currency: Some(currency.to_owned()),
        compare: view.compare,
        scope: view.scope,
        ..ReportRequest::new(today)
    };
    section(session, &request).await
}

async fn section(session: &LakeSession, request: &ReportRequest) -> Result<Option<Section>, Fail> {
    match Box::pin(report_in(session, request)).await {
        Ok(report) => Ok(report.sections.into_iter().next()),
        Err(EngineError::Nothing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Accounts, what moved, and credits.
async fn by_account(
    session: &LakeSession,
    section: &Section,
    overview: &mut OverviewAnswer,
) -> Result<(), Fail> {
    let mut accounts: BTreeMap<Option<String>, Both> = BTreeMap::new();
    let mut pairs: BTreeMap<(Option<String>, Option<String>), Both> = BTreeMap::new();
    let mut credits = 0_i128;
    for row in &section.rows {
        let key = |at: usize| row.keys.get(at).cloned().flatten();
        let now = row.now.total;
        let before = row.before.as_ref().map_or(0, |before| before.total);
        add(accounts.entry(key(1)).or_default(), (now, before));
        add(pairs.entry((key(0), key(1))).or_default(), (now, before));
        if key(2).as_deref() == Some("Credit") {
            credits = credits.saturating_add(now);
        }
    }
    let mut moved: Vec<_> = pairs.into_iter().filter(|(_, both)| both.0 != both.1).collect();
    moved.sort_by_key(|(_, (now, before))| Reverse(now.abs_diff(*before)));
    moved.truncate(MOVED);
    let accounts = folded(accounts);
    let shown = accounts.iter().filter_map(|one| one.account.clone());
    let shown = shown.chain(moved.iter().filter_map(|((_, account), _)| account.clone()));
    let ids: Vec<String> = shown.collect::<BTreeSet<_>>().into_iter().collect();
    let names = account_names_in(session, &ids).await?;
    let name = |account: Option<&str>| account.and_then(|id| names.get(id)).cloned();
    overview.accounts = accounts;
    for one in &mut overview.accounts {
        one.name = name(one.account.as_deref());
    }
    let one = |((service, account), (now, before)): ((Option<String>, Option<String>), Both)| {
        let account_name = name(account.as_deref());
        OverviewMove { service, account, account_name, amount: Amount(now), before: Amount(before) }
    };
    overview.moved = moved.into_iter().map(one).collect();
    overview.credits = Amount(credits);
    Ok(())
}

/// No sum of these leaves the range: that of all of them was checked.
fn add(sum: &mut Both, by: Both) {
    *sum = (sum.0.saturating_add(by.0), sum.1.saturating_add(by.1));
}

/// The largest accounts, lines without one, and the others as one.
fn folded(accounts: BTreeMap<Option<String>, Both>) -> Vec<OverviewAccount> {
    let row = |account, folded, (now, before): Both| OverviewAccount {
        account,
        name: None,
        folded,
        amount: Amount(now),
        before: Amount(before),
    };
    let mut none = None;
    let mut named: Vec<(String, Both)> = Vec::new();
    for (account, both) in accounts {
        match account {
            Some(account) => named.push((account, both)),
            None => none = Some(both),
        }
    }
    named.sort_by_key(|(_, (now, before))| Reverse((now.unsigned_abs(), before.unsigned_abs())));
    let others = named.split_off(ACCOUNTS.min(named.len()));
    let mut rows: Vec<OverviewAccount> =
        named.into_iter().map(|(account, both)| row(Some(account), None, both)).collect();
    rows.extend(none.map(|both| row(None, None, both)));
    if !others.is_empty() {
        let mut sum = Both::default();
        for (_, both) in &others {
            add(&mut sum, *both);
        }
        rows.push(row(None, Some(others.len()), sum));
    }
    rows
}

/// The month before this one.
async fn month(
    session: &LakeSession,
    view: &View,
    currency: &str,
    today: NaiveDate,
    slices: &[Slice],
) -> Result<Option<OverviewMonth>, Fail> {
    let (range, period) = last_month(today)?;
    let request = ReportRequest {
        range: Some(range),
        granularity: Granularity::Daily,
        metric: view.metric,
        currency: Some(currency.to_owned()),
        scope: view.scope,
        ..ReportRequest::new(today)
    };
    let Some(section) = section(session, &request).await? else { return Ok(None) };
    let of_month: Vec<&Slice> =
        slices.iter().filter(|slice| slice.counts && slice.period == period).collect();
    let rank = |state: &str| match state {
        "open" => 0,
        "reopened" => 1,
        "estimated" => 2,
        _ => 3,
    };
    let states = of_month.iter().filter_map(|slice| slice.last()).map(|step| step.state.as_str());
    Ok(Some(OverviewMonth {
        total: Amount(section.total.now.total),
        state: states.min_by_key(|state| rank(state)).unwrap_or_default().to_owned(),
        deliveries: of_month.iter().map(|slice| slice.steps.len()).sum(),
        changed_at: of_month.iter().filter_map(|slice| changed_at(slice)).max().map(Instant),
        days: section.total.now.values.iter().map(|units| Amount(*units)).collect(),
        period,
    }))
}

/// When a delivery last changed what a month comes to.
fn changed_at(slice: &Slice) -> Option<i64> {
    let nothing = std::iter::once(None);
    let before = nothing.chain(slice.steps.iter().map(Some));
    let changed =
        slice.steps.iter().zip(before).filter(|(step, before)| {
            before.is_none_or(|before: &Step| before.billed != step.billed)
        });
    changed.last().map(|(step, _)| step.recorded_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> DayRange {
        DayRange { from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    #[test]
    fn as_many_days_are_compared() {
        for (from, to, is_month, expected) in [
            ("2026-11-01", "2026-11-19", true, ("2026-10-01", "2026-10-19")),
            ("2026-03-01", "2026-03-31", true, ("2026-01-30", "2026-03-01")),
            ("2026-10-01", "2026-11-01", false, ("2026-08-31", "2026-10-01")),
            ("2026-08-01", "2026-09-01", false, ("2026-07-01", "2026-08-01")),
        ] {
            let other = same_days(range(from, to), is_month).unwrap();
            assert_eq!(other, range(expected.0, expected.1), "{from} {to}");
            assert_eq!(other.days(), range(from, to).days());
        }
    }

    #[test]
    fn days_of_which_nothing_has_arrived_are_not_compared() {
        let month = range("2026-11-01", "2026-11-20");
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        assert_eq!(arrived(month, day("2026-11-18")).to, range("2026-11-01", "2026-11-19").to);
        assert_eq!(arrived(month, day("2026-11-19")), month);
        assert_eq!(arrived(month, day("2026-10-31")), month);
        assert_eq!(arrived(month, None), month);
    }

    #[test]
    fn accounts_add_up_to_all_of_them() {
        let of = |id: u8| (Some(format!("{id:012}")), (i128::from(id), 1));
        let mut accounts: BTreeMap<Option<String>, Both> = (1..=9).map(of).collect();
        accounts.insert(None, (100, 0));
        let rows = folded(accounts);
        let shown: Vec<i128> = rows.iter().map(|row| row.amount.0).collect();
        assert_eq!(shown, [9, 8, 7, 6, 5, 4, 100, 6]);
        assert_eq!(rows.last().and_then(|row| row.folded), Some(3));
        assert_eq!(shown.iter().sum::<i128>(), 145);
    }
}
