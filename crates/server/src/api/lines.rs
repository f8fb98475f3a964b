//! The lines behind a figure, the largest first, and one line with where it comes from.
//!
//! A list goes on with the state of the lake that it began with, so that a delivery which comes
//! meanwhile neither repeats nor drops a line.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use billhook_engine::report::{self, LineId, LineItem, LinesRequest, WholeLine, line_in, lines_in};
use billhook_lake::session::{LakeSession, Reads};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::api::costs::state;
use crate::api::mappings::{ColumnRule, LineMapping};
use crate::api::{Amount, Instant};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::heavy::Asked;
use crate::jobs::JobView;
use crate::kept::Question;
use crate::routes::{Need, Route, get};
use crate::view::View;
use crate::warm::Wish;

/// Lines of a page.
const PAGE: u32 = 100;

/// Records in quarantine that are listed.
const SET_ASIDE: u32 = 200;

/// What is shown when no columns are chosen.
const COLUMNS: [&str; 7] = [
    "ChargeDate",
    "x_AccountName",
    "ServiceName",
    "ResourceId",
    "ChargeDescription",
    "ChargeCategory",
    "ConsumedQuantity",
];

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/costs/lines", Need::Viewer, get_lines),
        get("/api/v1/costs/line", Need::Viewer, get_line),
        get("/api/v1/costs/quarantine", Need::Viewer, get_quarantine),
    ]
}

/// States of the lake that lists go on with.
#[derive(Default)]
pub(crate) struct Pins(Mutex<VecDeque<(i64, Arc<LakeSession>)>>);

/// States that are kept. Those that were dropped are opened again by their time.
const KEPT: usize = 8;

impl Pins {
    /// Keeps a state; gives what it is found by: about the time it is of, microseconds.
    fn keep(&self, now: i64, session: &Arc<LakeSession>) -> i64 {
        let mut pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, _)) = pins.iter().find(|(_, known)| Arc::ptr_eq(known, session)) {
            return *at;
        }
        if pins.len() >= KEPT {
            pins.pop_front();
        }
        pins.push_back((now, Arc::clone(session)));
        now
    }

    fn find(&self, at: i64) -> Option<Arc<LakeSession>> {
        let pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pins.iter().find(|(known, _)| *known == at).map(|(_, session)| Arc::clone(session))
    }
}

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The view whose lines these are.
    pub(crate) view: View,
    /// Columns that were chosen; none for the usual ones.
    pub(crate) columns: Vec<String>,
}

/// Lines of a view.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct LinesPage {
    /// Column that is summed.
    pub(crate) metric: String,
    /// ISO 4217 code of all amounts here.
    pub(crate) currency: String,
    /// First day, UTC.
    pub(crate) from: String,
    /// The day after the last one.
    pub(crate) to: String,
    /// `open`, `estimated`, `final` or `reopened`: the least final of the months.
    pub(crate) state: String,
    /// How many lines there are.
    pub(crate) count: u64,
    /// Their exact sum.
    pub(crate) total: Amount,
    /// The exact sum of those listed here.
    pub(crate) listed: Amount,
    /// Lines before those listed here.
    pub(crate) skipped: u64,
    /// The columns of the lines.
    pub(crate) columns: Vec<String>,
    /// The lines, the largest absolute amounts first.
    pub(crate) lines: Vec<LineOf>,
    /// What to send as `after` for the next ones.
    pub(crate) next: Option<String>,
    /// Has the lake newer data than those listed?
    pub(crate) is_outdated: bool,
}

/// A line of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ListedLine)]
pub(crate) struct LineOf {
    /// Its amount.
    pub(crate) amount: Amount,
    /// The columns.
    pub(crate) cells: Vec<Option<String>>,
    /// Where it comes from.
    pub(crate) source: Source,
}

/// Where a line comes from.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = LineSource)]
pub(crate) struct Source {
    /// Connection.
    pub(crate) connection: String,
    /// Billing period, YYYY-MM.
    pub(crate) period: String,
    /// Revision of the delivery.
    pub(crate) revision: String,
    /// File of the delivery.
    pub(crate) file: String,
    /// Number of the record in it.
    pub(crate) row: i64,
    /// Which of the lines that were made of the record.
    pub(crate) part: String,
}

/// A line with all that is known of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OneLine {
    /// Where it comes from.
    pub(crate) source: Source,
    /// ISO 4217 code.
    pub(crate) currency: String,
    /// Its columns.
    pub(crate) cells: Vec<Cell>,
    /// The mapping that made it; nothing when it was made of other lines.
    pub(crate) mapping: Option<LineMapping>,
    /// All deliveries of its month, the newest first.
    pub(crate) deliveries: Vec<DeliveryOf>,
}

/// A column of a line.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = LineColumn)]
pub(crate) struct Cell {
    /// Its name.
    pub(crate) name: String,
    /// What it says.
    pub(crate) meaning: String,
    /// Its value with all digits; JSON of a map.
    pub(crate) value: Option<String>,
    /// The value of an amount.
    pub(crate) amount: Option<Amount>,
    /// The entries of a map.
    pub(crate) entries: Vec<Entry>,
    /// How it was made of the source; nothing for what is of Billhook's own.
    pub(crate) rule: Option<ColumnRule>,
}

/// An entry of a map.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = LineEntry)]
pub(crate) struct Entry {
    /// Key.
    pub(crate) key: String,
    /// Value.
    pub(crate) value: String,
}

/// A delivery.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = LineDelivery)]
pub(crate) struct DeliveryOf {
    /// Revision.
    pub(crate) revision: String,
    /// Where it was read from.
    pub(crate) location: String,
    /// Kind of product.
    pub(crate) kind: String,
    /// State of the month after it.
    pub(crate) state: String,
    /// When it was loaded.
    pub(crate) loaded_at: Instant,
}

impl Wanted {
    /// Understands `col` and the parameters of a view.
    ///
    /// # Errors
    /// When a column does not exist, or the view makes no sense.
    pub(crate) fn parse(pairs: Vec<(String, String)>) -> Result<Self, Fail> {
        let (own, rest): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| name == "col");
        let mut columns: Vec<String> = Vec::new();
        for (_, names) in &own {
            for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                let column = report::column(name)?;
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
        }
        Ok(Self { view: View::parse(&rest)?, columns })
    }

    /// The address of these lines on a page.
    pub(crate) fn url(&self, path: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.view.pairs());
        if !self.columns.is_empty() {
            query.append_pair("col", &self.columns.join(","));
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// Asks for the lines of a view.
///
/// # Errors
/// When the lake cannot be opened.
pub(crate) async fn ask(app: &Arc<App>, wanted: &Wanted) -> Result<Asked<LinesPage>, Fail> {
    app.wishes.note(Wish::Lines(wanted.clone()));
    begin(app, wanted).await
}

/// The same, for what is not asked by anybody.
///
/// # Errors
/// When the lake cannot be opened.
pub(crate) async fn begin(app: &Arc<App>, wanted: &Wanted) -> Result<Asked<LinesPage>, Fail> {
    let newest = app.session(wanted.view.as_of).await?;
    let question = Question {
        text: format!("{} {}", app.today(), wanted.url("")),
        subject: "Lines".to_owned(),
        asked_at: app.now(),
    };
    let (own, wanted, of) = (Arc::clone(app), wanted.clone(), Arc::clone(&newest));
    Ok(app.kept_lines.ask(&newest, question, move |reads| async move {
        Box::pin(fresh(&own, &wanted, of, &reads)).await
    }))
}

/// The lines of a view, looked up.
async fn fresh(
    app: &App,
    wanted: &Wanted,
    newest: Arc<LakeSession>,
    reads: &Arc<Reads>,
) -> Result<LinesPage, Fail> {
    let view = &wanted.view;
    let (pin, skip) = cursor(view.after.as_deref())?;
    let session = match pin {
        None => Arc::clone(&newest),
        Some(at) => match app.pins.find(at) {
            Some(session) => session,
            None => app.session(Some(at / 1_000)).await?,
        },
    };
    let reader = session.watched(reads);
    let range = view.period.range(app.today())?;
    let mut request = LinesRequest {
        report: view.request(range, app.today()),
        range,
        columns: wanted.columns.clone(),
        skip,
        limit: PAGE,
    };
    if request.columns.is_empty() {
        request.columns = COLUMNS.map(str::to_owned).to_vec();
    }
    request.report.currency.clone_from(&view.currency);
    let mut found = Box::pin(lines_in(&reader, &request)).await?;
    if let [first, _, ..] = found.sums.as_slice() {
        request.report.currency = Some(first.currency.clone());
        found = Box::pin(lines_in(&reader, &request)).await?;
    }
    let sum = found.sums.first();
    let wished = view.currency.clone().unwrap_or_else(|| "USD".to_owned());
    let listed = found.lines.iter().fold(0_i128, |sum, line| sum.saturating_add(line.amount));
    let next = found.has_more.then(|| {
        let at = pin.unwrap_or_else(|| app.pins.keep(app.now(), &session));
        format!("{at}-{}", skip.saturating_add(u64::from(PAGE)))
    });
    Ok(LinesPage {
        metric: view.metric.column.to_owned(),
        currency: sum.map_or(wished, |sum| sum.currency.clone()),
        from: range.from.to_string(),
        to: range.to.to_string(),
        state: state(&reader, range).await?,
        count: sum.map_or(0, |sum| sum.rows),
        total: Amount(sum.map_or(0, |sum| sum.total)),
        listed: Amount(listed),
        skipped: skip,
        columns: found.columns,
        lines: found.lines.into_iter().map(line_of).collect(),
        next,
        is_outdated: pin.is_some() && !Arc::ptr_eq(&newest, &session),
    })
}

/// The state of the lake and the lines before the page, of a cursor.
fn cursor(after: Option<&str>) -> Result<(Option<i64>, u64), Fail> {
    let Some(after) = after else { return Ok((None, 0)) };
    let parts = after.split_once('-').and_then(|(pin, skip)| {
        let pin = pin.parse::<i64>().ok()?;
        Some((Some(pin), skip.parse::<u64>().ok()?))
    });
    parts.ok_or_else(|| {
        Fail::bad(format!(
            "after={after:?} is no place in a list: take `next` of the answer before"
        ))
    })
}

fn line_of(line: LineItem) -> LineOf {
    LineOf { amount: Amount(line.amount), cells: line.cells, source: line.id.into() }
}

impl From<LineId> for Source {
    fn from(id: LineId) -> Self {
        let LineId { connection, period, revision, file, row, part } = id;
        Self { connection, period, revision, file, row, part }
    }
}

impl Source {
    /// The page of the line.
    pub(crate) fn href(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("connection", &self.connection)
            .append_pair("period", &self.period)
            .append_pair("revision", &self.revision)
            .append_pair("file", &self.file)
            .append_pair("row", &self.row.to_string())
            .append_pair("part", &self.part);
        format!("/costs/line?{}", query.finish())
    }
}

/// One line.
///
/// # Errors
/// When it is not in the lake, or the lake cannot be read.
pub(crate) async fn one(app: &App, ask: &Ask) -> Result<OneLine, Fail> {
    let text = |name: &str| {
        ask.parameter(name).ok_or_else(|| Fail::bad(format!("{name} of the line is missing")))
    };
    let row = text("row")?;
    let id = LineId {
        connection: text("connection")?,
        period: text("period")?,
        revision: text("revision")?,
        file: text("file")?,
        row: row.parse().map_err(|_| Fail::bad(format!("row={row:?} is no number")))?,
        part: ask.parameter("part").unwrap_or_default(),
    };
    let session = app.session(None).await?;
    let line = Box::pin(line_in(&session, &id)).await?;
    let WholeLine { id, currency, cells, mapping, deliveries } = line;
    let cells = cells.into_iter().map(|cell| Cell {
        name: cell.name.to_owned(),
        meaning: cell.meaning.to_owned(),
        value: cell.value,
        amount: cell.units.map(Amount),
        entries: cell.entries.into_iter().map(|(key, value)| Entry { key, value }).collect(),
        rule: cell.rule.map(ColumnRule::from),
    });
    let deliveries = deliveries.into_iter().map(|delivery| DeliveryOf {
        revision: delivery.revision,
        location: delivery.location,
        kind: delivery.kind,
        state: delivery.state,
        loaded_at: Instant(delivery.recorded_at),
    });
    Ok(OneLine {
        source: id.into(),
        currency,
        cells: cells.collect(),
        mapping: mapping.map(LineMapping::from),
        deliveries: deliveries.collect(),
    })
}

/// Records of a month that were set aside.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Quarantine {
    /// Connection.
    pub(crate) connection: String,
    /// Billing period, YYYY-MM.
    pub(crate) period: String,
    /// The first 200 records.
    pub(crate) records: Vec<QuarantinedRecord>,
}

/// A record that cannot be read.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct QuarantinedRecord {
    /// Revision of the delivery.
    pub(crate) revision: String,
    /// File of the delivery.
    pub(crate) file: String,
    /// Number of the record in it.
    pub(crate) row: i64,
    /// The column that cannot be read.
    pub(crate) column: String,
    /// What stands there.
    pub(crate) value: String,
    /// Why it cannot be read.
    pub(crate) reason: String,
    /// The record as it was delivered.
    pub(crate) record: String,
}

/// The records of a connection's month that were set aside.
///
/// # Errors
/// When no month is named, or the lake cannot be read.
pub(crate) async fn quarantine(app: &App, ask: &Ask) -> Result<Quarantine, Fail> {
    let text = |name: &str| {
        ask.parameter(name).ok_or_else(|| Fail::bad(format!("{name} of the records is missing")))
    };
    let (connection, period) = (text("connection")?, text("period")?);
    let session = app.session(None).await?;
    let found = report::set_aside_in(&session, &connection, &period, SET_ASIDE).await?;
    let records = found.into_iter().map(|one| QuarantinedRecord {
        revision: one.revision,
        file: one.file,
        row: one.row,
        column: one.column,
        value: one.value,
        reason: one.reason,
        record: one.record,
    });
    Ok(Quarantine { records: records.collect(), connection, period })
}

/// Lines behind a figure
///
/// The largest absolute amounts first. A list goes on with the state of the lake that it began
/// with.
#[utoipa::path(
    get,
    path = "/api/v1/costs/lines",
    tag = "costs",
    params(
        ("col" = Option<String>, Query, description = "Columns with commas between; beside it the parameters of /api/v1/costs"),
        ("after" = Option<String>, Query, description = "What `next` of the answer before said"),
    ),
    responses(
        (status = 200, description = "The lines", body = LinesPage),
        (status = 202, description = "With Prefer: respond-async: the job that goes on with it", body = JobView)
    )
)]
pub(crate) async fn get_lines(
    State(app): State<Arc<App>>,
    asker: Ask,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let wanted = Wanted::parse(asker.query())?;
    ask(&app, &wanted).await?.json(&app, &asker, &headers).await
}

/// One line
///
/// All columns of a line with what each is made of, and the deliveries of its month.
#[utoipa::path(
    get,
    path = "/api/v1/costs/line",
    tag = "costs",
    params(
        ("connection" = String, Query, description = "Connection"),
        ("period" = String, Query, description = "Billing period, YYYY-MM"),
        ("revision" = String, Query, description = "Revision of the delivery"),
        ("file" = String, Query, description = "File of the delivery"),
        ("row" = i64, Query, description = "Number of the record in it"),
        ("part" = Option<String>, Query, description = "Which of the lines made of the record"),
    ),
    responses((status = 200, description = "The line", body = OneLine))
)]
pub(crate) async fn get_line(State(app): State<Arc<App>>, ask: Ask) -> Result<Json<OneLine>, Fail> {
    Ok(Json(one(&app, &ask).await?))
}

/// Records in quarantine
///
/// Records of a month that cannot be read, with the reason and their text.
#[utoipa::path(
    get,
    path = "/api/v1/costs/quarantine",
    tag = "costs",
    params(
        ("connection" = String, Query, description = "Connection"),
        ("period" = String, Query, description = "Billing period, YYYY-MM"),
    ),
    responses((status = 200, description = "The records", body = Quarantine))
)]
pub(crate) async fn get_quarantine(
    State(app): State<Arc<App>>,
    ask: Ask,
) -> Result<Json<Quarantine>, Fail> {
    Ok(Json(quarantine(&app, &ask).await?))
}

#[derive(OpenApi)]
#[openapi(paths(get_lines, get_line, get_quarantine))]
pub(crate) struct Doc;

#[cfg(test)]
mod tests {
    use super::{Wanted, cursor};
    use crate::ask::pairs;

    #[test]
    fn a_cursor_has_a_state_and_a_place() {
        assert_eq!(cursor(None).unwrap(), (None, 0));
        assert_eq!(cursor(Some("17-100")).unwrap(), (Some(17), 100));
        assert!(cursor(Some("100")).unwrap_err().why.contains("next"));
    }

    #[test]
    fn columns_are_part_of_the_address() {
        let wanted = Wanted::parse(pairs(b"col=service,resource&by=&col=service")).unwrap();
        assert_eq!(wanted.columns, ["ServiceName", "ResourceId"]);
        assert_eq!(wanted.url("/costs/lines"), "/costs/lines?by=&col=ServiceName%2CResourceId");
    }
}
