//! History: which months are final, and what AWS changed after the fact.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use billhook_charts::{Ink, Size, Step, Theme, waterfall};
use billhook_engine::history::ChangedBy;
use chrono::NaiveDate;

use crate::api::history::{
    self, ChangedGroup, ChangedTotal, DifferenceAnswer, HistoryCell, HistoryMonth, SliceAnswer,
    SliceDelivery, Wanted, as_of, long_month, slice_href,
};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::format;
use crate::pages::costs::figure::{Change, Money, Shown};
use crate::pages::costs::picker::icon;
use crate::routes::{Need, Route, get};
use crate::shell::{Crumb, Place, Shell, draw};

/// Deliveries of a month that are listed without being asked for all.
const LISTED: usize = 30;

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/history", Need::Viewer, index),
        get("/history/{connection}/{period}", Need::Viewer, month),
        get("/history/{connection}/{period}/{revision}", Need::Viewer, revision),
    ]
}

#[derive(Template)]
#[template(path = "history/index.html")]
struct Index {
    shell: Shell,
    connections: Vec<String>,
    months: Vec<MonthRow>,
    /// Has anything been delivered more than once?
    has_changes: bool,
}

struct MonthRow {
    name: String,
    cells: Vec<Cell>,
}

struct Cell {
    connection: String,
    /// Its page; nothing where there is none.
    href: Option<String>,
    state: String,
    icon: &'static str,
    amounts: Vec<(String, Money)>,
    deliveries: usize,
    counts: bool,
    from: String,
    to: String,
}

#[derive(Template)]
#[template(path = "history/delivery.html")]
struct DeliveryPage {
    shell: Shell,
    connection: String,
    month: String,
    from: String,
    to: String,
    state: String,
    icon: &'static str,
    counts: bool,
    number: usize,
    of: usize,
    against: usize,
    is_against_other: bool,
    revision: String,
    loaded: String,
    story: Vec<String>,
    totals: Vec<Total>,
    rows: String,
    shape: Vec<String>,
    quarantined: u64,
    tabs: Vec<Tab>,
    by: &'static str,
    sections: Vec<Section>,
    costs_before: Option<String>,
    csv: String,
    /// The address that the form of another delivery is sent to, with what it carries on.
    action: String,
    hidden: Vec<(&'static str, String)>,
    others: Vec<Other>,
    deliveries: Vec<Delivery>,
    /// Where all deliveries are listed, when some are not.
    all: Option<String>,
}

#[derive(Template)]
#[template(path = "history/none.html")]
struct NonePage {
    shell: Shell,
    connection: String,
    month: String,
    why: String,
}

struct Total {
    currency: String,
    old: Money,
    new: Money,
    change: Change,
}

struct Tab {
    name: &'static str,
    href: String,
    is_here: bool,
}

/// What changed in one currency.
struct Section {
    currency: String,
    wide: String,
    narrow: String,
    rows: Vec<GroupRow>,
    rest: Option<(String, Change)>,
    total: Option<Total>,
}

struct GroupRow {
    name: String,
    old: Money,
    new: Money,
    change: Change,
}

/// A delivery to compare with.
struct Other {
    number: usize,
    name: String,
    is_chosen: bool,
}

struct Delivery {
    number: usize,
    loaded: String,
    iso: String,
    state: String,
    icon: &'static str,
    rows: String,
    totals: Vec<Total>,
    is_same: bool,
    href: String,
    is_here: bool,
}

async fn index(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let history = history::answer(&app, as_of(&ask)?).await?;
    let shell = Shell::new(&app, &ask, Place::History, &["History"]).await?;
    let has_changes =
        history.months.iter().any(|month| month.cells.iter().any(|cell| cell.deliveries > 1));
    let months = history.months.iter().map(|month| month_row(month, &ask)).collect();
    draw(&Index { shell, connections: history.connections, months, has_changes })
}

fn month_row(month: &HistoryMonth, ask: &Ask) -> MonthRow {
    let (from, to) = ends(&month.period);
    let cell = |cell: &HistoryCell| {
        let href = slice_href(&cell.connection, &month.period);
        let has_page = cell.deliveries > 0 || cell.waits.is_some();
        Cell {
            href: has_page.then(|| kept(&href, ask)),
            icon: icon(cell.state.as_deref().unwrap_or_default()),
            state: cell.state.clone().unwrap_or_default(),
            amounts: cell
                .billed
                .iter()
                .map(|one| {
                    let shown = Shown { currency: &one.currency, is_exact: false };
                    (one.currency.clone(), shown.money(one.amount))
                })
                .collect(),
            deliveries: cell.deliveries,
            counts: cell.counts,
            from: from.clone(),
            to: to.clone(),
            connection: cell.connection.clone(),
        }
    };
    MonthRow { name: format::month(&month.period), cells: month.cells.iter().map(cell).collect() }
}

/// The first day of a month, and the day after its last one.
fn ends(period: &str) -> (String, String) {
    let first = NaiveDate::parse_from_str(&format!("{period}-01"), "%Y-%m-%d").ok();
    let to = first.and_then(|first| first.checked_add_months(chrono::Months::new(1)));
    let text = |day: Option<NaiveDate>| day.map_or_else(String::new, |day| day.to_string());
    (text(first), text(to))
}

/// An address with the time that the page is of.
fn kept(href: &str, ask: &Ask) -> String {
    with(href, &[("asof", ask.parameter("asof").unwrap_or_default())])
}

/// An address with parameters added, those that are empty left out.
fn with(href: &str, pairs: &[(&str, String)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    match (query.is_empty(), href.contains('?')) {
        (true, _) => href.to_owned(),
        (false, true) => format!("{href}&{query}"),
        (false, false) => format!("{href}?{query}"),
    }
}

async fn month(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((connection, period)): Path<(String, String)>,
) -> Result<Response, Fail> {
    let wanted = Wanted::of(&ask, None)?;
    let slice = history::slice(&app, &connection, &period, wanted.as_of).await?;
    let Some(why) = &slice.waits else { return show(&app, &ask, &slice, &wanted).await };
    let shell = shell(&app, &ask, &slice, None).await?;
    draw(&NonePage { shell, connection, month: long_month(&period), why: why.clone() })
}

async fn revision(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((connection, period, revision)): Path<(String, String, String)>,
) -> Result<Response, Fail> {
    let wanted = Wanted::of(&ask, Some(revision))?;
    let slice = history::slice(&app, &connection, &period, wanted.as_of).await?;
    show(&app, &ask, &slice, &wanted).await
}

async fn shell(
    app: &App,
    ask: &Ask,
    slice: &SliceAnswer,
    number: Option<usize>,
) -> Result<Shell, Fail> {
    let month = format::month(&slice.period);
    let name = format!("{month} \u{b7} {}", slice.connection);
    let page = number.map(|number| format!("Delivery {number}"));
    let names: Vec<&str> =
        page.iter().map(String::as_str).chain([name.as_str(), "History"]).collect();
    let mut shell = Shell::new(app, ask, Place::History, &names).await?;
    shell.crumbs.push(Crumb { name: "History".to_owned(), href: kept("/history", ask) });
    if number.is_some() {
        let href = kept(&slice_href(&slice.connection, &slice.period), ask);
        shell.crumbs.push(Crumb { name, href });
    }
    Ok(shell)
}

async fn show(
    app: &App,
    ask: &Ask,
    slice: &SliceAnswer,
    wanted: &Wanted,
) -> Result<Response, Fail> {
    let (connection, period) = (&slice.connection, &slice.period);
    let answer = Box::pin(history::delivery(app, connection, period, wanted)).await?;
    let number = wanted.revision.is_some().then_some(answer.delivery.number);
    let shell = shell(app, ask, slice, number).await?;
    let (from, to) = ends(period);
    let is_against_other = answer.against + 1 != answer.delivery.number;
    let against = if is_against_other { answer.against.to_string() } else { String::new() };
    let base = kept(&answer.delivery.href, ask);
    let tabs = ChangedBy::ALL.into_iter().map(|by| {
        let name = if by == ChangedBy::default() { "" } else { by.name() };
        let pairs = [("by", name.to_owned()), ("against", against.clone())];
        Tab { name: tab_name(by), href: with(&base, &pairs), is_here: by.name() == answer.by }
    });
    let path = base.split('?').next().unwrap_or_default().to_owned();
    let mut hidden = Vec::new();
    for name in ["at", "asof", "by"] {
        let given = match name {
            "at" => answer.delivery.href.split_once("?at=").map(|(_, at)| at.to_owned()),
            name => ask.parameter(name),
        };
        hidden.extend(given.filter(|value| !value.is_empty()).map(|value| (name, value)));
    }
    let wants_all = ask.parameter("all").is_some();
    let shown = if wants_all { usize::MAX } else { LISTED };
    let here = answer.delivery.number;
    let deliveries = slice.deliveries.iter().take(shown).map(|one| delivery(one, here, ask));
    let has_more = slice.deliveries.len() > shown;
    draw(&DeliveryPage {
        connection: connection.clone(),
        month: long_month(period),
        from,
        to,
        state: slice.state.clone().unwrap_or_default(),
        icon: icon(slice.state.as_deref().unwrap_or_default()),
        counts: slice.counts,
        number: here,
        of: answer.of,
        against: answer.against,
        is_against_other,
        revision: format::visible(&answer.delivery.revision),
        loaded: format::instant(answer.delivery.loaded_at.0),
        story: answer.story.clone(),
        totals: answer.delivery.totals.iter().map(total).collect(),
        rows: rows(&answer),
        shape: answer.shape.clone(),
        quarantined: answer.quarantined,
        tabs: tabs.collect(),
        by: answer.by,
        sections: sections(&answer),
        costs_before: answer.costs_before.clone(),
        csv: answer.csv.clone(),
        others: others(slice, &answer),
        deliveries: deliveries.collect(),
        all: has_more.then(|| with(&base, &[("all", "1".to_owned())])),
        action: path,
        hidden,
        shell,
    })
}

fn tab_name(by: ChangedBy) -> &'static str {
    match by {
        ChangedBy::Group => "Service, account, category",
        ChangedBy::Day => "By day",
        ChangedBy::Service => "By service",
        ChangedBy::Account => "By account",
        ChangedBy::Category => "By category",
    }
}

/// `rows 1,204,118 → 1,204,131 (+13)`.
fn rows(answer: &DifferenceAnswer) -> String {
    let now = answer.delivery.rows;
    let Some(before) = answer.rows_before else { return format::grouped(now) };
    let sign = match now.cmp(&before) {
        std::cmp::Ordering::Greater => "+",
        std::cmp::Ordering::Less => "\u{2212}",
        std::cmp::Ordering::Equal => "",
    };
    let by = format::grouped(now.abs_diff(before));
    format!("{} \u{2192} {} ({sign}{by})", format::grouped(before), format::grouped(now))
}

fn total(one: &ChangedTotal) -> Total {
    let shown = Shown { currency: &one.currency, is_exact: false };
    Total {
        currency: one.currency.clone(),
        old: shown.money(one.old),
        new: shown.money(one.new),
        change: shown.change(one.new, one.old),
    }
}

/// What changed, one section per currency that did.
fn sections(answer: &DifferenceAnswer) -> Vec<Section> {
    let changed = answer
        .delivery
        .totals
        .iter()
        .filter(|total| answer.steps.iter().any(|step| step.currency == total.currency));
    changed.map(|total| section(answer, total)).collect()
}

fn section(answer: &DifferenceAnswer, of: &ChangedTotal) -> Section {
    let currency = &of.currency;
    let shown = Shown { currency, is_exact: false };
    let steps = answer.steps.iter().filter(|step| step.currency == *currency);
    let steps: Vec<Step> =
        steps.map(|step| Step { label: label(step), change: step.change.0 }).collect();
    let drawn = |size: Size, lies: bool| {
        waterfall(&steps, currency, size, Ink::Classes, Theme::Light, lies)
    };
    let rows = answer.groups.iter().filter(|group| group.currency == *currency);
    let rest = answer.rest.iter().find(|rest| rest.currency == *currency).map(|rest| {
        let count = u64::try_from(rest.groups).unwrap_or(u64::MAX);
        let name = format!("all others ({} groups)", format::grouped(count));
        let change = shown.change(rest.change, crate::api::Amount(0));
        (name, Change { percent: String::new(), ..change })
    });
    Section {
        wide: drawn(Size::WIDE, false),
        narrow: drawn(Size::NARROW, true),
        rows: rows
            .map(|group| GroupRow {
                name: format::visible(&label(group)),
                old: shown.money(group.old),
                new: shown.money(group.new),
                change: shown.change(group.new, group.old),
            })
            .collect(),
        rest,
        total: Some(total(of)),
        currency: currency.clone(),
    }
}

/// `Amazon EC2 · web 111122223333 · Credit`, or the day.
fn label(group: &ChangedGroup) -> String {
    if let Some(day) = &group.day {
        let parsed = day.parse::<NaiveDate>();
        return parsed.map_or_else(|_| day.clone(), format::day);
    }
    let account = match (&group.account_name, &group.account) {
        (Some(name), Some(id)) => Some(format!("{name} {id}")),
        (_, id) => id.clone(),
    };
    let parts = [group.service.clone(), account, group.category.clone()];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "(not specified)".to_owned() } else { parts.join(" \u{b7} ") }
}

/// The deliveries to compare with: all but the one that is shown.
fn others(slice: &SliceAnswer, answer: &DifferenceAnswer) -> Vec<Other> {
    let shown = answer.delivery.number;
    let deliveries = slice.deliveries.iter().filter(|one| one.number != shown);
    let mut others: Vec<Other> = deliveries
        .map(|one| Other {
            number: one.number,
            name: format!("Delivery {}, {}", one.number, format::instant(one.loaded_at.0)),
            is_chosen: one.number == answer.against,
        })
        .collect();
    let nothing = "Nothing: before the first delivery".to_owned();
    others.push(Other { number: 0, name: nothing, is_chosen: answer.against == 0 });
    others
}

fn delivery(one: &SliceDelivery, here: usize, ask: &Ask) -> Delivery {
    Delivery {
        number: one.number,
        loaded: format::instant(one.loaded_at.0),
        iso: format::iso(one.loaded_at.0),
        icon: icon(&one.state),
        state: one.state.clone(),
        rows: format::grouped(one.rows),
        totals: one.totals.iter().map(total).collect(),
        is_same: one.is_same(),
        href: kept(&one.href, ask),
        is_here: one.number == here,
    }
}

#[cfg(test)]
mod tests {
    use super::{ends, label, with};
    use crate::api::Amount;
    use crate::api::history::ChangedGroup;

    #[test]
    fn addresses_keep_what_they_have() {
        assert_eq!(with("/a", &[("b", String::new())]), "/a");
        assert_eq!(with("/a", &[("b", "1 2".to_owned())]), "/a?b=1+2");
        assert_eq!(with("/a?at=3", &[("b", "1".to_owned())]), "/a?at=3&b=1");
        assert_eq!(ends("2026-12"), ("2026-12-01".to_owned(), "2027-01-01".to_owned()));
    }

    #[test]
    fn groups_are_named_by_what_they_have() {
        let group = ChangedGroup {
            currency: "USD".to_owned(),
            day: None,
            service: Some("Amazon EC2".to_owned()),
            account: Some("111122223333".to_owned()),
            account_name: Some("web".to_owned()),
            category: Some("Credit".to_owned()),
            old: Amount(0),
            new: Amount(1),
            change: Amount(1),
        };
        assert_eq!(label(&group), "Amazon EC2 \u{b7} web 111122223333 \u{b7} Credit");
        let day = ChangedGroup { day: Some("2026-10-04".to_owned()), ..group.clone() };
        assert_eq!(label(&day), "4 Oct 2026");
        let none = ChangedGroup { service: None, account: None, category: None, ..group };
        assert_eq!(label(&none), "(not specified)");
    }
}
