//! What a delivery touched, in the shape of Vanus's source: totals of a day and service.
//!
//! The totals are those that the lake holds now, over all accounts and months of the connection. A
//! day and service that a later delivery of the slice touched too is left to that one, so that no
//! receiver is told a newer total before an older one.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type};
use billhook_lake::LakeError;
use billhook_lake::session::LakeSession;
use billhook_stream::event::Event;
use billhook_stream::facts::Origin;
use billhook_stream::vanus::{VanusDay, daily};

use super::changes::{by, day, of_slice};
use super::deliveries::Delivery;
use crate::sql_names::quoted;

/// Day since 1970-01-01, service, currency.
type Key = (i32, String, String);

/// Amortized, blended, net amortized, net unblended, unblended.
type Totals = [i128; 5];

/// The events of a delivery, with a hole for each that a later delivery tells, so that the others
/// keep their numbers.
///
/// # Errors
/// When the lake cannot be read.
pub(super) async fn events(
    session: &LakeSession,
    delivery: &Delivery,
    origin: &Origin,
) -> Result<Vec<Option<Event>>, LakeError> {
    let touched = touched(session, delivery).await?;
    let days = touched.iter().map(|(key, _)| key.0);
    let (Some(first), Some(last)) = (days.clone().min(), days.max()) else {
        return Ok(Vec::new());
    };
    let totals = totals(session, delivery, first, last).await?;
    let events = touched.into_iter().map(|(key, is_touched_later)| {
        if is_touched_later {
            return None;
        }
        let sums = totals.get(&key).copied().unwrap_or_default();
        let [amortized, blended, net_amortized, net_unblended, unblended] =
            sums.map(billhook_money::format);
        let (date, service, currency) = key;
        let shown = VanusDay {
            date: day(date),
            service,
            currency,
            amortized,
            blended,
            net_amortized,
            net_unblended,
            unblended,
        };
        Some(daily(origin, &shown))
    });
    Ok(events.collect())
}

/// What a delivery touched, in order, and whether a later one of the slice did, too.
async fn touched(
    session: &LakeSession,
    delivery: &Delivery,
) -> Result<Vec<(Key, bool)>, LakeError> {
    let (mine, at) = (by(delivery), delivery.recorded_at);
    let sql = format!(
        "SELECT ChargeDate, ServiceName, BillingCurrency, \
         COUNT(CASE WHEN CAST(x_RecordedAt AS BIGINT) > {at} THEN 1 END) AS later FROM changes \
         WHERE {} AND CAST(x_RecordedAt AS BIGINT) >= {at} \
         GROUP BY ChargeDate, ServiceName, BillingCurrency \
         HAVING COUNT(CASE WHEN {mine} THEN 1 END) > 0 \
         ORDER BY ChargeDate, ServiceName NULLS FIRST, BillingCurrency NULLS FIRST",
        of_slice(delivery)
    );
    let mut touched = Vec::new();
    for batch in session.query(&sql).await? {
        let later = batch.column(3).as_primitive::<Int64Type>();
        touched.extend((0..batch.num_rows()).map(|row| (key(&batch, row), later.value(row) > 0)));
    }
    Ok(touched)
}

/// The totals that the lake holds from one day to another.
async fn totals(
    session: &LakeSession,
    delivery: &Delivery,
    first: i32,
    last: i32,
) -> Result<BTreeMap<Key, Totals>, LakeError> {
    let sql = format!(
        "SELECT ChargeDate, ServiceName, BillingCurrency, SUM(x_AmortizedCost), \
         SUM(x_BlendedCost), SUM(x_NetAmortizedCost), SUM(x_NetUnblendedCost), \
         SUM(x_UnblendedCost) FROM cost_daily WHERE x_Connection = {} \
         AND ChargeDate >= CAST('{}' AS DATE) AND ChargeDate <= CAST('{}' AS DATE) \
         GROUP BY ChargeDate, ServiceName, BillingCurrency",
        quoted(&delivery.connection),
        day(first),
        day(last)
    );
    let mut totals = BTreeMap::new();
    for batch in session.query(&sql).await? {
        for row in 0..batch.num_rows() {
            let sums = std::array::from_fn(|sum| {
                let array = batch.column(3 + sum).as_primitive::<Decimal128Type>();
                if array.is_valid(row) { array.value(row) } else { 0 }
            });
            totals.insert(key(&batch, row), sums);
        }
    }
    Ok(totals)
}

fn key(batch: &RecordBatch, row: usize) -> Key {
    let text = |column: usize| {
        let array = batch.column(column).as_string::<i32>();
        if array.is_valid(row) { array.value(row).to_owned() } else { String::new() }
    };
    (batch.column(0).as_primitive::<Date32Type>().value(row), text(1), text(2))
}
