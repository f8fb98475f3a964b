//! `doctor`: is this machine and lake fit for use?

use billhook_lake::session::{LakeSession, first_text};
use billhook_lake::table::FileEntry;
use billhook_lake::{Lake, LakeError, selftest, spec};

use crate::Home;
use crate::error::causes;

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The thing.
    pub name: String,
    /// Is it as it should be?
    pub is_well: bool,
    /// What was seen.
    pub text: String,
}

impl Found {
    fn of(name: impl Into<String>, seen: Result<String, String>) -> Self {
        let is_well = seen.is_ok();
        let text = seen.unwrap_or_else(|text| text);
        Self { name: name.into(), is_well, text }
    }
}

/// Looks at a home: its lake, whether the store honours conditional writes (for which it writes and
/// removes a file), each table, and whether the roll-up agrees with the lines.
pub async fn look(home: &Home) -> Vec<Found> {
    let mut found = vec![
        Found::of("home", Ok(home.dir.display().to_string())),
        Found::of("lake", Ok(home.lake.url.to_string())),
    ];
    let conditional = selftest::conditional_put(&home.lake).await;
    let conditional = conditional.map(|()| "honoured".to_owned()).map_err(|e| causes(&e));
    found.push(Found::of("conditional writes", conditional));
    for spec in spec::ALL {
        // What nothing was ever written to is not there, and needs not be.
        if home.lake.exists(spec).await.is_ok_and(|exists| !exists) {
            continue;
        }
        let seen = match home.lake.table(spec).await {
            Ok(table) => table
                .files()
                .map(|files| {
                    let rows: u64 = files.iter().map(FileEntry::rows).sum();
                    format!("version {}, {} files, {rows} rows", table.version(), files.len())
                })
                .map_err(|e| causes(&e)),
            Err(error) => Err(causes(&error)),
        };
        found.push(Found::of(format!("table {}", spec.name), seen));
    }
    let agreement = agreement(&home.lake).await.map_err(|e| causes(&e));
    found.push(Found::of("roll-up agrees with the lines", agreement));
    found
}

/// Compares `cost_daily` with `cost_and_usage`, slice by slice.
async fn agreement(lake: &Lake) -> Result<String, LakeError> {
    let session = LakeSession::open(lake, None).await?;
    let sums = |table: &str| {
        format!(
            "SELECT x_Connection, x_BillingPeriod, BillingCurrency, SUM(BilledCost) AS b, \
             SUM(x_UnblendedCost) AS u FROM {table} GROUP BY 1, 2, 3"
        )
    };
    let sql = format!(
        "SELECT COUNT(*) FROM ({}) a FULL JOIN ({}) b ON a.x_Connection = b.x_Connection \
         AND a.x_BillingPeriod = b.x_BillingPeriod AND a.BillingCurrency = b.BillingCurrency \
         WHERE (a.b IS DISTINCT FROM b.b) OR (COALESCE(a.u, 0) IS DISTINCT FROM COALESCE(b.u, 0))",
        sums("cost_and_usage"),
        sums("cost_daily"),
    );
    let differing = first_text(&session.query(&sql).await?).unwrap_or_default();
    if differing == "0" {
        return Ok("to the last digit".to_owned());
    }
    Err(LakeError::Location { location: format!("{differing} slices differ; the lake") })
}
