//! From request to answer: add up, cut pages, write JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::CostExplorer;
use super::api_error::ApiError;
use super::dimension::{Dimension, Grouping};
use super::metric::{Metric, unit};
use super::request::Request;
use crate::calendar::Interval;
use crate::decimal::Decimal;
use crate::synth::Line;

/// The sums of a group in a period.
#[derive(Clone, Debug, Default)]
struct Sums<'a> {
    /// By the request's metrics.
    amounts: Vec<Decimal>,
    unit: Unit<'a>,
}

/// The unit of a usage quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unit<'a> {
    /// Nothing was used.
    #[default]
    None,
    One(&'a str),
    Many,
}

impl<'a> Sums<'a> {
    fn add(&mut self, metrics: &[Metric], line: &'a Line) {
        self.amounts.resize(metrics.len(), Decimal::ZERO);
        for (amount, metric) in self.amounts.iter_mut().zip(metrics) {
            *amount += metric.of(line);
        }
        if let Some(own) = unit(line) {
            self.unit = match self.unit {
                Unit::None => Unit::One(own),
                Unit::One(known) if known == own => self.unit,
                Unit::One(_) | Unit::Many => Unit::Many,
            };
        }
    }

    fn is_zero(&self) -> bool {
        self.amounts.iter().all(|amount| amount.is_zero())
    }

    /// `{"UnblendedCost": {"Amount": "1.5", "Unit": "USD"}, …}`.
    fn json(&self, metrics: &[Metric], currency: &str) -> Value {
        let value = |at: usize, metric: Metric| {
            let amount = self.amounts.get(at).copied().unwrap_or_default().to_string();
            let unit = match (metric, self.unit) {
                (metric, _) if metric.is_cost() => currency,
                (Metric::UsageQuantity, Unit::One(unit)) => unit,
                _ => "N/A",
            };
            json!({"Amount": amount, "Unit": unit})
        };
        let each = metrics.iter().enumerate();
        let fields = each.map(|(at, &metric)| (metric.name().to_owned(), value(at, metric)));
        Value::Object(fields.collect())
    }
}

/// The groups of a period by their keys; one without keys when nothing is grouped by.
type Groups<'a> = BTreeMap<Vec<Cow<'a, str>>, Sums<'a>>;

/// A group of a period, or a period that has none.
struct Entry<'a> {
    period: usize,
    group: Option<(&'a [Cow<'a, str>], &'a Sums<'a>)>,
}

/// The page that `request` asks for.
pub(super) fn answer(explorer: &CostExplorer, request: &Request) -> Result<Value, ApiError> {
    let periods = request.granularity.periods(request.hours);
    let groups = add_up(explorer, request, &periods);
    let mut entries = Vec::new();
    for (period, groups) in groups.iter().enumerate() {
        if groups.is_empty() {
            entries.push(Entry { period, group: None });
        }
        let own = groups.iter().map(|(keys, sums)| (keys.as_slice(), sums));
        entries.extend(own.map(|group| Entry { period, group: Some(group) }));
    }
    if request.offset > 0 && request.offset >= entries.len() {
        let text = "The pagination token is invalid";
        return Err(ApiError::new("InvalidNextTokenException", text));
    }
    let end = request.offset.saturating_add(explorer.page_size).min(entries.len());
    let page = entries.get(request.offset..end).unwrap_or_default();
    let mut fields = Map::new();
    if !request.group_by.is_empty() {
        fields.insert("GroupDefinitions".to_owned(), json!(request.group_by));
    }
    let results: Vec<Value> = page
        .chunk_by(|one, next| one.period == next.period)
        .filter_map(|part| result(explorer, request, &periods, part))
        .collect();
    fields.insert("ResultsByTime".to_owned(), json!(results));
    let attributes = attributes(explorer, request, page);
    fields.insert("DimensionValueAttributes".to_owned(), json!(attributes));
    if end < entries.len() {
        fields.insert("NextPageToken".to_owned(), json!(request.token(end)));
    }
    Ok(Value::Object(fields))
}

/// The groups of each period, those without any amount left out.
fn add_up<'a>(
    explorer: &'a CostExplorer,
    request: &Request,
    periods: &[Interval],
) -> Vec<Groups<'a>> {
    let mut all: Vec<Groups<'a>> = vec![Groups::new(); periods.len()];
    let counts = |line: &&Line| request.filter.as_ref().is_none_or(|own| own.matches(line));
    for line in explorer.lines.iter().filter(counts) {
        let start = line.usage.start;
        if start < request.hours.start {
            continue;
        }
        let at = periods.partition_point(|period| period.end <= start);
        let Some(groups) = all.get_mut(at) else { continue };
        let keys = request.groupings.iter().map(|own| own.value(line)).collect();
        groups.entry(keys).or_default().add(&request.metrics, line);
    }
    for groups in &mut all {
        if request.groupings.is_empty() {
            groups.entry(Vec::new()).or_default();
        } else {
            groups.retain(|_, sums| !sums.is_zero());
        }
    }
    all
}

/// The entries of one period as an item of `ResultsByTime`.
fn result(
    explorer: &CostExplorer,
    request: &Request,
    periods: &[Interval],
    part: &[Entry<'_>],
) -> Option<Value> {
    let period = *periods.get(part.first()?.period)?;
    let currency = explorer.lines.first().map_or("USD", |line| line.currency);
    let estimated =
        explorer.estimated.iter().any(|month| month.interval().within(period).hours() > 0);
    let mut total = json!({});
    let mut groups = Vec::new();
    for (keys, sums) in part.iter().filter_map(|entry| entry.group) {
        let metrics = sums.json(&request.metrics, currency);
        if keys.is_empty() {
            total = metrics;
        } else {
            groups.push(json!({"Keys": keys, "Metrics": metrics}));
        }
    }
    Some(json!({
        "TimePeriod": request.granularity.bounds(period),
        "Total": total,
        "Groups": groups,
        "Estimated": estimated,
    }))
}

/// The names of the accounts on the page.
fn attributes(explorer: &CostExplorer, request: &Request, page: &[Entry<'_>]) -> Vec<Value> {
    let account = Grouping::Dimension(Dimension::LinkedAccount);
    let Some(at) = request.groupings.iter().position(|own| *own == account) else {
        return Vec::new();
    };
    let keys = page.iter().filter_map(|entry| entry.group?.0.get(at));
    let mut names: BTreeMap<&str, &str> = keys.map(|key| (key.as_ref(), "")).collect();
    for line in &explorer.lines {
        if let Some(name) = names.get_mut(line.account.id) {
            *name = line.account.name;
        }
    }
    let json = |(id, name)| json!({"Value": id, "Attributes": {"description": name}});
    names.into_iter().map(json).collect()
}
