//! The ledger by the hour, where somebody wants it.
//!
//! The figures before are what the ledger's own entries of the slice add up to. So it may begin
//! with any delivery and leave some out, and always adds up to the delivery that it told last
//! (INV-HIST). The figures after are read from the lines that were just written. Both go through
//! one grouping, which spills to the disk, so that memory is bounded (INV-MEM).

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use deltalake_core::kernel::Add;
use tokio::runtime::Handle;

use super::{Changed, MICROS_PER_HOUR, Origin, batch};
use crate::provider::{LakeTable, register_store};
use crate::spec::{CHANGE_KEYS, CHANGE_SUMS, CHANGES_HOURLY, COST_AND_USAGE};
use crate::table::FileEntry;
use crate::write::{FileWriter, write_stream};
use crate::{Lake, LakeError};

/// Memory of the grouping, bytes. What needs more goes to the disk.
const MEMORY: usize = 256 << 20;

/// Writes the entries of a delivery that has these lines, which need not be committed. A delivery
/// whose lines are not hourly has no hours: it takes back those that were told before.
///
/// # Errors
/// When the lake cannot be read or written.
pub(crate) async fn write(
    lake: &Lake,
    origin: &Origin,
    lines: Vec<FileEntry>,
    is_hourly: bool,
) -> Result<Vec<Add>, LakeError> {
    let earlier = earlier(lake, origin).await?;
    let lines = if is_hourly { lines } else { Vec::new() };
    if lines.is_empty() && earlier.is_empty() {
        return Ok(Vec::new());
    }
    let context = bounded_session(lake)?;
    let lines = LakeTable::with_files(lake, &COST_AND_USAGE, lines);
    context.register_table("new_lines", Arc::new(lines))?;
    let earlier = LakeTable::with_files(lake, &CHANGES_HOURLY, earlier);
    context.register_table("earlier_changes", Arc::new(earlier))?;
    let changed = context.sql(&query()).await?.execute_stream().await?;
    let partition = vec![
        ("x_Connection".to_owned(), origin.connection.clone()),
        ("x_BillingPeriod".to_owned(), origin.period.clone()),
    ];
    let writer = FileWriter::new(lake.clone(), &CHANGES_HOURLY, partition, Handle::current());
    let rows = |found: RecordBatch| batch(&CHANGES_HOURLY, &changes(&found), origin);
    write_stream(writer, changed, rows, false).await
}

/// The files of what was told of the slice before.
async fn earlier(lake: &Lake, origin: &Origin) -> Result<Vec<FileEntry>, LakeError> {
    if !lake.exists(&CHANGES_HOURLY).await? {
        return Ok(Vec::new());
    }
    let mut files = lake.table(&CHANGES_HOURLY).await?.files()?;
    files.retain(|file| {
        file.partition_value("x_Connection") == origin.connection
            && file.partition_value("x_BillingPeriod") == origin.period
    });
    Ok(files)
}

/// A session that takes no more memory than [`MEMORY`] for what it groups and sorts.
fn bounded_session(lake: &Lake) -> Result<SessionContext, LakeError> {
    let mut config = SessionConfig::new();
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.execution.parquet.schema_force_view_types = false;
    let pool = Arc::new(FairSpillPool::new(MEMORY));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc()?;
    let context = SessionContext::new_with_config_rt(config, runtime);
    register_store(&context, lake);
    Ok(context)
}

/// Of each hour (since 1970) and [`CHANGE_KEYS`] whose figures changed, or that is new: each sum
/// before, and the difference.
fn query() -> String {
    let keys = CHANGE_KEYS.join(", ");
    let after = CHANGE_SUMS
        .map(|sum| format!("CAST(NULL AS DECIMAL(38, 18)) AS {sum}Old, {sum} AS {sum}Difference"));
    let before = CHANGE_SUMS
        .map(|sum| format!("{sum}Difference AS {sum}Old, -{sum}Difference AS {sum}Difference"));
    let sums = CHANGE_SUMS.map(|sum| format!("SUM({sum}Old), SUM({sum}Difference)"));
    let moved = CHANGE_SUMS.map(|sum| format!("SUM({sum}Difference) <> 0"));
    format!(
        "SELECT HourNumber, {keys}, {} FROM (\
         SELECT CAST(ChargePeriodStart AS BIGINT) / {MICROS_PER_HOUR} AS HourNumber, {keys}, \
         0 AS IsEarlier, {} FROM new_lines \
         UNION ALL \
         SELECT CAST(ChargeHour AS BIGINT) / {MICROS_PER_HOUR} AS HourNumber, {keys}, \
         1 AS IsEarlier, {} FROM earlier_changes) AS figures \
         GROUP BY HourNumber, {keys} HAVING SUM(IsEarlier) = 0 OR {} ORDER BY HourNumber",
        sums.join(", "),
        after.join(", "),
        before.join(", "),
        moved.join(" OR "),
    )
}

/// The answer to [`query`].
fn changes(found: &RecordBatch) -> Vec<Changed> {
    let text = |column: usize, row: usize| -> Option<Arc<str>> {
        let texts = found.column(column).as_string::<i32>();
        texts.is_valid(row).then(|| Arc::from(texts.value(row)))
    };
    let money = |column: usize, row: usize| {
        let amounts = found.column(column).as_primitive::<Decimal128Type>();
        if amounts.is_valid(row) { amounts.value(row) } else { 0 }
    };
    let hours = found.column(0).as_primitive::<Int64Type>();
    let after_keys = 1 + CHANGE_KEYS.len();
    let change = |row: usize| {
        let hour = i32::try_from(hours.value(row)).unwrap_or_default();
        let old: [i128; CHANGE_SUMS.len()] =
            std::array::from_fn(|sum| money(after_keys + 2 * sum, row));
        let difference: [i128; CHANGE_SUMS.len()] =
            std::array::from_fn(|sum| money(after_keys + 2 * sum + 1, row));
        Changed {
            key: (hour, std::array::from_fn(|key| text(1 + key, row))),
            old,
            new: std::array::from_fn(|sum| old[sum] + difference[sum]),
        }
    };
    (0..found.num_rows()).map(change).collect()
}
