//! The events of Vanus's source for Amazon Billing, for receivers that parse them today. That
//! source sends days. Hours, which it announces, are told in the same shape, with the beginning of
//! the hour as the date.
//!
//! Its shape is kept to the letter: source, type and data, no subject, no extensions. The id is
//! deterministic, where that source made a random one for each send, so that receivers can
//! recognise what they have. It knows no accounts: figures are totals of a connection.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::event::{Event, VANUS_DAILY, VANUS_HOURLY};
use crate::facts::{ChargeTime, Origin, instant};

/// The source of all these events.
const SOURCE: &str = "cloud.amazon.billing";

/// What a day or hour costs by service, over all accounts of a connection. Amounts are decimal
/// text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VanusCost {
    /// The day or hour.
    pub time: ChargeTime,
    /// The service.
    pub service: String,
    /// Currency of all amounts: each has its own event.
    pub currency: String,
    /// `x_AmortizedCost`.
    pub amortized: String,
    /// `x_BlendedCost`.
    pub blended: String,
    /// `x_NetAmortizedCost`.
    pub net_amortized: String,
    /// `x_NetUnblendedCost`.
    pub net_unblended: String,
    /// `x_UnblendedCost`.
    pub unblended: String,
}

/// The event of a day or hour and service that a delivery touched.
#[must_use]
pub fn cost(origin: &Origin, cost: &VanusCost) -> Event {
    let (kind, date) = match cost.time {
        ChargeTime::Day(date) => (VANUS_DAILY, date.to_string()),
        ChargeTime::Hour(_) => (VANUS_HOURLY, cost.time.start()),
    };
    let parts = [Some(date.as_str()), Some(cost.service.as_str()), Some(cost.currency.as_str())];
    let amount = |amount: &str| -> Value { json!({ "amount": amount, "unit": cost.currency }) };
    Event {
        id: origin.id(kind, &parts),
        source: SOURCE.to_owned(),
        kind,
        subject: None,
        time: instant(origin.recorded_at),
        extensions: BTreeMap::new(),
        data: json!({
            "date": date,
            "service": cost.service,
            "amortizedCost": amount(&cost.amortized),
            "blendedCost": amount(&cost.blended),
            "netAmortizedCost": amount(&cost.net_amortized),
            "netUnblendedCost": amount(&cost.net_unblended),
            "unblendedCost": amount(&cost.unblended),
        }),
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn day() -> VanusCost {
        VanusCost {
            time: ChargeTime::Day(NaiveDate::from_ymd_opt(2023, 1, 27).unwrap()),
            service: "Amazon Relational Database Service".to_owned(),
            currency: "USD".to_owned(),
            amortized: "0.2672917174".to_owned(),
            blended: "0.2672917175".to_owned(),
            net_amortized: "0.2672917176".to_owned(),
            net_unblended: "0.2672917177".to_owned(),
            unblended: "0.2672917178".to_owned(),
        }
    }

    #[test]
    fn the_shape_is_that_of_vanus() {
        let origin = Origin {
            connection: "main".to_owned(),
            period: "2023-01".to_owned(),
            revision: "r1".to_owned(),
            previous: None,
            recorded_at: 1_674_871_200_000_000,
            state: "open".to_owned(),
            payer: Some("111122223333".to_owned()),
        };
        let event = cost(&origin, &day());
        let expected = json!({
            "specversion": "1.0",
            "id": event.id,
            "source": "cloud.amazon.billing",
            "type": "amazon.billing.daily",
            "time": "2023-01-28T02:00:00.000000Z",
            "datacontenttype": "application/json",
            "data": {
                "date": "2023-01-27",
                "service": "Amazon Relational Database Service",
                "amortizedCost": { "amount": "0.2672917174", "unit": "USD" },
                "blendedCost": { "amount": "0.2672917175", "unit": "USD" },
                "netAmortizedCost": { "amount": "0.2672917176", "unit": "USD" },
                "netUnblendedCost": { "amount": "0.2672917177", "unit": "USD" },
                "unblendedCost": { "amount": "0.2672917178", "unit": "USD" },
            },
        });
        assert_eq!(event.structured(), expected);
        assert_eq!(event.id.len(), 32);
        assert_eq!(cost(&origin, &day()).id, event.id);
        let in_euro = VanusCost { currency: "EUR".to_owned(), ..day() };
        assert_ne!(cost(&origin, &in_euro).id, event.id);
        let hour = day().time.date().and_hms_opt(5, 0, 0).unwrap().and_utc();
        let hourly = cost(&origin, &VanusCost { time: ChargeTime::Hour(hour), ..day() });
        let mut expected = expected;
        expected["id"] = json!(hourly.id);
        expected["type"] = json!("amazon.billing.hourly");
        expected["data"]["date"] = json!("2023-01-27T05:00:00Z");
        assert_eq!(hourly.structured(), expected);
        assert_ne!(hourly.id, event.id);
    }
}
