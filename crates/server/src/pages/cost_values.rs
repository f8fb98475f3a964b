//! Choosing a condition: the values of a column, with what each costs.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use crate::api::addresses::link;
use crate::api::cost_values::{self, Values, Wanted};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::format;
use crate::heavy::{Onward, Soon, led};
use crate::pages::costs::figure::{Money, Shown};
use crate::pages::costs::picker::days;
use crate::pages::costs::table::shown_value;
use crate::routes::{Need, Route, get};
use crate::shell::{Place, Shell, draw};
use crate::view::{Filter, How, View};

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/costs/values", Need::Viewer, page),
        get("/costs/values/choose", Need::Viewer, choose),
    ]
}

#[derive(Template)]
#[template(path = "costs/values.html")]
struct ValuesPage {
    shell: Shell,
    column: String,
    metric: String,
    currency: String,
    from: String,
    to: String,
    state: String,
    days: String,
    search: String,
    /// The view, which the forms carry on.
    hidden: Vec<(String, String)>,
    rows: Vec<ValueRow>,
    /// How many values there are, when not all are listed.
    more: String,
    back: String,
}

/// A value to be chosen.
#[derive(Debug, Clone)]
struct ValueRow {
    id: String,
    label: String,
    value: String,
    amount: Money,
    lines: String,
    is_chosen: bool,
    /// The view with this value alone.
    href: String,
}

async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let wanted = Wanted::parse(ask.query())?;
    let asked = cost_values::ask(&app, &wanted).await?;
    let values = match asked.soon(&app, &ask, Onward::to(ask.here().to_owned())).await? {
        Soon::There(values) => values,
        Soon::Later(run) => return Ok(led(&run, Some(ask.here()))),
    };
    let shell = Shell::new(&app, &ask, Place::Costs, &[wanted.column.as_str(), "Costs"]).await?;
    let view = wanted.view.first_page();
    let range = view.period.range(app.today())?;
    let back = view.url("/costs");
    draw(&ValuesPage {
        shell: shell.under(&[("Costs", back.as_str())]),
        from: range.from.to_string(),
        to: range.to.to_string(),
        days: days(range),
        search: wanted.search.clone().unwrap_or_default(),
        hidden: view.pairs(),
        rows: rows(&view, &values),
        more: if values.count > values.values.len() {
            format::grouped(u64::try_from(values.count).unwrap_or(u64::MAX))
        } else {
            String::new()
        },
        back,
        column: values.column,
        metric: values.metric,
        currency: values.currency,
        state: values.state,
    })
}

fn rows(view: &View, values: &Values) -> Vec<ValueRow> {
    let shown = Shown { currency: &values.currency, is_exact: view.is_exact };
    let mut known = view.filters.iter();
    let known = known.find(|filter| filter.how == How::Is && filter.column == values.column);
    let row = |(at, one): (usize, &crate::api::cost_values::ValueOf)| {
        let value = one.value.clone().unwrap_or_default();
        ValueRow {
            id: format!("value-{at}"),
            label: shown_value(one.value.as_deref()),
            is_chosen: known.is_some_and(|filter| filter.values.contains(&value)),
            amount: shown.money(one.amount),
            lines: format::count(one.lines),
            href: view.only(&values.column, one.value.as_deref()).url("/costs"),
            value,
        }
    };
    values.values.iter().enumerate().map(row).collect()
}

/// Leads to the view with the values that were ticked.
async fn choose(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let is_own = |pair: &(String, String)| matches!(pair.0.as_str(), "value" | "how" | "text");
    let (own, rest): (Vec<_>, Vec<_>) = ask.query().into_iter().partition(is_own);
    let Wanted { mut view, column, .. } = Wanted::parse(rest)?;
    // Refuses a period that is none before it is carried on.
    view.period.range(app.today())?;
    let all = |name: &str| {
        let pairs = own.iter().filter(move |(key, _)| key == name);
        pairs.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    let how = match all("how").first().map(String::as_str) {
        None | Some("is") => How::Is,
        Some("not") => How::Not,
        Some("like") => How::Like,
        Some(other) => return Err(Fail::bad(format!("{other:?} is none of is, not and like"))),
    };
    let values = if how == How::Like { all("text") } else { all("value") };
    let values: Vec<String> =
        values.into_iter().filter(|value| how != How::Like || !value.is_empty()).collect();
    view.after = None;
    view.filters.retain(|filter| filter.column != column || filter.how != how);
    if !values.is_empty() {
        view.filters.push(Filter { how, column, values });
    }
    view.settle();
    let address = view.url("/costs");
    let link = link(&app, &ask, &address).await?;
    Ok(Redirect::to(link.as_ref().unwrap_or(&address)).into_response())
}
