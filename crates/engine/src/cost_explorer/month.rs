//! The costs of some months: asked for in two ways that must agree, and written down as text.
//!
//! Cost Explorer groups by two dimensions at most. So the totals are asked for by record type, and
//! then, for each record type, the costs by service and linked account.

use std::collections::{BTreeMap, BTreeSet};

use billhook_aws::cost_explorer::{Amount, Granularity, METRICS, Page, Question};
use billhook_sources::cost_explorer::columns::HEADER;
use billhook_sources::text::push_field;
use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use super::answers::hex;
use super::ask::{Asker, Manner};
use crate::EngineError;

/// The last digit that AWS gives, in units of 10⁻¹⁸: the tenth.
pub(crate) const LAST_DIGIT: i128 = 100_000_000;

/// What is known of some months.
#[derive(Debug, Default)]
pub(super) struct Costs {
    rows: Vec<Row>,
    names: BTreeMap<String, String>,
}

/// One time bucket, record type, service and linked account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    /// Begin of the bucket, as AWS writes it.
    start: String,
    end: String,
    granularity: Granularity,
    record_type: String,
    service: String,
    account: String,
    /// Texts of the [`METRICS`].
    numbers: Vec<String>,
    currency: String,
    unit: String,
    estimated: bool,
}

/// Amounts of the [`METRICS`], in units of 10⁻¹⁸, and how many groups they are the sum of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Total {
    amounts: [i128; METRICS.len()],
    groups: i128,
}

/// Begin of a bucket and record type to their total.
type Totals = BTreeMap<(String, String), Total>;

/// Asks for all costs from `start` to, but without, `end`.
///
/// # Errors
/// When an answer cannot be had, or two answers do not agree though both were asked for again.
pub(super) async fn read(
    asker: &mut Asker<'_>,
    granularity: Granularity,
    start: NaiveDate,
    end: NaiveDate,
    is_closed: bool,
) -> Result<Costs, EngineError> {
    let text = |day: NaiveDate| match granularity {
        Granularity::Daily | Granularity::Monthly => day.to_string(),
        Granularity::Hourly => format!("{day}T00:00:00Z"),
    };
    let question = Question {
        start: text(start),
        end: text(end),
        granularity,
        group_by: Vec::new(),
        record_type: None,
    };
    let manners =
        if is_closed { [Manner::Kept, Manner::Renewed] } else { [Manner::Live, Manner::Live] };
    // AWS may restate costs between one request and the next.
    match read_once(asker, &question, manners[0]).await {
        Err(EngineError::Disagree(_)) => read_once(asker, &question, manners[1]).await,
        other => other,
    }
}

async fn read_once(
    asker: &mut Asker<'_>,
    question: &Question,
    manner: Manner,
) -> Result<Costs, EngineError> {
    let by_type = Question { group_by: vec!["RECORD_TYPE"], ..question.clone() };
    let totals = totals(&asker.pages(&by_type, manner).await?)?;
    let record_types: BTreeSet<String> = totals.keys().map(|(_, name)| name.clone()).collect();
    let mut costs = Costs::default();
    for record_type in record_types {
        let question = Question {
            group_by: vec!["SERVICE", "LINKED_ACCOUNT"],
            record_type: Some(record_type.clone()),
            ..question.clone()
        };
        for page in asker.pages(&question, manner).await? {
            costs.add_page(page, question.granularity, &record_type)?;
        }
    }
    agree(&totals, &costs.totals()?)?;
    costs.rows.sort();
    Ok(costs)
}

fn totals(pages: &[Page]) -> Result<Totals, EngineError> {
    let mut totals = Totals::new();
    for bucket in pages.iter().flat_map(|page| &page.buckets) {
        for group in &bucket.groups {
            let record_type = group.keys.first().cloned().unwrap_or_default();
            let total = totals.entry((bucket.start.clone(), record_type)).or_default();
            total.add(group.amounts.iter().map(|amount| amount.number.as_str()))?;
        }
    }
    Ok(totals)
}

impl Total {
    fn add<'a>(&mut self, numbers: impl Iterator<Item = &'a str>) -> Result<(), EngineError> {
        for (sum, text) in self.amounts.iter_mut().zip(numbers) {
            *sum += units(text)?;
        }
        self.groups += 1;
        Ok(())
    }
}

/// The number in units of 10⁻¹⁸; no text is nothing.
pub(super) fn units(text: &str) -> Result<i128, EngineError> {
    if text.is_empty() {
        return Ok(0);
    }
    let parsed = billhook_money::parse(text.as_bytes()).map_err(|error| {
        EngineError::Damaged(format!("Cost Explorer answers with the amount {text:?}: {error}"))
    })?;
    Ok(parsed.units)
}

/// Do the totals agree with the sums of the groups? AWS rounds what it gives to ten decimals, so
/// that the sum of several groups may differ from their total by half of the last digit for each;
/// everything else is a difference.
fn agree(totals: &Totals, sums: &Totals) -> Result<(), EngineError> {
    let keys: BTreeSet<&(String, String)> = totals.keys().chain(sums.keys()).collect();
    let none = Total::default();
    for key in keys {
        let (total, sum) = (totals.get(key).unwrap_or(&none), sums.get(key).unwrap_or(&none));
        let allowed = if sum.groups > 1 { sum.groups.midpoint(1) * LAST_DIGIT } else { 0 };
        let pairs = total.amounts.iter().zip(&sum.amounts).zip(METRICS);
        for ((total, sum), metric) in pairs {
            if (total - sum).abs() > allowed {
                let (start, record_type) = key;
                return Err(EngineError::Disagree(format!(
                    "{start}, record type {record_type}, {metric}: Cost Explorer's total is {}, \
                     and its services and accounts add up to {}",
                    billhook_money::format(*total),
                    billhook_money::format(*sum),
                )));
            }
        }
    }
    Ok(())
}

impl Costs {
    /// Adds the costs of other time buckets.
    pub(super) fn add(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.names.extend(other.names);
    }

    fn add_page(
        &mut self,
        page: Page,
        granularity: Granularity,
        record_type: &str,
    ) -> Result<(), EngineError> {
        self.names.extend(page.names);
        for bucket in page.buckets {
            for group in bucket.groups {
                let currency = currency(&group.amounts, &bucket.start)?;
                let unit = group.amounts.last().map(|amount| amount.unit.clone());
                let mut keys = group.keys.into_iter();
                self.rows.push(Row {
                    start: bucket.start.clone(),
                    end: bucket.end.clone(),
                    granularity,
                    record_type: record_type.to_owned(),
                    service: keys.next().unwrap_or_default(),
                    account: keys.next().unwrap_or_default(),
                    numbers: group.amounts.into_iter().map(|amount| amount.number).collect(),
                    currency,
                    unit: unit.unwrap_or_default(),
                    estimated: bucket.estimated,
                });
            }
        }
        Ok(())
    }

    fn totals(&self) -> Result<Totals, EngineError> {
        let mut totals = Totals::new();
        for row in &self.rows {
            let key = (row.start.clone(), row.record_type.clone());
            totals.entry(key).or_default().add(row.numbers.iter().map(String::as_str))?;
        }
        Ok(totals)
    }

    /// The linked accounts.
    pub(super) fn accounts(&self) -> BTreeSet<&str> {
        self.rows.iter().map(|row| row.account.as_str()).collect()
    }

    /// The costs of a month (YYYY-MM) that `payer` is billed, as CSV text with a header.
    pub(super) fn text(&self, month: &str, payer: &str) -> Vec<u8> {
        let name = |id: &str| self.names.get(id).map_or("", String::as_str);
        let mut text = HEADER.join(",").into_bytes();
        text.push(b'\n');
        for row in self.rows.iter().filter(|row| row.start.starts_with(month)) {
            let granularity = match row.granularity {
                Granularity::Daily => "daily",
                Granularity::Hourly => "hourly",
                Granularity::Monthly => "monthly",
            };
            let begin = format!("{month}-01");
            let before = [
                &begin,
                row.start.as_str(),
                &row.end,
                &row.record_type,
                &row.service,
                &row.account,
                name(&row.account),
                payer,
                name(payer),
                &row.currency,
            ];
            let estimated = if row.estimated { "true" } else { "false" };
            let after = [row.unit.as_str(), estimated, granularity];
            let numbers = row.numbers.iter().map(String::as_str);
            for (index, cell) in before.into_iter().chain(numbers).chain(after).enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                push_field(&mut text, cell.as_bytes());
            }
            text.push(b'\n');
        }
        text
    }
}

/// The currency of a group's costs, which are all but the last metric.
pub(super) fn currency(amounts: &[Amount], start: &str) -> Result<String, EngineError> {
    let costs = amounts.get(..METRICS.len() - 1).unwrap_or(amounts);
    let units: BTreeSet<&str> =
        costs.iter().map(|amount| amount.unit.as_str()).filter(|unit| !unit.is_empty()).collect();
    let mut units = units.into_iter();
    match (units.next(), units.next()) {
        (Some(one), Some(other)) => Err(EngineError::Damaged(format!(
            "Cost Explorer answers for {start} with costs in {one} and in {other}"
        ))),
        (one, _) => Ok(one.unwrap_or_default().to_owned()),
    }
}

/// Identifies the costs of a month: equal for equal answers.
pub(super) fn revision(text: &[u8]) -> String {
    hex(&Sha256::digest(text)[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(costs: &Costs, month: &str, payer: &str) -> String {
        String::from_utf8(costs.text(month, payer)).unwrap()
    }

    fn totals_of(groups: i128, unblended: &str) -> Totals {
        let mut total = Total { groups, ..Total::default() };
        total.amounts[0] = units(unblended).unwrap();
        Totals::from([(("2026-06-01".to_owned(), "Usage".to_owned()), total)])
    }

    #[test]
    fn answers_agree_but_for_rounding() {
        let one =
            |total: &str, groups, sum: &str| agree(&totals_of(1, total), &totals_of(groups, sum));
        assert!(one("1.0000000001", 1, "1.0000000001").is_ok());
        assert!(one("1.0000000001", 1, "1.0000000002").is_err());
        assert!(one("1.0000000001", 3, "1.0000000003").is_ok());
        let error = one("1.01", 3, "1").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("2026-06-01, record type Usage, UnblendedCost"), "{text}");
        assert!(text.contains("1.01") && text.contains("add up to 1"), "{text}");
        assert_eq!(error.exit_code(), 4);
        // A record type that only one of the answers has.
        assert!(agree(&totals_of(1, "1"), &Totals::new()).is_err());
        assert!(agree(&totals_of(1, "0"), &Totals::new()).is_ok());
    }

    #[test]
    fn text_is_quoted_and_cut_by_month() {
        let amount =
            |number: &str, unit: &str| Amount { number: number.to_owned(), unit: unit.to_owned() };
        let mut amounts = vec![amount("1.5", "USD"); METRICS.len() - 1];
        amounts.push(amount("2", "N/A"));
        let group = billhook_aws::cost_explorer::Group {
            keys: vec!["A, \"B\"".to_owned(), "111122223333".to_owned()],
            amounts,
        };
        let bucket = |start: &str, end: &str| billhook_aws::cost_explorer::Bucket {
            start: start.to_owned(),
            end: end.to_owned(),
            estimated: true,
            groups: vec![group.clone()],
        };
        let page = Page {
            buckets: vec![bucket("2026-05-31", "2026-06-01"), bucket("2026-06-01", "2026-06-02")],
            names: BTreeMap::from([("111122223333".to_owned(), "Acme".to_owned())]),
            next: None,
        };
        let mut costs = Costs::default();
        costs.add_page(page, Granularity::Daily, "Usage").unwrap();
        let text = text_of(&costs, "2026-06", "111122223333");
        assert_eq!(text.lines().count(), 2);
        let expected = "2026-06-01,2026-06-01,2026-06-02,Usage,\"A, \"\"B\"\"\",111122223333,Acme,\
                        111122223333,Acme,USD,1.5,1.5,1.5,1.5,1.5,2,N/A,true,daily";
        assert_eq!(text.lines().nth(1), Some(expected));
        assert_ne!(revision(text.as_bytes()), revision(&costs.text("2026-05", "111122223333")));
        assert!(text_of(&costs, "2026-07", "x").lines().count() == 1);
    }

    #[test]
    fn costs_in_two_currencies_are_refused() {
        let amounts =
            ["USD", "EUR"].map(|unit| Amount { number: "1".to_owned(), unit: unit.to_owned() });
        assert!(currency(&amounts, "2026-06-01").is_err());
        assert_eq!(currency(&amounts[..1], "2026-06-01").unwrap(), "USD");
    }
}
