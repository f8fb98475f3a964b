//! What a delivery touched, in the shape of Vanus's source: totals of a day or hour and service.
//!
//! The totals are those that the lake holds now, over all accounts and months of the connection.
//! What a later delivery of the slice touched too is left to that one, so that no receiver is told
//! a newer total before an older one.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type};
use billhook_lake::LakeError;
use billhook_lake::session::LakeSession;
use billhook_lake::spec::{COST_AND_USAGE, COST_DAILY};
use billhook_stream::event::Event;
use billhook_stream::facts::Origin;
use billhook_stream::settings::Granularity;
use billhook_stream::vanus::{VanusCost, cost};

use super::changes::{by, of_slice};
use super::deliveries::Delivery;
use super::times::{self, MICROS_PER_HOUR};
use crate::sql_names::quoted;

/// Day or hour as [`times::number`] has it, service, currency.
type Key = (i64, String, String);

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
    granularity: Granularity,
) -> Result<Vec<Option<Event>>, LakeError> {
    let touched = touched(session, delivery, granularity).await?;
    let numbers = touched.iter().map(|(key, _)| key.0);
    let (Some(first), Some(last)) = (numbers.clone().min(), numbers.max()) else {
        return Ok(Vec::new());
    };
    let sql = totals_query(delivery, granularity, first, last);
    let totals = totals(session, &sql).await?;
    let events = touched.into_iter().map(|(key, is_touched_later)| {
        if is_touched_later {
            return None;
        }
        let sums = totals.get(&key).copied().unwrap_or_default();
        let [amortized, blended, net_amortized, net_unblended, unblended] =
            sums.map(billhook_money::format);
        let (time, service, currency) = key;
        let shown = VanusCost {
            time: times::charge_time(granularity, time),
            service,
            currency,
            amortized,
            blended,
            net_amortized,
            net_unblended,
            unblended,
        };
        Some(cost(origin, &shown))
    });
    Ok(events.collect())
}

/// What a delivery touched, in order, and whether a later one of the slice did, too.
async fn touched(
    session: &LakeSession,
    delivery: &Delivery,
    granularity: Granularity,
) -> Result<Vec<(Key, bool)>, LakeError> {
    let (table, time) = times::ledger(granularity);
    let (mine, at) = (by(delivery), delivery.recorded_at);
    let sql = format!(
        "SELECT {time}, ServiceName, BillingCurrency, \
         COUNT(CASE WHEN CAST(x_RecordedAt AS BIGINT) > {at} THEN 1 END) AS later FROM {table} \
         WHERE {} AND CAST(x_RecordedAt AS BIGINT) >= {at} \
         GROUP BY {time}, ServiceName, BillingCurrency \
         HAVING COUNT(CASE WHEN {mine} THEN 1 END) > 0 \
         ORDER BY {time}, ServiceName NULLS FIRST, BillingCurrency NULLS FIRST",
        of_slice(delivery)
    );
    let mut touched = Vec::new();
    for batch in session.query(&sql).await? {
        let later = batch.column(3).as_primitive::<Int64Type>();
        touched.extend((0..batch.num_rows()).map(|row| (key(&batch, row), later.value(row) > 0)));
    }
    Ok(touched)
}

/// SQL: the totals that the lake holds from one day or hour to another.
fn totals_query(delivery: &Delivery, granularity: Granularity, first: i64, last: i64) -> String {
    let literal = |number: i64| times::literal(granularity, number);
    let (time, table, net, range) = match granularity {
        Granularity::Daily => (
            "ChargeDate".to_owned(),
            COST_DAILY.name,
            ["x_NetAmortizedCost", "x_NetUnblendedCost"],
            format!("ChargeDate >= {} AND ChargeDate <= {}", literal(first), literal(last)),
        ),
        Granularity::Hourly => (
            format!("CAST(ChargePeriodStart AS BIGINT) / {MICROS_PER_HOUR} * {MICROS_PER_HOUR}"),
            COST_AND_USAGE.name,
            // The roll-up by day does the same: without a net value the gross one counts.
            [
                "COALESCE(x_NetAmortizedCost, x_AmortizedCost)",
                "COALESCE(x_NetUnblendedCost, x_UnblendedCost)",
            ],
            format!(
                "ChargePeriodStart >= {} AND ChargePeriodStart < {}",
                literal(first),
                literal(last.saturating_add(MICROS_PER_HOUR)),
            ),
        ),
    };
    let [net_amortized, net_unblended] = net;
    format!(
        "SELECT {time} AS ChargeTime, ServiceName, BillingCurrency, SUM(x_AmortizedCost), \
         SUM(x_BlendedCost), SUM({net_amortized}), SUM({net_unblended}), SUM(x_UnblendedCost) \
         FROM {table} WHERE x_Connection = {} AND {range} GROUP BY 1, 2, 3",
        quoted(&delivery.connection),
    )
}

/// The answer to [`totals_query`].
async fn totals(session: &LakeSession, sql: &str) -> Result<BTreeMap<Key, Totals>, LakeError> {
    let mut totals = BTreeMap::new();
    for batch in session.query(sql).await? {
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
    (times::number(batch.column(0), row), text(1), text(2))
}
