//! The body of a `GetCostAndUsage` request, checked.

use serde_json::{Map, Value};

use super::api_error::ApiError;
use super::dimension::{Dimension, Grouping};
use super::filter::{Filter, texts};
use super::metric::Metric;
use super::period::Granularity;
use crate::calendar::{Date, Interval};
use crate::random;

/// Groupings that a request may have.
const MAX_GROUPINGS: usize = 2;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) hours: Interval,
    pub(super) granularity: Granularity,
    pub(super) metrics: Vec<Metric>,
    pub(super) groupings: Vec<Grouping>,
    /// `GroupBy` as it came, for the answer.
    pub(super) group_by: Vec<Value>,
    pub(super) filter: Option<Filter>,
    /// Where the page begins.
    pub(super) offset: usize,
    /// A hash of all but the page.
    pub(super) fingerprint: u64,
}

impl Request {
    /// Reads and checks `body`.
    pub(super) fn parse(body: &Value, today: Date) -> Result<Self, ApiError> {
        let none = Map::new();
        let fields = body.as_object().unwrap_or(&none);
        let granularity = Granularity::parse(text(fields, "Granularity")?)?;
        let period = fields.get("TimePeriod").and_then(Value::as_object);
        let period = period.ok_or_else(|| missing("TimePeriod"))?;
        let hours = granularity.hours(text(period, "Start")?, text(period, "End")?, today)?;
        let metrics = texts(fields, "Metrics")?;
        if metrics.is_empty() {
            return Err(missing("Metrics"));
        }
        let metrics: Result<Vec<Metric>, ApiError> =
            metrics.iter().map(|name| Metric::parse(name)).collect();
        let group_by = fields.get("GroupBy").and_then(Value::as_array);
        let group_by = group_by.cloned().unwrap_or_default();
        if group_by.len() > MAX_GROUPINGS {
            let count = group_by.len();
            let text = format!("GroupBy has {count} entries, and {MAX_GROUPINGS} are allowed");
            return Err(ApiError::validation(text));
        }
        let groupings: Result<Vec<Grouping>, ApiError> = group_by.iter().map(grouping).collect();
        let filter = fields.get("Filter").filter(|value| !value.is_null());
        let filter = filter.map(Filter::parse).transpose()?;
        let request = Self {
            hours,
            granularity,
            metrics: metrics?,
            groupings: groupings?,
            group_by,
            filter,
            offset: 0,
            fingerprint: 0,
        };
        let fingerprint = random::hash(19, &format!("{request:?}"));
        let token = fields.get("NextPageToken").and_then(Value::as_str);
        let offset = token.map(|token| offset(token, fingerprint)).transpose()?.unwrap_or(0);
        Ok(Self { offset, fingerprint, ..request })
    }

    /// The token of the page that begins at `offset`.
    pub(super) fn token(&self, offset: usize) -> String {
        format!("{:016x}.{offset}", self.fingerprint)
    }
}

fn missing(name: &str) -> ApiError {
    ApiError::validation(format!("{name} must not be null"))
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, ApiError> {
    fields.get(name).and_then(Value::as_str).ok_or_else(|| missing(name))
}

fn grouping(entry: &Value) -> Result<Grouping, ApiError> {
    let none = Map::new();
    let fields = entry.as_object().unwrap_or(&none);
    let key = text(fields, "Key")?;
    match text(fields, "Type")? {
        "DIMENSION" => {
            let dimension = Dimension::parse(key)?;
            let wrong = || ApiError::validation(format!("{key} is not valid in GroupBy"));
            dimension.can_group().then_some(Grouping::Dimension(dimension)).ok_or_else(wrong)
        }
        "TAG" => Ok(Grouping::Tag(key.to_owned())),
        "COST_CATEGORY" => Ok(Grouping::Category(key.to_owned())),
        other => Err(ApiError::validation(format!("{other} is not a valid group type"))),
    }
}

/// Where the page of `token` begins, if it is a page of this request.
fn offset(token: &str, fingerprint: u64) -> Result<usize, ApiError> {
    let wrong = || ApiError::new("InvalidNextTokenException", "The pagination token is invalid");
    let (own, offset) = token.split_once('.').ok_or_else(wrong)?;
    let own = u64::from_str_radix(own, 16).map_err(|_| wrong())?;
    let offset = offset.parse().map_err(|_| wrong())?;
    if own != fingerprint {
        let text = "Your request parameters changed between pages. Try again with the old \
            parameters or without a pagination token.";
        return Err(ApiError::new("RequestChangedException", text));
    }
    Ok(offset)
}
