//! The daily events of Vanus's source for Amazon Billing, for receivers that parse them today.
//!
//! Its shape is kept to the letter: source, type and data, no subject, no extensions. The id is
//! deterministic, where that source made a random one for each send, so that receivers can
//! recognise what they have. It knows no accounts: figures are totals of a connection.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::event::{Event, VANUS_DAILY};
use crate::facts::{Origin, instant};

/// The source of all these events.
const SOURCE: &str = "cloud.amazon.billing";

/// What a day costs by service, over all accounts of a connection. Amounts are decimal text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VanusDay {
    /// The day.
    pub date: NaiveDate,
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

/// The event of a day and service that a delivery touched.
#[must_use]
pub fn daily(origin: &Origin, day: &VanusDay) -> Event {
    let date = day.date.to_string();
    let parts = [Some(date.as_str()), Some(day.service.as_str()), Some(day.currency.as_str())];
    let amount = |amount: &str| -> Value { json!({ "amount": amount, "unit": day.currency }) };
    Event {
        id: origin.id(VANUS_DAILY, &parts),
        source: SOURCE.to_owned(),
        kind: VANUS_DAILY,
        subject: None,
        time: instant(origin.recorded_at),
        extensions: BTreeMap::new(),
        data: json!({
            "date": date,
            "service": day.service,
            "amortizedCost": amount(&day.amortized),
            "blendedCost": amount(&day.blended),
            "netAmortizedCost": amount(&day.net_amortized),
            "netUnblendedCost": amount(&day.net_unblended),
            "unblendedCost": amount(&day.unblended),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> VanusDay {
        VanusDay {
            date: NaiveDate::from_ymd_opt(2023, 1, 27).unwrap(),
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
        let event = daily(&origin, &day());
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
        assert_eq!(daily(&origin, &day()).id, event.id);
        let in_euro = VanusDay { currency: "EUR".to_owned(), ..day() };
        assert_ne!(daily(&origin, &in_euro).id, event.id);
    }
}
