//! SQL: an editor, the tables beside it, and the answer. A link never runs a query.

mod chart;

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{Datelike, Months, NaiveDate};

use crate::api::addresses;
use crate::api::queries::{self, QueryToSave, SavedQuery};
use crate::api::sql::{self, Answer, Format, MOST_ROWS, ROWS, Wrong};
use crate::api::tables::{self, SqlTable};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::heavy::{Onward, Repeatable, Soon, led};
use crate::jobs::JobId;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Place, Shell, draw};

use chart::Chart;

/// Characters of a cell that are shown.
const CELL: usize = 2_000;

/// All pages and forms.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/sql", Need::Viewer, page),
        post("/sql", Need::Viewer, run),
        post("/sql/download", Need::Viewer, download),
        post("/sql/saved", Need::Viewer, save),
        post("/sql/saved/{id}/remove", Need::Viewer, remove),
    ]
}

#[derive(Template)]
#[template(path = "sql/page.html")]
struct SqlPage {
    shell: Shell,
    query: String,
    as_of: String,
    limits: Vec<Choice>,
    /// Seconds that a query may run.
    seconds: u64,
    /// The saved query that is in the editor.
    saved: Option<SavedQuery>,
    queries: Vec<SavedQuery>,
    tables: Vec<SqlTable>,
    examples: Vec<Example>,
    link: Option<String>,
    answer: Option<Shown>,
    problem: Option<Problem>,
}

/// A number of rows that can be chosen.
struct Choice {
    value: usize,
    text: String,
    is_on: bool,
}

/// A query to begin with.
struct Example {
    name: &'static str,
    href: String,
}

/// An answer, ready to be drawn.
struct Shown {
    sentence: String,
    warning: String,
    columns: Vec<Head>,
    rows: Vec<Vec<Cell>>,
    chart: Option<Chart>,
    is_empty: bool,
    is_plan: bool,
    /// What a plan says, as one text.
    plan: String,
    /// All rows, for the download.
    all: String,
}

struct Head {
    name: String,
    is_number: bool,
}

struct Cell {
    text: String,
    exact: String,
    is_number: bool,
    is_none: bool,
}

/// What is wrong with a query.
struct Problem {
    title: String,
    why: String,
    fix: String,
    /// The line that is meant, and a mark under the place.
    marked: String,
}

/// What is asked for.
#[derive(Debug, Default)]
struct Wish {
    query: String,
    as_of: String,
    limit: usize,
    saved: Option<String>,
}

impl Wish {
    fn of(get: impl Fn(&str) -> Option<String>) -> Self {
        let limit = get("limit").and_then(|text| text.parse().ok()).unwrap_or(ROWS);
        Self {
            query: get("q").unwrap_or_default(),
            as_of: get("asof").unwrap_or_default().trim().to_owned(),
            limit: limit.clamp(1, MOST_ROWS),
            saved: get("saved").filter(|id| !id.is_empty()),
        }
    }

    fn posted(form: &Posted) -> Self {
        Self::of(|name| form.raw(name).map(str::to_owned))
    }

    /// What is run: the query, or what asks for its plan.
    fn statement(&self, is_plan: bool) -> String {
        if is_plan { format!("EXPLAIN {}", self.query) } else { self.query.clone() }
    }

    fn as_of(&self) -> Option<&str> {
        Some(self.as_of.as_str()).filter(|text| !text.is_empty())
    }

    /// The address that brings the query back, without running it.
    fn address(&self) -> String {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.append_pair("q", &self.query);
        if !self.as_of.is_empty() {
            pairs.append_pair("asof", &self.as_of);
        }
        if self.limit != ROWS {
            pairs.append_pair("limit", &self.limit.to_string());
        }
        format!("/sql?{}", pairs.finish())
    }
}

/// The editor, with what a run has answered. Nothing is run.
///
/// # Errors
/// When a saved query is not there, or the control database fails.
pub(crate) async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let mut wish = Wish::of(|name| ask.parameter(name));
    let run = ask.parameter("answer");
    if wish.saved.is_none()
        && addresses::is_long(ask.here())
        && let Some(link) = addresses::link(&app, &ask, &wish.address()).await?
    {
        return Ok(Redirect::to(&link).into_response());
    }
    let saved = saved(&app, &ask, &wish).await?;
    if let Some(saved) = &saved
        && wish.query.is_empty()
    {
        wish.query.clone_from(&saved.query);
    }
    let answer = run.as_deref().and_then(|run| answered(&app, run, &wish));
    draw(&drawn(&app, &ask, wish, saved, answer, None).await?)
}

/// What a run has answered to a query, or its plan.
fn answered(app: &App, run: &str, wish: &Wish) -> Option<Shown> {
    let find = |is_plan| {
        let answer = app.sql_answers.find(run, &wish.statement(is_plan))?;
        Some(shown(Answer::clone(&answer), is_plan))
    };
    find(false).or_else(|| find(true))
}

/// Runs the query of the form, or has it explained.
async fn run(State(app): State<Arc<App>>, ask: Ask, form: Posted) -> Result<Response, Fail> {
    let wish = Wish::posted(&form);
    let is_plan = form.get("action") == Some("explain");
    let saved = saved(&app, &ask, &wish).await?;
    match asked(&app, &ask, &wish, is_plan).await {
        Ok(Soon::Later(run)) => Ok((Extension(Repeatable), led(&run, None)).into_response()),
        Ok(Soon::There(answer)) => {
            let answer = shown(answer, is_plan);
            draw(&drawn(&app, &ask, wish, saved, Some(answer), None).await?)
        }
        Err(wrong) if wrong.fail.status == StatusCode::INTERNAL_SERVER_ERROR => Err(wrong.fail),
        Err(wrong) => {
            let status = wrong.fail.status;
            // EXPLAIN stands before what was typed.
            let before = if is_plan { "EXPLAIN ".len() } else { 0 };
            let problem = problem(&wrong, &wish.query, before);
            let page = drawn(&app, &ask, wish, saved, None, Some(problem)).await?;
            Ok((status, draw(&page)?).into_response())
        }
    }
}

/// The answer to a query or its plan, or the run that goes on with it.
async fn asked(
    app: &Arc<App>,
    ask: &Ask,
    wish: &Wish,
    is_plan: bool,
) -> Result<Soon<Answer>, Wrong> {
    let query = wish.statement(is_plan);
    let address = wish.address();
    // Without a link the query is not brought back: the answer stands alone.
    let link = addresses::link(app, ask, &address).await?.unwrap_or_else(|| "/sql".to_owned());
    let href = move |run: &JobId| {
        let sign = if link.contains('?') { '&' } else { '?' };
        format!("{link}{sign}answer={run}")
    };
    let (own, text) = (Arc::clone(app), query.clone());
    let done = move |run: &JobId, answer: &Arc<Answer>| own.sql_answers.keep(run, text, answer);
    let onward = Onward { href: Box::new(href), done: Box::new(done) };
    let asked = sql::ask(app, &query, wish.as_of(), wish.limit).await?;
    asked.soon(app, ask, onward).await
}

/// The whole answer as a file.
async fn download(State(app): State<Arc<App>>, form: Posted) -> Result<Response, Fail> {
    let wish = Wish::posted(&form);
    let format = match form.get("format") {
        Some("parquet") => Format::Parquet,
        _ => Format::Csv { is_safe: form.has("safe") },
    };
    sql::send(&app, &wish.query, wish.as_of(), None, format).await
}

/// Saves the query of the form, under a new name or instead of what was saved.
async fn save(State(app): State<Arc<App>>, ask: Ask, form: Posted) -> Result<Response, Fail> {
    let new = QueryToSave {
        name: form.get("name").unwrap_or_default().to_owned(),
        query: form.raw("q").unwrap_or_default().to_owned(),
        seen: form.get("seen").and_then(|seen| seen.parse().ok()),
    };
    let done = match (form.get("saved"), form.get("action")) {
        (Some(id), Some("change")) => queries::change(&app, &ask, id, new).await,
        _ => queries::save(&app, &ask, new).await,
    };
    match done {
        Ok(saved) => Ok(Redirect::to(&format!("/sql?saved={}", saved.id)).into_response()),
        Err(fail) if fail.status == StatusCode::UNPROCESSABLE_ENTITY => {
            let wish = Wish::posted(&form);
            let saved = saved(&app, &ask, &wish).await?;
            let problem = problem(&Wrong::from(fail), "", 0);
            let page = drawn(&app, &ask, wish, saved, None, Some(problem)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(&page)?).into_response())
        }
        Err(fail) => Err(fail),
    }
}

async fn remove(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, Fail> {
    queries::remove(&app, &ask, &id).await?;
    Ok(Redirect::to("/sql").into_response())
}

async fn saved(app: &App, ask: &Ask, wish: &Wish) -> Result<Option<SavedQuery>, Fail> {
    match &wish.saved {
        Some(id) => queries::one(app, ask, id).await.map(Some),
        None => Ok(None),
    }
}

async fn drawn(
    app: &App,
    ask: &Ask,
    wish: Wish,
    saved: Option<SavedQuery>,
    answer: Option<Shown>,
    problem: Option<Problem>,
) -> Result<SqlPage, Fail> {
    let title = if problem.is_some() { "Error: SQL" } else { "SQL" };
    let limits = [100, ROWS, MOST_ROWS].map(|value| Choice {
        value,
        text: format::grouped(u64::try_from(value).unwrap_or_default()),
        is_on: value == wish.limit,
    });
    let link = if wish.query.is_empty() {
        None
    } else {
        addresses::link(app, ask, &wish.address()).await?
    };
    Ok(SqlPage {
        shell: Shell::new(app, ask, Place::Sql, &[title]).await?,
        link,
        query: wish.query,
        as_of: wish.as_of,
        limits: limits.into(),
        seconds: app.config.statement_timeout.as_secs(),
        saved,
        queries: queries::all(app, ask).await?,
        tables: tables_beside(),
        examples: examples(app.today()),
        answer,
        problem,
    })
}

/// The tables; the columns of `cost_and_usage` are those of `costs` and stand there.
fn tables_beside() -> Vec<SqlTable> {
    let mut tables = tables::answer().items;
    for table in &mut tables {
        if matches!(table.name, "cost_and_usage" | "cost_daily") {
            table.columns.clear();
        }
    }
    tables
}

fn shown(answer: Answer, is_plan: bool) -> Shown {
    let chart = if is_plan { None } else { chart::chart(&answer) };
    let sentence = sentence(&answer);
    let Answer { columns, rows, total, warning, .. } = answer;
    let plan = if is_plan {
        let parts = rows.iter().map(|row| row.iter().flatten().cloned().collect::<Vec<_>>());
        parts.map(|parts| parts.join("\n")).collect::<Vec<_>>().join("\n\n")
    } else {
        String::new()
    };
    let heads: Vec<Head> = columns
        .iter()
        .map(|column| Head { name: format::visible(&column.name), is_number: column.is_number })
        .collect();
    let row = |row: Vec<Option<String>>| {
        let cells = row.into_iter().zip(&heads);
        cells.map(|(cell, head)| self::cell(cell, head.is_number)).collect()
    };
    Shown {
        sentence,
        warning: warning.unwrap_or_default(),
        rows: if is_plan { Vec::new() } else { rows.into_iter().map(row).collect() },
        columns: heads,
        chart,
        is_empty: total == 0,
        is_plan,
        plan,
        all: format::grouped(total),
    }
}

fn cell(value: Option<String>, is_number: bool) -> Cell {
    let Some(value) = value else {
        let text = "null".to_owned();
        return Cell { text, exact: String::new(), is_number, is_none: true };
    };
    if is_number {
        let text = value.strip_prefix('-').map(|rest| format!("\u{2212}{rest}"));
        let text = text.unwrap_or_else(|| value.clone());
        return Cell { text, exact: value, is_number, is_none: false };
    }
    let end = value.char_indices().nth(CELL).map(|(end, _)| end);
    let text = match end.and_then(|end| value.get(..end)) {
        Some(beginning) => format!("{}…", format::visible(beginning)),
        None => format::visible(&value),
    };
    Cell { text, exact: String::new(), is_number, is_none: false }
}

/// How much of the answer is shown, in a sentence.
fn sentence(answer: &Answer) -> String {
    let shown = u64::try_from(answer.rows.len()).unwrap_or_default();
    let (all, took) = (format::grouped(answer.total), format::duration(answer.took));
    let rows = if answer.is_late {
        format!(
            "First {} of at least {all} rows: the time was over before all were read. A shorter \
             period takes less",
            format::grouped(shown)
        )
    } else if shown < answer.total {
        format!("First {} of {all} rows", format::grouped(shown))
    } else if answer.total == 1 {
        "1 row".to_owned()
    } else {
        format!("{all} rows")
    };
    let files = match answer.files {
        1 => "1 file read".to_owned(),
        files => format!("{} files read", format::grouped(files)),
    };
    format!("{rows} · {took} · {files}")
}

/// What is wrong, with the place marked. `before` characters stand before what was typed.
fn problem(wrong: &Wrong, query: &str, before: usize) -> Problem {
    let place = wrong.place.and_then(|(line, column)| {
        let line = usize::try_from(line).ok()?.checked_sub(1)?;
        let column = usize::try_from(column).ok()?.checked_sub(1)?;
        let column = if line == 0 { column.saturating_sub(before) } else { column };
        Some((line, column))
    });
    let marked = place.and_then(|(line, column)| {
        let text = query.lines().nth(line)?;
        Some(format!("{:>4} | {text}\n     | {}^", line + 1, " ".repeat(column.min(text.len()))))
    });
    Problem {
        title: wrong.fail.title.clone(),
        why: wrong.fail.why.clone(),
        fix: wrong.fail.fix.clone(),
        marked: marked.unwrap_or_default(),
    }
}

/// Five queries to begin with.
fn examples(today: NaiveDate) -> Vec<Example> {
    let month = |day: NaiveDate| format!("{:04}-{:02}", day.year(), day.month());
    let now = month(today);
    let before = month(today.checked_sub_months(Months::new(1)).unwrap_or(today));
    let example = |name, query: String| {
        let wish = Wish { query, limit: ROWS, ..Wish::default() };
        Example { name, href: wish.address() }
    };
    vec![
        example(
            "Cost by service",
            format!(
                "SELECT ServiceName, BillingCurrency, SUM(BilledCost) AS BilledCost\n\
                 FROM costs_daily\nWHERE x_BillingPeriod = '{now}'\n\
                 GROUP BY ServiceName, BillingCurrency\nORDER BY BilledCost DESC"
            ),
        ),
        example(
            "Lines without the tag team",
            format!(
                "SELECT SubAccountId, ServiceName, BillingCurrency, COUNT(*) AS lines,\n  \
                 SUM(BilledCost) AS BilledCost\nFROM costs\n\
                 WHERE x_BillingPeriod = '{now}' AND Tags['team'] IS NULL\n\
                 GROUP BY SubAccountId, ServiceName, BillingCurrency\nORDER BY BilledCost DESC"
            ),
        ),
        example(
            "Credits",
            format!(
                "SELECT ChargeDescription, BillingCurrency, SUM(BilledCost) AS BilledCost\n\
                 FROM costs\nWHERE x_BillingPeriod >= '{before}' AND ChargeCategory = 'Credit'\n\
                 GROUP BY ChargeDescription, BillingCurrency\nORDER BY BilledCost"
            ),
        ),
        example(
            "Days that were restated",
            format!(
                "SELECT x_RecordedAt, x_Connection, ChargeDate, BillingCurrency,\n  \
                 SUM(BilledCostDifference) AS Difference\nFROM changes\n\
                 WHERE x_BillingPeriod >= '{before}' AND x_PreviousRevision IS NOT NULL\n\
                 GROUP BY x_RecordedAt, x_Connection, ChargeDate, BillingCurrency\n\
                 ORDER BY x_RecordedAt DESC, ChargeDate"
            ),
        ),
        example(
            "Two months side by side",
            format!(
                "SELECT ServiceName, BillingCurrency,\n  \
                 SUM(CASE WHEN x_BillingPeriod = '{before}' THEN BilledCost END) AS before,\n  \
                 SUM(CASE WHEN x_BillingPeriod = '{now}' THEN BilledCost END) AS now\n\
                 FROM costs_daily\nWHERE x_BillingPeriod IN ('{before}', '{now}')\n\
                 GROUP BY ServiceName, BillingCurrency\nORDER BY ServiceName"
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_marked_where_it_is() {
        let mut wrong = Wrong::new("there is no column `x`", "");
        wrong.place = Some((2, 8));
        let problem = problem(&wrong, "SELECT\n  a FROM x", 0);
        assert_eq!(problem.marked, "   2 |   a FROM x\n     |        ^");
        assert!(super::problem(&wrong, "SELECT", 0).marked.is_empty());
    }

    #[test]
    fn what_is_cut_is_told() {
        let answer = Answer {
            columns: Vec::new(),
            rows: vec![Vec::new(); 2],
            total: 1_001,
            is_late: false,
            took: 210_000,
            files: 14,
            warning: None,
        };
        assert_eq!(sentence(&answer), "First 2 of 1,001 rows · 210 ms · 14 files read");
    }

    #[test]
    fn a_link_brings_the_query_back() {
        let wish = Wish { query: "SELECT 1 + 1".to_owned(), limit: ROWS, ..Wish::default() };
        assert_eq!(wish.address(), "/sql?q=SELECT+1+%2B+1");
    }
}
