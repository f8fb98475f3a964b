//! History: how final each month is, and what AWS changed after the fact.
//!
//! [`answer`] has all months, [`slice()`] the deliveries of one month of a connection, [`delivery`]
//! what one of them changed against any other; `story` says that in words, `answers` has what is
//! answered and `calls` who may ask.

mod answers;
mod calls;
mod story;

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use billhook_engine::deliveries::{Delivered, account_names_in, delivered_in};
use billhook_engine::error::causes;
use billhook_engine::history::{
    Between, Changed, ChangedBy, Slice, both, days_in, difference_csv_in, difference_in, slices_in,
};
use billhook_engine::instant;
use billhook_engine::report::Scope;
use billhook_lake::session::LakeSession;
use billhook_registry::Health;
use futures::StreamExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::api::{Amount, Instant};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::format;
use crate::pulse::Felt;
use crate::view::{Filter, How, Period, View};

pub(crate) use answers::{
    ChangedGroup, ChangedRest, ChangedTotal, DifferenceAnswer, HistoryAmount, HistoryAnswer,
    HistoryCell, HistoryMonth, SliceAnswer, SliceDelivery,
};
pub(crate) use calls::{Doc, routes};
pub(crate) use story::long_month;

/// Groups that are listed; the rest is one line, and all of them are in the CSV.
const MOST: usize = 500;

/// What needs no escape in a part of a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Which delivery, and against which.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Its revision; without, the last one.
    pub(crate) revision: Option<String>,
    /// When it was loaded, where a revision came back.
    pub(crate) at: Option<i64>,
    /// Number of the other delivery; without, the one before.
    pub(crate) against: Option<usize>,
    /// What changes are told by.
    pub(crate) by: ChangedBy,
    /// The lake as it was then, milliseconds since 1970 UTC.
    pub(crate) as_of: Option<i64>,
}

impl Wanted {
    /// What a request asks for.
    ///
    /// # Errors
    /// When a parameter cannot be understood.
    pub(crate) fn of(ask: &Ask, revision: Option<String>) -> Result<Self, Fail> {
        let number = |name: &str| {
            let Some(text) = ask.parameter(name).filter(|text| !text.is_empty()) else {
                return Ok(None);
            };
            let number = text.parse::<i64>().ok().filter(|number| *number >= 0);
            let why = || format!("{name}={} is no number", format::visible(&text));
            number.map(Some).ok_or_else(|| Fail::bad(why()))
        };
        let by = match ask.parameter("by") {
            None => ChangedBy::default(),
            Some(name) => {
                let found = ChangedBy::ALL.into_iter().find(|by| by.name() == name);
                let names = ChangedBy::ALL.map(ChangedBy::name).join(", ");
                let why = || format!("by={} is unknown; there is {names}", format::visible(&name));
                found.ok_or_else(|| Fail::bad(why()))?
            }
        };
        let against = number("against")?.map(usize::try_from).transpose();
        let against = against.map_err(|_| Fail::bad("against is too large"))?;
        Ok(Self { revision, at: number("at")?, against, by, as_of: as_of(ask)? })
    }
}

/// The time that a request wants the lake of.
///
/// # Errors
/// When it is none.
pub(crate) fn as_of(ask: &Ask) -> Result<Option<i64>, Fail> {
    let text = ask.parameter("asof").filter(|text| !text.is_empty());
    Ok(text.map(|text| instant::parse_millis(&text)).transpose()?)
}

/// The page of a month of a connection.
pub(crate) fn slice_href(connection: &str, period: &str) -> String {
    format!("/history/{}/{}", part(connection), part(period))
}

/// The page of a delivery.
pub(crate) fn delivery_href(connection: &str, period: &str, revision: &str) -> String {
    format!("{}/{}", slice_href(connection, period), part(revision))
}

fn part(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// All months of all connections.
///
/// # Errors
/// When the lake or the control database cannot be read.
pub(crate) async fn answer(app: &App, as_of: Option<i64>) -> Result<HistoryAnswer, Fail> {
    let session = app.session(as_of).await?;
    let slices = slices_in(&session).await?;
    let pulse = app.pulse().await?;
    let mut connections: BTreeSet<String> =
        slices.iter().map(|slice| slice.connection.clone()).collect();
    let mut periods: BTreeSet<String> = slices.iter().map(|slice| slice.period.clone()).collect();
    let this_month = app.today().format("%Y-%m").to_string();
    if as_of.is_none() && !pulse.connections.is_empty() {
        connections.extend(pulse.connections.iter().map(|felt| felt.connection.name.to_string()));
        periods.insert(this_month.clone());
    }
    let known: BTreeMap<(&str, &str), &Slice> = slices
        .iter()
        .map(|slice| ((slice.period.as_str(), slice.connection.as_str()), slice))
        .collect();
    let felt = |name: &str| pulse.connections.iter().find(|f| f.connection.name.as_str() == name);
    let month = |period: &String| HistoryMonth {
        period: period.clone(),
        cells: connections
            .iter()
            .map(|name| match known.get(&(period.as_str(), name.as_str())) {
                Some(slice) => cell(slice),
                None => HistoryCell {
                    connection: name.clone(),
                    state: None,
                    deliveries: 0,
                    loaded_at: None,
                    billed: Vec::new(),
                    counts: true,
                    waits: felt(name).filter(|_| *period == this_month).map(waits),
                },
            })
            .collect(),
    };
    let months = periods.iter().rev().map(month).collect();
    Ok(HistoryAnswer { connections: connections.iter().cloned().collect(), months })
}

fn cell(slice: &Slice) -> HistoryCell {
    let last = slice.last();
    let billed = last.map(|step| step.billed.clone()).unwrap_or_default();
    let amount = |(currency, units)| HistoryAmount { currency, amount: Amount(units) };
    HistoryCell {
        connection: slice.connection.clone(),
        state: last.map(|step| step.state.clone()),
        deliveries: slice.steps.len(),
        loaded_at: last.map(|step| Instant(step.recorded_at)),
        billed: billed.into_iter().map(amount).collect(),
        counts: slice.counts,
        waits: None,
    }
}

/// Why a connection has delivered nothing of a month.
pub(crate) fn waits(felt: &Felt) -> String {
    match (felt.word(), felt.reason()) {
        (Some(Health::Paused), _) => "The connection is paused.".to_owned(),
        (Some(_), Some((_, seen, _))) if !seen.is_empty() => seen,
        (Some(_), _) => "Nothing of this month was delivered yet.".to_owned(),
        (None, _) => "Nobody has looked for deliveries yet.".to_owned(),
    }
}

/// The deliveries of a month of a connection.
///
/// # Errors
/// When there is no such connection; when the lake or the control database cannot be read.
pub(crate) async fn slice(
    app: &App,
    connection: &str,
    period: &str,
    as_of: Option<i64>,
) -> Result<SliceAnswer, Fail> {
    let session = app.session(as_of).await?;
    let delivered = of_month(&session, connection, period).await?;
    let slice = (connection.to_owned(), period.to_owned());
    let counts = !session.left_out.contains(&slice);
    let mut why = None;
    if delivered.is_empty() {
        let pulse = app.pulse().await?;
        let known = pulse.connections.iter().find(|f| f.connection.name.as_str() == connection);
        why = Some(known.map(waits).ok_or_else(|| none(connection, period))?);
    }
    let mut deliveries: Vec<SliceDelivery> = (1..=delivered.len())
        .filter_map(|number| one(connection, &delivered, number, number - 1))
        .collect();
    deliveries.reverse();
    Ok(SliceAnswer {
        connection: connection.to_owned(),
        period: period.to_owned(),
        state: deliveries.first().map(|one| one.state.clone()),
        counts,
        waits: why,
        deliveries,
    })
}

/// What was delivered of a month, the oldest first.
async fn of_month(
    session: &LakeSession,
    connection: &str,
    period: &str,
) -> Result<Vec<Delivered>, Fail> {
    let mut delivered = delivered_in(session, connection).await?;
    delivered.retain(|one| one.period == period);
    delivered.sort_by_key(|one| one.recorded_at);
    Ok(delivered)
}

fn none(connection: &str, period: &str) -> Fail {
    let what = format!(
        "There is no delivery of {} from a connection {}.",
        format::visible(period),
        format::visible(connection)
    );
    Fail::missing(what, "Choose one of the months that there are.").linked("All months", "/history")
}

/// A delivery by its number, against another one.
fn one(
    connection: &str,
    delivered: &[Delivered],
    number: usize,
    against: usize,
) -> Option<SliceDelivery> {
    let found = delivered.get(number.checked_sub(1)?)?;
    let before = against.checked_sub(1).and_then(|at| delivered.get(at));
    let nothing = BTreeMap::new();
    let old = before.map_or(&nothing, |before| &before.billed);
    let total = |(currency, old, new): (String, i128, i128)| ChangedTotal {
        currency,
        old: Amount(old),
        new: Amount(new),
        change: Amount(new.saturating_sub(old)),
    };
    let mut href = delivery_href(connection, &found.period, &found.revision);
    let is_last = delivered.iter().skip(number).all(|later| later.revision != found.revision);
    if !is_last {
        href = format!("{href}?at={}", found.recorded_at);
    }
    Some(SliceDelivery {
        number,
        revision: found.revision.clone(),
        loaded_at: Instant(found.recorded_at),
        state: found.state.clone(),
        rows: found.line_items,
        totals: both(old, &found.billed).into_iter().map(total).collect(),
        href,
    })
}

/// Numbers of the newer and the older of the two deliveries that are compared.
fn chosen(delivered: &[Delivered], wanted: &Wanted) -> Option<(usize, usize)> {
    let is_wanted = |one: &Delivered| {
        wanted.revision.as_ref().is_none_or(|revision| *revision == one.revision)
            && wanted.at.is_none_or(|at| at == one.recorded_at)
    };
    let number = delivered.iter().rposition(is_wanted)? + 1;
    let against = wanted.against.filter(|against| *against != number).unwrap_or(number - 1);
    if against > delivered.len() {
        return None;
    }
    Some((number.max(against), number.min(against)))
}

/// What a delivery changed.
///
/// # Errors
/// When there is no such delivery; when the lake cannot be read.
pub(crate) async fn delivery(
    app: &App,
    connection: &str,
    period: &str,
    wanted: &Wanted,
) -> Result<DifferenceAnswer, Fail> {
    let session = app.session(wanted.as_of).await?;
    let delivered = of_month(&session, connection, period).await?;
    let missing = || none(connection, period);
    let (number, against) = chosen(&delivered, wanted).ok_or_else(missing)?;
    let found = one(connection, &delivered, number, against).ok_or_else(missing)?;
    let now = delivered.get(number - 1).ok_or_else(missing)?;
    let before = against.checked_sub(1).and_then(|at| delivered.get(at));
    let between = between(connection, now, before);
    let days = days_in(&session, &between).await?;
    let steps = difference_in(&session, &between, ChangedBy::Group).await?;
    let groups = match wanted.by {
        ChangedBy::Group => steps.clone(),
        by => difference_in(&session, &between, by).await?,
    };
    let names = names(&session, &steps, &groups).await?;
    let (groups, rest) = listed(groups, &names);
    let steps: Vec<ChangedGroup> = steps.into_iter().map(|one| group(one, &names)).collect();
    let told = story::Told { found: &found, against, before, now, steps: &steps, days };
    let follower = delivered.get(against);
    let costs_before = before.and(follower).map(|next| costs_before(&session, connection, next));
    let path = found.href.split('?').next().unwrap_or_default();
    let csv = format!("/api/v1{path}/csv?at={}&against={against}", now.recorded_at);
    Ok(DifferenceAnswer {
        story: told.sentences(),
        shape: story::shape(before, now),
        of: delivered.len(),
        against,
        first_day: days.map(|(first, _)| first.to_string()),
        last_day: days.map(|(_, last)| last.to_string()),
        rows_before: before.map(|before| before.line_items),
        quarantined: now.quarantined_rows,
        by: wanted.by.name(),
        groups,
        rest,
        costs_before,
        csv,
        steps,
        delivery: found,
    })
}

fn between(connection: &str, now: &Delivered, before: Option<&Delivered>) -> Between {
    Between {
        connection: connection.to_owned(),
        period: now.period.clone(),
        after: before.map(|before| before.recorded_at),
        until: now.recorded_at,
    }
}

/// The month of the connection in the cost explorer, as it was before a delivery.
fn costs_before(session: &LakeSession, connection: &str, next: &Delivered) -> String {
    let slice = (connection.to_owned(), next.period.clone());
    let is = |column: &str, value: &str| Filter {
        how: How::Is,
        column: column.to_owned(),
        values: vec![value.to_owned()],
    };
    let counts = !session.left_out.contains(&slice);
    let mut view = View {
        period: Period::Named(next.period.clone()),
        filters: vec![is("x_Connection", connection), is("x_BillingPeriod", &next.period)],
        scope: if counts { Scope::Consolidated } else { Scope::All },
        as_of: Some(next.recorded_at.div_euclid(1_000) - 1),
        ..View::new()
    };
    view.settle();
    view.url("/costs")
}

/// What the accounts are called that are shown.
async fn names(
    session: &LakeSession,
    steps: &[Changed],
    groups: &[Changed],
) -> Result<BTreeMap<String, String>, Fail> {
    let shown = steps.iter().take(MOST).chain(groups.iter().take(MOST));
    let ids: BTreeSet<String> = shown.filter_map(|one| one.account.clone()).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    Ok(account_names_in(session, &ids).await?)
}

/// The groups that are listed, and what the others come to.
fn listed(
    mut groups: Vec<Changed>,
    names: &BTreeMap<String, String>,
) -> (Vec<ChangedGroup>, Vec<ChangedRest>) {
    let others = groups.split_off(MOST.min(groups.len()));
    let mut rest: BTreeMap<String, ChangedRest> = BTreeMap::new();
    for one in &others {
        let currency = one.currency.clone();
        let entry = rest.entry(currency.clone()).or_insert_with(|| ChangedRest {
            currency,
            groups: 0,
            change: Amount(0),
        });
        entry.groups += 1;
        entry.change.0 = entry.change.0.saturating_add(one.change());
    }
    let groups = groups.into_iter().map(|one| group(one, names)).collect();
    (groups, rest.into_values().collect())
}

fn group(one: Changed, names: &BTreeMap<String, String>) -> ChangedGroup {
    let change = Amount(one.change());
    ChangedGroup {
        account_name: one.account.as_ref().and_then(|id| names.get(id)).cloned(),
        day: one.day.map(|day| day.to_string()),
        currency: one.currency,
        service: one.service,
        account: one.account,
        category: one.category,
        old: Amount(one.old),
        new: Amount(one.new),
        change,
    }
}

/// All differences of two deliveries as CSV.
///
/// # Errors
/// When there is no such delivery; when the lake cannot be read.
pub(crate) async fn csv(
    app: &App,
    connection: &str,
    period: &str,
    wanted: &Wanted,
    is_safe: bool,
) -> Result<Response, Fail> {
    let session = app.session(wanted.as_of).await?;
    let delivered = of_month(&session, connection, period).await?;
    let missing = || none(connection, period);
    let (number, against) = chosen(&delivered, wanted).ok_or_else(missing)?;
    let now = delivered.get(number - 1).ok_or_else(missing)?;
    let before = against.checked_sub(1).and_then(|at| delivered.get(at));
    let lines = difference_csv_in(&session, &between(connection, now, before), is_safe).await?;
    let lines = lines.map(|line| line.map_err(|error| std::io::Error::other(causes(&error))));
    let name: String = format!("{connection}-{period}")
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() || char == '-' { char } else { '_' })
        .collect();
    let name = format!("attachment; filename=\"changes-{name}-{against}-{number}.csv\"");
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

#[cfg(test)]
mod tests {
    use super::{Delivered, Wanted, chosen, one};

    fn delivered(revision: &str, recorded_at: i64, units: i128) -> Delivered {
        Delivered {
            period: "2026-10".to_owned(),
            revision: revision.to_owned(),
            recorded_at,
            billed: [("USD".to_owned(), units)].into(),
            ..Delivered::default()
        }
    }

    #[test]
    fn any_two_deliveries_are_compared_the_older_first() {
        let all = [delivered("a", 1, 5), delivered("b", 2, 7), delivered("a", 3, 4)];
        let wanted = |revision: Option<&str>, at: Option<i64>, against: Option<usize>| Wanted {
            revision: revision.map(str::to_owned),
            at,
            against,
            ..Wanted::default()
        };
        assert_eq!(chosen(&all, &wanted(None, None, None)), Some((3, 2)));
        assert_eq!(chosen(&all, &wanted(Some("a"), None, None)), Some((3, 2)));
        assert_eq!(chosen(&all, &wanted(Some("a"), Some(1), None)), Some((1, 0)));
        assert_eq!(chosen(&all, &wanted(Some("b"), None, Some(3))), Some((3, 2)));
        assert_eq!(chosen(&all, &wanted(Some("b"), None, Some(0))), Some((2, 0)));
        assert_eq!(chosen(&all, &wanted(Some("b"), None, Some(9))), None);
        assert_eq!(chosen(&all, &wanted(Some("c"), None, None)), None);
    }

    #[test]
    fn a_delivery_tells_the_month_before_and_after() {
        let all = [delivered("a", 1, 5), delivered("b/1", 2, 7), delivered("a", 3, 7)];
        let second = one("acme", &all, 2, 1).unwrap();
        let total = &second.totals[0];
        assert_eq!((total.old.0, total.new.0, total.change.0), (5, 7, 2));
        assert_eq!(second.href, "/history/acme/2026-10/b%2F1");
        assert!(!second.is_same() && one("acme", &all, 3, 2).unwrap().is_same());
        assert_eq!(one("acme", &all, 1, 0).unwrap().href, "/history/acme/2026-10/a?at=1");
        assert!(one("acme", &all, 4, 3).is_none());
    }
}
