//! The values that a column has in a view, with what each costs: what conditions are chosen from.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use billhook_engine::EngineError;
use billhook_engine::report::{self, Granularity, report_in};
use billhook_lake::session::LakeSession;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::api::Amount;
use crate::api::costs::{chosen, state};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::heavy::Asked;
use crate::jobs::JobView;
use crate::kept::Question;
use crate::routes::{Need, Route, get};
use crate::view::{How, View};
use crate::warm::Wish;

/// Values that are listed.
const LISTED: usize = 100;

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/api/v1/costs/values", Need::Viewer, get_values)]
}

/// Which values are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The view whose lines count.
    pub(crate) view: View,
    /// The column.
    pub(crate) column: String,
    /// What the values contain.
    pub(crate) search: Option<String>,
}

/// The values of a column.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ColumnValues)]
pub(crate) struct Values {
    /// The column.
    pub(crate) column: String,
    /// Column that is summed.
    pub(crate) metric: String,
    /// ISO 4217 code of all amounts here.
    pub(crate) currency: String,
    /// `open`, `estimated`, `final` or `reopened`: the least final of the months.
    pub(crate) state: String,
    /// Number of values that match.
    pub(crate) count: usize,
    /// The values with the largest absolute amounts, at most 100.
    pub(crate) values: Vec<ValueOf>,
}

/// A value.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ColumnValue)]
pub(crate) struct ValueOf {
    /// The value; nothing for lines without one.
    pub(crate) value: Option<String>,
    /// The exact sum of its lines.
    pub(crate) amount: Amount,
    /// How many lines.
    pub(crate) lines: u64,
}

impl Wanted {
    /// Understands `col`, `search` and the parameters of a view.
    ///
    /// # Errors
    /// When the column does not exist, or the view makes no sense.
    pub(crate) fn parse(pairs: Vec<(String, String)>) -> Result<Self, Fail> {
        let is_own = |pair: &(String, String)| matches!(pair.0.as_str(), "col" | "search");
        let (own, rest): (Vec<_>, Vec<_>) = pairs.into_iter().partition(is_own);
        let last = |name: &str| {
            let found = own.iter().rev().find(|(key, _)| key == name);
            found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let column = last("col").ok_or_else(|| {
            Fail::bad("no column is named: send col, such as col=ServiceName or col=tag:team")
        })?;
        let column = report::column(&column)?;
        Ok(Self { view: View::parse(&rest)?, column, search: last("search") })
    }
}

/// Asks for the values of a column, under all conditions of the view but those on the column
/// itself.
///
/// # Errors
/// When the lake cannot be opened.
pub(crate) async fn ask(app: &Arc<App>, wanted: &Wanted) -> Result<Asked<Values>, Fail> {
    app.wishes.note(Wish::Values(wanted.clone()));
    begin(app, wanted).await
}

/// The same, for what is not asked by anybody.
///
/// # Errors
/// When the lake cannot be opened.
pub(crate) async fn begin(app: &Arc<App>, wanted: &Wanted) -> Result<Asked<Values>, Fail> {
    let session = app.session(wanted.view.as_of).await?;
    let Wanted { view, column, search } = wanted;
    let question = Question {
        text: format!("{} {column:?} {search:?} {}", app.today(), view.query()),
        subject: format!("Values of {column}"),
        asked_at: app.now(),
    };
    let (own, wanted, of) = (Arc::clone(app), wanted.clone(), Arc::clone(&session));
    Ok(app.kept_values.ask(&session, question, move |reads| async move {
        Box::pin(fresh(&own, &wanted, &of.watched(&reads))).await
    }))
}

/// The values of a column, looked up.
async fn fresh(app: &App, wanted: &Wanted, session: &LakeSession) -> Result<Values, Fail> {
    let today = app.today();
    let mut view = wanted.view.first_page();
    view.filters.retain(|filter| filter.column != wanted.column);
    if let Some(search) = &wanted.search {
        view = view.with(How::Like, &wanted.column, search);
    }
    let range = view.period.range(today)?;
    let mut request = view.request(range, today);
    request.by = vec![wanted.column.clone()];
    request.granularity = Granularity::Total;
    request.compare = None;
    request.top = None;
    let mut values = Values {
        column: wanted.column.clone(),
        metric: view.metric.column.to_owned(),
        currency: view.currency.clone().unwrap_or_else(|| "USD".to_owned()),
        state: state(session, range).await?,
        count: 0,
        values: Vec::new(),
    };
    let report = match Box::pin(report_in(session, &request)).await {
        Ok(report) => report,
        Err(EngineError::Nothing(_)) => return Ok(values),
        Err(error) => return Err(error.into()),
    };
    if let Some(section) = chosen(&report, &view) {
        values.currency.clone_from(&section.currency);
        values.count = section.rows.len();
        let value = |row: &report::Row| ValueOf {
            value: row.keys.first().cloned().flatten(),
            amount: Amount(row.now.total),
            lines: row.now.rows,
        };
        values.values = section.rows.iter().take(LISTED).map(value).collect();
    }
    Ok(values)
}

/// Values of a column
///
/// What a condition can be made of: the values that a column has in a view, with their sums.
#[utoipa::path(
    get,
    path = "/api/v1/costs/values",
    tag = "costs",
    params(
        ("col" = String, Query, description = "The column, tag:KEY or category:NAME"),
        ("search" = Option<String>, Query, description = "Only values that contain this; beside it the parameters of /api/v1/costs"),
    ),
    responses(
        (status = 200, description = "The values", body = Values),
        (status = 202, description = "With Prefer: respond-async: the job that goes on with it", body = JobView)
    )
)]
pub(crate) async fn get_values(
    State(app): State<Arc<App>>,
    asker: Ask,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let wanted = Wanted::parse(asker.query())?;
    ask(&app, &wanted).await?.json(&app, &asker, &headers).await
}

#[derive(OpenApi)]
#[openapi(paths(get_values))]
pub(crate) struct Doc;
