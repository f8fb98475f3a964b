//! The lines behind a figure, and one line with where it comes from.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use billhook_focus::columns;

use crate::api::addresses::canonical;
use crate::api::lines::{
    self, Cell, LineOf, LinesPage, OneLine, QuarantinedRecord, Wanted, one, quarantine,
};
use crate::api::mappings::{ColumnRule, LineMapping, SourceColumn};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::format;
use crate::heavy::{Onward, Soon, led};
use crate::pages::costs::controls::groupable;
use crate::pages::costs::figure::{Money, Shown};
use crate::pages::costs::picker::{days, icon};
use crate::pages::costs::table::shown_value;
use crate::routes::{Need, Route, get};
use crate::shell::{Place, Shell, draw};
use crate::view::View;

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/costs/lines", Need::Viewer, page),
        get("/costs/line", Need::Viewer, line),
        get("/costs/quarantine", Need::Viewer, set_aside),
    ]
}

#[derive(Template)]
#[template(path = "costs/lines.html")]
struct ListPage {
    shell: Shell,
    days: String,
    metric: String,
    currency: String,
    from: String,
    to: String,
    state: String,
    conditions: Vec<(String, String)>,
    count: String,
    total: Money,
    listed: Money,
    /// `1–100`.
    places: String,
    columns: Vec<String>,
    lines: Vec<LineRow>,
    next: Option<String>,
    first: Option<String>,
    is_outdated: bool,
    /// The columns, as they are typed.
    chosen: String,
    all_columns: Vec<&'static str>,
    hidden: Vec<(String, String)>,
    costs: String,
}

/// A line of the list.
#[derive(Debug, Clone)]
struct LineRow {
    amount: Money,
    href: String,
    cells: Vec<CellView>,
}

/// A cell.
#[derive(Debug, Clone)]
struct CellView {
    column: String,
    value: String,
    is_none: bool,
}

/// The page of the lines of a view.
///
/// # Errors
/// When the view makes no sense, or the lake cannot be read.
pub(crate) async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let wanted = Wanted::parse(ask.query())?;
    if let Some(redirect) = canonical(&app, &ask, &wanted.url("/costs/lines")).await? {
        return Ok(redirect.into_response());
    }
    let asked = lines::ask(&app, &wanted).await?;
    let lines = match asked.soon(&app, &ask, Onward::to(ask.here().to_owned())).await? {
        Soon::There(lines) => lines,
        Soon::Later(run) => return Ok(led(&run, Some(ask.here()))),
    };
    let shell = Shell::new(&app, &ask, Place::Costs, &["Lines", "Costs"]).await?;
    let range = wanted.view.period.range(app.today())?;
    draw(&listed(shell, &wanted, lines, &days(range)))
}

fn listed(shell: Shell, wanted: &Wanted, page: LinesPage, days: &str) -> ListPage {
    let view = &wanted.view;
    let costs = view.first_page().url("/costs");
    let shown = Shown { currency: &page.currency, is_exact: view.is_exact };
    let at = |after: Option<String>| {
        let view = View { after, ..view.clone() };
        Wanted { view, columns: wanted.columns.clone() }.url("/costs/lines")
    };
    let conditions = view.filters.iter().map(|filter| {
        let there = Wanted { view: view.without(filter), columns: wanted.columns.clone() };
        (filter.label(), there.url("/costs/lines"))
    });
    let count = u64::try_from(page.lines.len()).unwrap_or(u64::MAX);
    let row = |line: &LineOf| LineRow {
        amount: shown.money(line.amount),
        href: line.source.href(),
        cells: page
            .columns
            .iter()
            .zip(&line.cells)
            .map(|(column, value)| CellView {
                column: column.clone(),
                value: shown_value(value.as_deref()),
                is_none: value.is_none(),
            })
            .collect(),
    };
    let hidden = view.first_page().pairs();
    ListPage {
        shell: shell.under(&[("Costs", costs.as_str())]),
        days: days.to_owned(),
        conditions: conditions.collect(),
        count: format::grouped(page.count),
        total: shown.money(page.total),
        listed: shown.money(page.listed),
        places: format!(
            "{}\u{2013}{}",
            format::grouped(page.skipped.saturating_add(1)),
            format::grouped(page.skipped.saturating_add(count))
        ),
        lines: page.lines.iter().map(row).collect(),
        next: page.next.clone().map(|after| at(Some(after))),
        first: (page.skipped > 0).then(|| at(None)),
        is_outdated: page.is_outdated,
        chosen: page.columns.join(","),
        all_columns: groupable(),
        hidden,
        costs,
        metric: page.metric.clone(),
        currency: page.currency.clone(),
        from: page.from.clone(),
        to: page.to.clone(),
        state: page.state.clone(),
        columns: page.columns,
    }
}

#[derive(Template)]
#[template(path = "costs/line.html")]
struct OnePage {
    shell: Shell,
    description: String,
    currency: String,
    billed: Money,
    connection: String,
    connection_href: String,
    month: String,
    history_href: String,
    revision: String,
    file: String,
    row: i64,
    deliveries: Vec<DeliveryRow>,
    focus: Vec<Field>,
    own: Vec<Field>,
    maps: Vec<MapField>,
    empty: Vec<&'static str>,
    mapping: Option<LineMapping>,
}

/// A delivery of the line's month.
#[derive(Debug, Clone)]
struct DeliveryRow {
    revision: String,
    href: String,
    state_icon: &'static str,
    state_word: String,
    loaded: String,
    loaded_iso: String,
    is_this: bool,
}

/// A column with a value.
#[derive(Debug, Clone)]
struct Field {
    name: String,
    meaning: String,
    value: String,
    /// An amount, with all its digits.
    exact: Option<String>,
    rule: Option<RuleView>,
}

/// A column with entries.
#[derive(Debug, Clone)]
struct MapField {
    name: String,
    meaning: String,
    entries: Vec<(String, String)>,
    rule: Option<RuleView>,
}

/// How a column was made.
#[derive(Debug, Clone)]
struct RuleView {
    /// What it is made of, in a few words.
    from: String,
    /// Is it as it was delivered, so that there is nothing more to say?
    is_plain: bool,
    words: String,
    /// The columns of the source with their values.
    sources: String,
    expression: String,
}

impl RuleView {
    fn of(rule: &ColumnRule, cells: &[Cell]) -> Self {
        let plain = |header: &str| format!("{header} as it was delivered");
        let words = rule.words.clone().unwrap_or_default();
        let from = match rule.sources.as_slice() {
            [] => "by rule".to_owned(),
            [only] => format!("from {}", only.header),
            all => format!("from {} columns", all.len()),
        };
        let sources = rule.sources.iter().map(|source| source_view(source, cells));
        Self {
            is_plain: matches!(rule.sources.as_slice(), [only] if words == plain(&only.header)),
            from,
            words,
            sources: sources.collect::<Vec<_>>().join(" \u{b7} "),
            expression: rule.expression.clone(),
        }
    }
}

/// A column of the source with its value.
fn source_view(source: &SourceColumn, cells: &[Cell]) -> String {
    let header = &source.header;
    let Some(kept_in) = &source.kept_in else { return format!("{header} (not kept)") };
    if let Some(value) = &source.value {
        return format!("{header} = {}", format::visible(value));
    }
    let is_map = cells.iter().any(|cell| cell.name == *kept_in && !cell.entries.is_empty());
    if is_map { format!("{header}: see {kept_in}") } else { format!("{header} is empty") }
}

async fn line(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let line = Box::pin(one(&app, &ask)).await?;
    let shell = Shell::new(&app, &ask, Place::Costs, &["Line", "Costs"]).await?;
    draw(&whole(shell, line))
}

fn whole(shell: Shell, line: OneLine) -> OnePage {
    let OneLine { source, currency, cells, mapping, deliveries } = line;
    let shown = Shown { currency: &currency, is_exact: false };
    let find = |name: &str| cells.iter().find(|cell| cell.name == name);
    let billed = find("BilledCost").and_then(|cell| cell.amount).unwrap_or_default();
    let description = find("ChargeDescription").and_then(|cell| cell.value.as_deref());
    let description = description.map_or_else(|| "A line".to_owned(), format::visible);
    let month_path = format!("/history/{}/{}", source.connection, source.period);
    let (mut focus, mut own, mut maps, mut empty) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for cell in &cells {
        let rule = cell.rule.as_ref().map(|rule| RuleView::of(rule, &cells));
        if !cell.entries.is_empty() {
            let entries = cell.entries.iter();
            let entries = entries
                .map(|entry| (format::visible(&entry.key), format::visible(&entry.value)))
                .collect();
            let (name, meaning) = (cell.name.clone(), cell.meaning.clone());
            maps.push(MapField { name, meaning, entries, rule });
            continue;
        }
        let Some(value) = cell.value.as_deref().filter(|value| !value.is_empty()) else {
            empty.extend(columns::find(&cell.name).map(|column| column.name));
            continue;
        };
        let field = Field {
            name: cell.name.clone(),
            meaning: cell.meaning.clone(),
            value: format::visible(value),
            exact: cell
                .amount
                .filter(|_| cell.name.contains("Cost"))
                .map(crate::api::Amount::exact),
            rule,
        };
        let list = if cell.name.starts_with("x_") { &mut own } else { &mut focus };
        list.push(field);
    }
    let delivery = |delivery: crate::api::lines::DeliveryOf| DeliveryRow {
        href: revision_href(&month_path, &delivery.revision),
        state_icon: icon(&delivery.state),
        loaded: format::instant(delivery.loaded_at.0),
        loaded_iso: format::iso(delivery.loaded_at.0),
        is_this: delivery.revision == source.revision,
        revision: delivery.revision,
        state_word: delivery.state,
    };
    OnePage {
        shell: shell.under(&[("Costs", "/costs")]),
        description,
        billed: shown.money(billed),
        connection_href: format!("/connections/{}", source.connection),
        history_href: revision_href(&month_path, &source.revision),
        month: format::month(&source.period),
        deliveries: deliveries.into_iter().map(delivery).collect(),
        connection: source.connection,
        revision: source.revision.clone(),
        file: format::visible(&source.file),
        row: source.row,
        focus,
        own,
        maps,
        empty,
        mapping,
        currency: currency.clone(),
    }
}

/// The page of a delivery; its revision may hold anything.
fn revision_href(month: &str, revision: &str) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    format!("{month}/{}", utf8_percent_encode(revision, NON_ALPHANUMERIC))
}

#[derive(Template)]
#[template(path = "costs/quarantine.html")]
struct QuarantinePage {
    shell: Shell,
    connection: String,
    month: String,
    records: Vec<QuarantinedRecord>,
}

/// Records that cannot be read, with their text and the reason.
async fn set_aside(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let found = quarantine(&app, &ask).await?;
    let shell = Shell::new(&app, &ask, Place::Costs, &["Quarantine", "Costs"]).await?;
    let records = found.records.into_iter().map(|one| QuarantinedRecord {
        value: format::visible(&one.value),
        record: format::visible(&one.record),
        ..one
    });
    draw(&QuarantinePage {
        shell: shell.under(&[("Costs", "/costs")]),
        connection: format::visible(&found.connection),
        month: format::month(&found.period),
        records: records.collect(),
    })
}
