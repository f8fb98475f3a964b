//! `billhook doctor`: is this machine and lake fit for use?

use std::io::Write;

use billhook_engine::EngineError;
use billhook_lake::session::{LakeSession, first_text};
use billhook_lake::{selftest, spec};

use crate::context::{Context, causes};

pub(crate) async fn run(context: &Context) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    let mut is_well = true;
    let mut tell = |name: &str, result: Result<String, String>| -> std::io::Result<()> {
        match result {
            Ok(text) => writeln!(out, "ok    {name}: {text}"),
            Err(text) => {
                is_well = false;
                writeln!(out, "FAIL  {name}: {text}")
            }
        }
    };
    tell("version", Ok(format!("billhook {}", env!("CARGO_PKG_VERSION"))))?;
    let home = match context.existing_home().await {
        Ok(home) => home,
        Err(error) => {
            // Looking must not make anything.
            let nothing = matches!(error.downcast_ref(), Some(EngineError::Nothing(_)));
            let text = causes(error.as_ref());
            tell("home", if nothing { Ok(text) } else { Err(text) })?;
            return Ok(u8::from(!nothing));
        }
    };
    tell("home", Ok(home.dir.display().to_string()))?;
    tell("lake", Ok(home.lake.url.to_string()))?;
    let conditional = selftest::conditional_put(&home.lake).await;
    tell(
        "conditional writes",
        conditional.map(|()| "honoured".to_owned()).map_err(|e| causes(&e)),
    )?;
    for spec in spec::ALL {
        // What nothing was ever written to is not there, and needs not be.
        if home.lake.exists(spec).await.is_ok_and(|exists| !exists) {
            continue;
        }
        let result = match home.lake.table(spec).await {
            Ok(table) => table
                .files()
                .map(|files| {
                    let rows: u64 = files.iter().map(billhook_lake::table::FileEntry::rows).sum();
                    format!("version {}, {} files, {rows} rows", table.version(), files.len())
                })
                .map_err(|e| causes(&e)),
            Err(error) => Err(causes(&error)),
        };
        tell(&format!("table {}", spec.name), result)?;
    }
    let agreement = agreement(&home.lake).await;
    tell("roll-up agrees with the lines", agreement.map_err(|e| causes(&e)))?;
    Ok(u8::from(!is_well))
}

/// Compares `cost_daily` with `cost_and_usage`, slice by slice.
async fn agreement(lake: &billhook_lake::Lake) -> Result<String, billhook_lake::LakeError> {
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
    Err(billhook_lake::LakeError::Location {
        location: format!("{differing} slices differ; the lake"),
    })
}
