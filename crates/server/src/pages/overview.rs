//! The overview: tiles, a chart, tables, and what needs somebody. What is empty tells what will be
//! there.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use billhook_charts::{Ink, share_bar, spark};
use billhook_engine::period::DayRange;
use billhook_engine::report::months_in;
use chrono::NaiveDate;

use crate::api::costs::Costs;
use crate::api::history::long_month;
use crate::api::overview::{
    self, Attention, OverviewAccount, OverviewAnswer, OverviewConnection, OverviewMove,
    OverviewStage,
};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::format;
use crate::pages::costs::chart::Chart;
use crate::pages::costs::figure::{Change, Money, Shown};
use crate::pages::costs::picker::{self, Picker};
use crate::pages::costs::table::{Legend, Table, legend, short_days};
use crate::pulse::Freshness;
use crate::routes::{Need, Route, get};
use crate::shell::{Place, Shell, draw};
use crate::view::{Grain, PERIOD, Period, TOP, View};

/// Things that need somebody and are shown at once: the total stays in sight of a telephone.
const FIRST: usize = 3;

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/", Need::Viewer, page)]
}

#[derive(Template)]
#[template(path = "overview/page.html")]
struct OverviewPage {
    shell: Shell,
    picker: Picker,
    metric: &'static str,
    meaning: &'static str,
    /// Is there neither a connection nor a bill?
    is_empty: bool,
    attention: Vec<Item>,
    more: Vec<Item>,
    /// How many things need somebody.
    count: usize,
    /// When everything was looked at.
    checked: String,
    currencies: Vec<Currency>,
    figures: Option<Figures>,
    /// The connections, while none has delivered.
    waiting: Vec<Waiting>,
    fresh: Fresh,
}

/// Something that needs somebody.
struct Item {
    state: &'static str,
    subject: String,
    what: String,
    why: String,
    since: String,
    href: String,
    link: &'static str,
}

/// What the period comes to in a currency.
struct Currency {
    code: String,
    amount: Money,
    href: String,
    is_here: bool,
}

/// How fresh the data are.
struct Fresh {
    state: &'static str,
    word: &'static str,
    through: String,
    estimated: String,
    next: String,
    connections: String,
}

/// The figures of the period.
struct Figures {
    currency: String,
    from: String,
    to: String,
    state: String,
    icon: &'static str,
    title: &'static str,
    /// The days that are compared.
    days: String,
    /// Why another period is shown, or nothing is; empty when there is nothing to say.
    note: String,
    has_costs: bool,
    total: Money,
    before: Option<(Money, String, Change)>,
    credits: Option<Money>,
    chart: Option<Chart>,
    legend: Vec<Legend>,
    table: Table,
    accounts: Vec<AccountRow>,
    moved: Vec<Moved>,
    last: Option<LastMonth>,
    costs_href: String,
    accounts_href: String,
    total_change: Option<Change>,
}

struct AccountRow {
    name: String,
    id: String,
    href: String,
    amount: Money,
    share: String,
    bar: String,
    change: Change,
}

struct Moved {
    service: String,
    account: String,
    href: String,
    change: Change,
}

struct LastMonth {
    name: String,
    from: String,
    to: String,
    total: Money,
    state: String,
    icon: &'static str,
    deliveries: String,
    changed: String,
    spark: String,
    href: String,
}

/// A connection that has delivered nothing yet.
struct Waiting {
    name: String,
    state: &'static str,
    reason: String,
    added: String,
    checked: String,
    since: String,
    expected: String,
    next: String,
}

async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let asked = View::parse(&ask.query())?;
    let overview = Box::pin(overview::answer(&app, &asked)).await?;
    draw(&Box::pin(made(&app, &ask, &asked, &overview)).await?)
}

async fn made(
    app: &App,
    ask: &Ask,
    asked: &View,
    overview: &OverviewAnswer,
) -> Result<OverviewPage, Fail> {
    let today = app.today();
    let session = app.session(asked.as_of).await?;
    let months = months_in(&session).await?;
    let plain = plain(&overview.view);
    let mut picker = Picker::new(&plain, "/", today, &months)?;
    let range = shown_days(overview, today)?;
    picker.label = picker::days(range);
    let shell = Shell::new(app, ask, Place::Overview, &["Overview"]).await?;
    let mut attention: Vec<Item> = overview.attention.iter().map(item).collect();
    let count = attention.len();
    let more = attention.split_off(FIRST.min(count));
    let is_waiting = overview.stage == OverviewStage::Waiting;
    let connections = overview.connections.iter().filter(|_| is_waiting);
    let figures = overview.costs.as_ref().map(|costs| figures(overview, costs, range));
    Ok(OverviewPage {
        metric: plain.metric.column,
        meaning: plain.metric.meaning,
        is_empty: overview.stage == OverviewStage::Empty,
        attention,
        more,
        count,
        checked: overview.checked_at.map_or_else(String::new, |at| format::instant(at.0)),
        currencies: overview.costs.as_ref().map_or_else(Vec::new, |costs| chips(&plain, costs)),
        figures,
        waiting: connections.map(waiting).collect(),
        fresh: fresh(overview),
        shell,
        picker,
    })
}

/// The view that links carry on: nothing that only the overview chooses.
fn plain(view: &View) -> View {
    View { compare: None, grain: Grain::Auto, top: TOP, ..view.clone() }
}

/// The days that the figures go to.
fn shown_days(overview: &OverviewAnswer, today: NaiveDate) -> Result<DayRange, Fail> {
    let range = overview.view.period.range(today)?;
    let last = overview.last_day.as_deref().and_then(|day| day.parse::<NaiveDate>().ok());
    let to = last.and_then(|last| last.succ_opt()).filter(|to| range.from < *to);
    Ok(DayRange { from: range.from, to: to.unwrap_or(range.to) })
}

fn item(one: &Attention) -> Item {
    Item {
        state: one.state,
        subject: format::visible(&one.subject),
        what: one.what.clone(),
        why: one.why.clone(),
        since: one.since.map_or_else(String::new, |at| format::instant(at.0)),
        href: one.href.clone(),
        link: one.link,
    }
}

fn chips(plain: &View, costs: &Costs) -> Vec<Currency> {
    let chip = |one: &crate::api::costs::CurrencyTotal| {
        let shown = Shown { currency: &one.currency, is_exact: plain.is_exact };
        let view = View { currency: Some(one.currency.clone()), ..plain.clone() };
        Currency {
            code: one.currency.clone(),
            amount: shown.money(one.total),
            href: view.url("/"),
            is_here: one.currency == costs.currency,
        }
    };
    costs.currencies.iter().map(chip).collect()
}

fn fresh(overview: &OverviewAnswer) -> Fresh {
    let told = |day: Option<&str>| {
        let day = day.and_then(|day| day.parse::<NaiveDate>().ok());
        day.map_or_else(String::new, format::day)
    };
    let all = overview.connections.len();
    let broken = overview.connections.iter().filter(|one| one.health == "broken").count();
    let noun = if all == 1 { "connection" } else { "connections" };
    let ill = if broken > 0 { format!(", {broken} broken") } else { String::new() };
    let (state, word) = match overview.freshness.state {
        Freshness::Fresh => ("healthy", "fresh"),
        Freshness::Late => ("degraded", "late"),
        Freshness::Stale => ("broken", "stale"),
    };
    Fresh {
        state,
        word,
        through: told(overview.freshness.through.as_deref()),
        estimated: told(overview.freshness.estimated_since.as_deref()),
        next: overview.freshness.next_look.map_or_else(String::new, |at| format::instant(at.0)),
        connections: if all == 0 { String::new() } else { format!("{all} {noun}{ill}") },
    }
}

fn figures(overview: &OverviewAnswer, costs: &Costs, range: DayRange) -> Figures {
    let view = &overview.view;
    let shown = Shown { currency: &costs.currency, is_exact: view.is_exact };
    let before = costs.before.map(|before| {
        let days = costs.before_from.as_deref().zip(costs.before_to.as_deref());
        let days = days.map_or_else(String::new, |(from, to)| short_days(from, to));
        (shown.money(before), days, shown.change(costs.total, before))
    });
    let open = View { grain: Grain::Auto, ..view.clone() };
    let chart = Chart::of(&open, costs);
    let by_account = View { by: vec!["SubAccountId".to_owned()], ..open.clone() };
    let is_month = matches!(&view.period, Period::Named(name) if name == PERIOD);
    let days = picker::days(range);
    Figures {
        from: range.from.to_string(),
        to: range.to.to_string(),
        icon: picker::icon(&costs.state),
        state: costs.state.clone(),
        title: if is_month { "Month to date" } else { "Costs" },
        note: note(overview, costs, &days),
        days,
        has_costs: !costs.rows.is_empty(),
        total: shown.money(costs.total),
        total_change: before.as_ref().map(|(_, _, change)| change.clone()),
        before,
        credits: (overview.credits.0 != 0).then(|| shown.money(overview.credits)),
        legend: if chart.is_some() { legend(&open, costs, shown) } else { Vec::new() },
        chart,
        table: Table::of(&open, costs, shown),
        accounts: overview
            .accounts
            .iter()
            .map(|one| account(&by_account, costs, one, shown))
            .collect(),
        moved: overview.moved.iter().map(|one| moved(&open, one, shown)).collect(),
        last: last_month(overview, costs, shown),
        costs_href: open.url("/costs"),
        accounts_href: by_account.url("/costs"),
        currency: costs.currency.clone(),
    }
}

/// Why the figures are of another month, or there are none.
fn note(overview: &OverviewAnswer, costs: &Costs, days: &str) -> String {
    let asked =
        "No charges of this month have arrived yet. AWS sends the first within about a day.";
    if overview.is_earlier {
        let month = costs.from.get(..7).unwrap_or_default();
        return format!("{asked} The figures are those of {}.", long_month(month));
    }
    if costs.rows.is_empty() {
        let is_month = matches!(&overview.view.period, Period::Named(name) if name == PERIOD);
        return if is_month { asked.to_owned() } else { format!("There are no costs in {days}.") };
    }
    String::new()
}

fn account(view: &View, costs: &Costs, one: &OverviewAccount, shown: Shown<'_>) -> AccountRow {
    let by_service = View { by: vec!["ServiceName".to_owned()], ..view.clone() };
    let (name, href) = match (&one.account, one.folded) {
        (Some(id), _) => {
            let name = one.name.as_deref().unwrap_or(id);
            (format::visible(name), by_service.only("SubAccountId", Some(id)).url("/costs"))
        }
        (None, Some(count)) => {
            let all = View { top: usize::MAX, ..view.clone() };
            (format!("other ({count})"), all.url("/costs"))
        }
        (None, None) => {
            let none = by_service.only("SubAccountId", None);
            ("(not specified)".to_owned(), none.url("/costs"))
        }
    };
    let id = one.account.as_deref().filter(|_| one.name.is_some());
    AccountRow {
        name,
        href,
        id: id.map_or_else(String::new, format::visible),
        amount: shown.money(one.amount),
        share: format::share(one.amount.0, costs.total.0),
        bar: share_bar(one.amount.0, costs.total.0),
        change: shown.change(one.amount, one.before),
    }
}

fn moved(view: &View, one: &OverviewMove, shown: Shown<'_>) -> Moved {
    let by_usage = View { by: vec!["x_UsageType".to_owned()], ..view.clone() };
    let inside = by_usage
        .only("ServiceName", one.service.as_deref())
        .only("SubAccountId", one.account.as_deref());
    let named =
        |name: Option<&str>| name.map_or_else(|| "(not specified)".to_owned(), format::visible);
    let account = one.account_name.as_deref().or(one.account.as_deref());
    Moved {
        service: named(one.service.as_deref()),
        account: named(account),
        href: inside.url("/costs"),
        change: shown.change(one.amount, one.before),
    }
}

fn last_month(overview: &OverviewAnswer, costs: &Costs, shown: Shown<'_>) -> Option<LastMonth> {
    let month = overview.last_month.as_ref()?;
    let first = format!("{}-01", month.period).parse::<NaiveDate>().ok()?;
    let to = first.checked_add_months(chrono::Months::new(1))?;
    let values: Vec<i128> = month.days.iter().map(|day| day.0).collect();
    let view = View {
        period: Period::Named(month.period.clone()),
        currency: Some(costs.currency.clone()),
        ..plain(&overview.view)
    };
    let noun = if month.deliveries == 1 { "delivery" } else { "deliveries" };
    Some(LastMonth {
        name: format::month(&month.period),
        from: first.to_string(),
        to: to.to_string(),
        total: shown.money(month.total),
        icon: picker::icon(&month.state),
        state: month.state.clone(),
        deliveries: format!("{} {noun}", month.deliveries),
        changed: month.changed_at.map_or_else(String::new, |at| format::instant(at.0)),
        spark: spark(&values, Ink::Classes),
        href: view.url("/costs"),
    })
}

fn waiting(one: &OverviewConnection) -> Waiting {
    let told =
        |at: Option<crate::api::Instant>| at.map_or_else(String::new, |at| format::instant(at.0));
    Waiting {
        name: one.name.clone(),
        state: one.health,
        reason: one.reason.clone().unwrap_or_default(),
        added: format::instant(one.added_at.0),
        checked: told(one.checked_at),
        since: told(one.since),
        expected: told(one.expected_by),
        next: told(one.next_look),
    }
}
