//! What is wrong with a query, and where.

use std::time::Duration;

use axum::http::StatusCode;
use billhook_engine::error::causes;
use billhook_engine::sql_names::near;
use billhook_lake::session::Reads;
use billhook_lake::{LakeError, spec};
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::fail::Fail;

/// Why a query has no answer, or not all of it.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    /// What to tell.
    pub(crate) fail: Fail,
    /// Line and column of the query, from 1.
    pub(crate) place: Option<(u64, u64)>,
    /// Did it take too long?
    pub(crate) is_late: bool,
}

impl From<Fail> for Wrong {
    fn from(fail: Fail) -> Self {
        Self { fail, place: None, is_late: false }
    }
}

impl From<Wrong> for Fail {
    fn from(wrong: Wrong) -> Self {
        let mut fail = wrong.fail;
        if let Some((line, column)) = wrong.place {
            fail.why = format!("line {line}, column {column}: {}", fail.why);
        }
        fail
    }
}

impl Wrong {
    /// The query cannot be answered; `fix` says what can be done.
    pub(crate) fn new(why: impl Into<String>, fix: impl Into<String>) -> Self {
        let title = "The query does not work";
        Fail::new(StatusCode::BAD_REQUEST, title, why, fix).into()
    }

    /// The query took too long.
    pub(crate) fn late(limit: Duration) -> Self {
        let why = format!("the query took longer than {} s", limit.as_secs());
        let fix = "Narrow it: a shorter period (x_BillingPeriod, ChargePeriodStart), fewer \
                   columns, or costs_daily, which has a row per day, account and service.";
        let fail = Fail::new(StatusCode::GATEWAY_TIMEOUT, "This took too long", why, fix);
        Self { is_late: true, ..fail.into() }
    }

    /// The same, with how far a query that took too long had come.
    pub(crate) fn having_read(mut self, reads: &Reads) -> Self {
        let (done, files) = (reads.done(), reads.files());
        if self.is_late && files > 0 {
            self.fail.why = format!("{}; {done} of {files} files were read", self.fail.why);
        }
        self
    }

    /// What the lake says of a query.
    pub(crate) fn of(error: LakeError) -> Self {
        if error.outage().is_some() {
            return Fail::from(error).into();
        }
        match error {
            LakeError::Query(error) => of_query(&error),
            error => Fail::from(error).into(),
        }
    }
}

fn of_query(error: &DataFusionError) -> Wrong {
    let root = error.find_root();
    let mut wrong = match root {
        DataFusionError::SQL(error, _) => return of_parser(&error.to_string()),
        DataFusionError::SchemaError(error, _) => of_schema(error),
        DataFusionError::Plan(message) => of_plan(message),
        DataFusionError::ResourcesExhausted(_) => Wrong::new(
            "the query needs more memory than one query may take",
            "Group by less, sort fewer rows, or narrow the period; whoever runs this server can \
             allow more.",
        ),
        DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ParquetError(_) => {
            let title = "The lake cannot be read";
            let fix = "Billhook tries again with the next request.";
            Fail::new(StatusCode::SERVICE_UNAVAILABLE, title, causes(root), fix).into()
        }
        root => Wrong::new(first_line(&root.message()), "Change the query and run it again."),
    };
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    wrong.place = span.map(|span| (span.start.line, span.start.column)).filter(|at| at.0 > 0);
    wrong
}

/// What the parser says ends with the place: `… at Line: 1, Column: 8`.
fn of_parser(message: &str) -> Wrong {
    let message = message.strip_prefix("sql parser error: ").unwrap_or(message);
    let (said, place) = message.rsplit_once(" at Line: ").unwrap_or((message, ""));
    let place = place
        .split_once(", Column: ")
        .and_then(|(line, column)| Some((line.trim().parse().ok()?, column.trim().parse().ok()?)));
    let wrong = Wrong::new(first_line(said), "Change the query and run it again.");
    Wrong { place, ..wrong }
}

fn of_schema(error: &SchemaError) -> Wrong {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let known: Vec<String> =
                valid_fields.iter().map(|column| column.name().to_owned()).collect();
            let why = format!("there is no column `{}`", field.name());
            Wrong::new(
                meant(why, near(field.name(), &known)),
                "The tables and their columns are \
                 beside the query.",
            )
        }
        SchemaError::AmbiguousReference { .. }
        | SchemaError::DuplicateQualifiedField { .. }
        | SchemaError::DuplicateUnqualifiedField { .. } => Wrong::new(
            first_line(&error.to_string()),
            "Give columns names of their own: `… AS name`.",
        ),
    }
}

fn of_plan(message: &str) -> Wrong {
    if let Some((what, name)) = message.split_once(" not supported: ")
        && matches!(what, "DDL" | "DML" | "Statement")
    {
        let why = format!(
            "the lake is read-only here: a statement of the kind {name} is refused, whoever asks"
        );
        let fix = "Use SELECT or EXPLAIN. Bills come in by connections and `billhook import`; \
                   results go out by the downloads under the answer.";
        return Wrong::new(why, fix);
    }
    let between = |start: &str| message.strip_prefix(start)?.strip_suffix("' not found");
    if let Some(name) = between("table function '") {
        let why = format!("there is no table function `{name}`: SQL here reads the lake alone");
        return Wrong::new(why, "Files and addresses are read by imports only.");
    }
    if let Some(name) = between("table '") {
        let name = name.rsplit('.').next().unwrap_or(name);
        let why = meant(format!("there is no table `{name}`"), near(name, &tables()));
        return Wrong::new(why, "The tables are beside the query.");
    }
    Wrong::new(first_line(message), "Change the query and run it again.")
}

/// Names of all tables and views.
fn tables() -> Vec<String> {
    let own = spec::ALL.iter().map(|spec| spec.name);
    ["costs", "costs_daily"].into_iter().chain(own).map(str::to_owned).collect()
}

fn meant(why: String, near: Option<String>) -> String {
    match near {
        Some(near) => format!("{why}; did you mean `{near}`?"),
        None => why,
    }
}

/// Lists of a hundred columns hide what is said.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_mistake_is_told() {
        let wrong = of_parser(
            "sql parser error: Expected: an expression, found: FROM at Line: 2, Column: 8",
        );
        assert_eq!(wrong.place, Some((2, 8)));
        assert_eq!(wrong.fail.why, "Expected: an expression, found: FROM");
        assert!(Fail::from(wrong).why.starts_with("line 2, column 8: "));
    }

    #[test]
    fn what_is_refused_and_what_is_not_there_is_named() {
        let refused = of_plan("DML not supported: COPY");
        assert_eq!(refused.fail.status, StatusCode::BAD_REQUEST);
        assert!(refused.fail.why.contains("COPY"), "{}", refused.fail.why);
        let missing = of_plan("table 'datafusion.public.cost' not found");
        assert!(missing.fail.why.contains("did you mean `costs`?"), "{}", missing.fail.why);
        let function = of_plan("table function 'read_parquet' not found");
        assert!(function.fail.why.contains("`read_parquet`"), "{}", function.fail.why);
    }
}
