//! The cost explorer: a view of costs as chart and table, with everything that leads on from it.
//!
//! Start at [`page`]. `picker` has the period, `controls` what the view is changed by, `chart` the
//! drawing, `table` the rows, `figure` how amounts are shown.

pub(crate) mod chart;
pub(crate) mod controls;
pub(crate) mod figure;
pub(crate) mod picker;
pub(crate) mod table;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use billhook_engine::report::{self, months_in};

use crate::api::addresses::{canonical, link};
use crate::api::costs::{self, Costs};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::format;
use crate::heavy::{Onward, Soon, led};
use crate::pages::costs::chart::Chart;
use crate::pages::costs::controls::{Controls, Elsewhere};
use crate::pages::costs::figure::{Change, Money, Shown};
use crate::pages::costs::picker::Picker;
use crate::pages::costs::table::{Days, Legend, Missing, Table};
use crate::routes::{Need, Route, get};
use crate::shell::{Place, Shell, draw};
use crate::view::{PERIOD, Period, View};

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/costs", Need::Viewer, page),
        get("/costs/costs.csv", Need::Viewer, csv),
        get("/costs/costs.parquet", Need::Viewer, parquet),
        get("/costs/costs.svg", Need::Viewer, svg),
    ]
}

#[derive(Template)]
#[template(path = "costs/costs.html")]
struct CostsPage {
    shell: Shell,
    picker: Picker,
    controls: Controls,
    elsewhere: Elsewhere,
    /// Why another period is shown than was asked for.
    note: String,
    hints: Vec<String>,
    metric: String,
    meaning: &'static str,
    currency: String,
    from: String,
    to: String,
    state: String,
    /// The state once more: a macro must not find its own argument by that name.
    state_word: String,
    state_icon: &'static str,
    total: Money,
    before: Option<(Money, String, Change)>,
    through: String,
    lines: String,
    lines_exact: u64,
    lines_href: String,
    chart: Option<Chart>,
    legend: Vec<Legend>,
    table: Table,
    days: Option<Days>,
    missing: Vec<Missing>,
    without: Vec<Missing>,
    empty: String,
    csv: String,
    csv_safe: String,
    parquet: String,
    svg: String,
}

/// The figures of a view, or the run that goes on with them.
async fn figures(app: &Arc<App>, ask: &Ask, view: &View) -> Result<Soon<Costs>, Fail> {
    let asked = costs::ask(app, view).await?;
    asked.soon(app, ask, Onward::to(ask.here().to_owned())).await
}

/// The page of a view.
///
/// # Errors
/// When the view makes no sense, or the lake cannot be read.
pub(crate) async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let mut view = View::parse(&ask.query())?;
    if let Some(redirect) = canonical(&app, &ask, &view.url("/costs")).await? {
        return Ok(redirect.into_response());
    }
    let mut costs = match figures(&app, &ask, &view).await? {
        Soon::There(costs) => costs,
        Soon::Later(run) => return Ok(led(&run, Some(ask.here()))),
    };
    let mut note = String::new();
    if costs.rows.is_empty() && view.filters.is_empty() && is_standard(&view) {
        let period = Period::Named("last-month".to_owned());
        let earlier = View { period, ..view.clone() };
        let there = match figures(&app, &ask, &earlier).await? {
            Soon::There(costs) => costs,
            Soon::Later(run) => return Ok(led(&run, Some(ask.here()))),
        };
        if !there.rows.is_empty() {
            let month = format::month(&costs.from);
            note = format!(
                "No charges of {month} have arrived yet. AWS sends the first within about a day. \
                 Below is the month before."
            );
            (view, costs) = (earlier, there);
        }
    }
    draw(&Box::pin(made(&app, &ask, &view, &costs, note)).await?)
}

fn is_standard(view: &View) -> bool {
    matches!(&view.period, Period::Named(name) if name == PERIOD)
}

async fn made(
    app: &App,
    ask: &Ask,
    view: &View,
    costs: &Costs,
    note: String,
) -> Result<CostsPage, Fail> {
    let session = app.session(view.as_of).await?;
    let months = months_in(&session).await?;
    let shell = Shell::new(app, ask, Place::Costs, &["Costs"]).await?;
    let elsewhere = elsewhere(app, ask, view, costs).await?;
    let picker = Picker::new(view, "/costs", app.today(), &months)?;
    let shown = Shown { currency: &costs.currency, is_exact: view.is_exact };
    let before = costs.before.map(|before| {
        let days = costs.before_from.as_deref().zip(costs.before_to.as_deref());
        let days = days.map_or_else(String::new, |(from, to)| table::short_days(from, to));
        (shown.money(before), days, shown.change(costs.total, before))
    });
    let lines_view = view.of_lines(&costs.currency);
    let chart = Chart::of(view, costs);
    let table = Table::of(view, costs, shown);
    let mut csv_safe = view.url("/costs/costs.csv");
    csv_safe.push_str(if csv_safe.contains('?') { "&safe=1" } else { "?safe=1" });
    Ok(CostsPage {
        controls: Controls::of(view, costs),
        elsewhere,
        note,
        hints: if costs.rows.is_empty() { Vec::new() } else { costs.hints.clone() },
        metric: costs.metric.clone(),
        meaning: view.metric.meaning,
        currency: costs.currency.clone(),
        from: costs.from.clone(),
        to: costs.to.clone(),
        state: costs.state.clone(),
        state_word: costs.state.clone(),
        state_icon: picker::icon(&costs.state),
        total: shown.money(costs.total),
        before,
        through: table::through(costs.through.as_deref()),
        lines: format::count(costs.lines),
        lines_exact: costs.lines,
        lines_href: lines_view.url("/costs/lines"),
        legend: if chart.is_some() { table::legend(view, costs, shown) } else { Vec::new() },
        days: chart.as_ref().map(|_| Days::of(view, costs, shown)),
        chart,
        table,
        missing: costs.left_out.iter().map(Missing::left_out).collect(),
        without: costs.without.iter().map(Missing::without).collect(),
        empty: empty(view, costs, &picker.label),
        csv: view.url("/costs/costs.csv"),
        csv_safe,
        parquet: view.url("/costs/costs.parquet"),
        svg: view.url("/costs/costs.svg"),
        shell,
        picker,
    })
}

/// The same figures by other ways.
async fn elsewhere(app: &App, ask: &Ask, view: &View, costs: &Costs) -> Result<Elsewhere, Fail> {
    let mut elsewhere = Elsewhere::of(app, view, costs)?;
    let link = link(app, ask, &elsewhere.link).await?;
    elsewhere.link = link.map_or_else(String::new, |link| format!("{}{link}", elsewhere.base));
    Ok(elsewhere)
}

/// Why there is nothing to see; empty when there is something.
fn empty(view: &View, costs: &Costs, days: &str) -> String {
    if !costs.rows.is_empty() {
        return String::new();
    }
    let others: Vec<&str> = costs.currencies.iter().map(|other| other.currency.as_str()).collect();
    if !others.is_empty() {
        let (asked, others) = (&costs.currency, others.join(", "));
        return format!("There are no costs in {asked} in {days}; there are in {others}.");
    }
    match view.filters.as_slice() {
        [] => costs.hints.last().map_or_else(String::new, |hint| sentence(hint)),
        [one] => format!("No lines match {} in {days}.", one.label()),
        some => format!("No lines match these {} filters in {days}.", some.len()),
    }
}

/// A text of the engine as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>());
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

async fn csv(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let view = View::parse(&ask.query())?;
    let is_safe = ask.parameter("safe").as_deref() == Some("1");
    Box::pin(costs::csv(&app, &view, is_safe)).await
}

async fn parquet(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let view = View::parse(&ask.query())?;
    Box::pin(costs::parquet(&app, &view)).await
}

async fn svg(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let view = View::parse(&ask.query())?;
    let costs = Box::pin(costs::answer(&app, &view)).await?;
    let days = picker::days(view.period.range(app.today())?);
    let drawing = chart::file(&view, &costs, &days);
    Ok(costs::sent("image/svg+xml", "svg", &view, &app, drawing.into_bytes()))
}

/// The SQL that asks for the same.
fn sql(app: &App, view: &View, costs: &Costs) -> Result<String, Fail> {
    let range = view.period.range(app.today())?;
    let mut request = view.request(range, app.today());
    request.currency = Some(costs.currency.clone());
    Ok(report::sql(&request, range)?)
}
