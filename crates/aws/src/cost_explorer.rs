//! Cost Explorer: one page of `GetCostAndUsage` at a time, and whose credentials they are.
//!
//! Nothing is tried twice here: AWS charges for each request, so whoever counts them decides.

use std::collections::BTreeMap;

use aws_config::retry::RetryConfig;
use aws_sdk_costexplorer::operation::get_cost_and_usage::GetCostAndUsageOutput;
use aws_sdk_costexplorer::types::{
    DateInterval, Dimension, DimensionValues, Expression, GroupDefinition, GroupDefinitionType,
    MetricValue,
};
use serde::{Deserialize, Serialize};

use crate::call::trouble;
pub use crate::call::{CallError, Trouble};
use crate::session::Session;

/// What is asked for, in this order.
pub const METRICS: [&str; 6] = [
    "UnblendedCost",
    "BlendedCost",
    "AmortizedCost",
    "NetUnblendedCost",
    "NetAmortizedCost",
    "UsageQuantity",
];

/// How finely time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Granularity {
    /// Days.
    Daily,
    /// Hours: AWS keeps the last 14 days, for payers that have turned them on.
    Hourly,
    /// Months: far fewer pages than days.
    Monthly,
}

/// A question, without its page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Begin, `YYYY-MM-DD`, or with `T00:00:00Z` for hours.
    pub start: String,
    /// End, exclusive, in the same form.
    pub end: String,
    /// How finely.
    pub granularity: Granularity,
    /// Dimensions to group by, at most two, such as `SERVICE`.
    pub group_by: Vec<&'static str>,
    /// Only this record type.
    pub record_type: Option<String>,
}

/// A page of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Time buckets, in order; one may go on on the next page.
    pub buckets: Vec<Bucket>,
    /// What group keys stand for: account ids and account names.
    pub names: BTreeMap<String, String>,
    /// What to ask the next page with.
    pub next: Option<String>,
}

/// A time bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Begin, as AWS writes it.
    pub start: String,
    /// End, exclusive.
    pub end: String,
    /// May AWS still change it?
    pub estimated: bool,
    /// Its groups.
    pub groups: Vec<Group>,
}

/// A group of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// A key for each dimension grouped by.
    pub keys: Vec<String>,
    /// An amount for each of [`METRICS`].
    pub amounts: Vec<Amount>,
}

/// An amount; both are empty when AWS gave none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// The number, as AWS writes it.
    pub number: String,
    /// Currency or unit.
    pub unit: String,
}

/// A client.
#[derive(Debug, Clone)]
pub struct CostExplorer {
    costs: aws_sdk_costexplorer::Client,
    session: Session,
}

impl CostExplorer {
    /// A client with the credentials of a session.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        let config = aws_sdk_costexplorer::config::Builder::from(session.config())
            .retry_config(RetryConfig::disabled());
        Self {
            costs: aws_sdk_costexplorer::Client::from_conf(config.build()),
            session: session.clone(),
        }
    }

    /// The account that the credentials belong to. Costs nothing and needs no permission.
    ///
    /// # Errors
    /// When AWS does not say.
    pub async fn account(&self) -> Result<String, CallError> {
        Ok(self.session.identity().await?.account)
    }

    /// A page of the answer to `question`. One request, which AWS charges for.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn page(&self, question: &Question, token: Option<&str>) -> Result<Page, CallError> {
        let period = DateInterval::builder().start(&question.start).end(&question.end).build();
        let mut request = self
            .costs
            .get_cost_and_usage()
            .time_period(period.map_err(|error| CallError::refused(error.to_string()))?)
            .granularity(match question.granularity {
                Granularity::Daily => aws_sdk_costexplorer::types::Granularity::Daily,
                Granularity::Hourly => aws_sdk_costexplorer::types::Granularity::Hourly,
                Granularity::Monthly => aws_sdk_costexplorer::types::Granularity::Monthly,
            })
            .set_metrics(Some(METRICS.map(str::to_owned).to_vec()))
            .set_next_page_token(token.map(str::to_owned));
        for key in &question.group_by {
            let group = GroupDefinition::builder().r#type(GroupDefinitionType::Dimension).key(*key);
            request = request.group_by(group.build());
        }
        if let Some(record_type) = &question.record_type {
            let values =
                DimensionValues::builder().key(Dimension::RecordType).values(record_type).build();
            request = request.filter(Expression::builder().dimensions(values).build());
        }
        request.send().await.map(page).map_err(|error| trouble(&error))
    }
}

fn page(answer: GetCostAndUsageOutput) -> Page {
    let names = answer.dimension_value_attributes().iter().filter_map(|value| {
        let name = value.attributes()?.get("description")?;
        Some((value.value()?.to_owned(), name.clone()))
    });
    let names = names.collect();
    let buckets = answer.results_by_time.unwrap_or_default().into_iter().map(|result| {
        let groups = result.groups.unwrap_or_default().into_iter().map(|group| {
            let metrics = group.metrics.unwrap_or_default();
            let amounts = METRICS.iter().map(|metric| amount(metrics.get(*metric))).collect();
            Group { keys: group.keys.unwrap_or_default(), amounts }
        });
        let (start, end) =
            result.time_period.map(|period| (period.start, period.end)).unwrap_or_default();
        Bucket { start, end, estimated: result.estimated, groups: groups.collect() }
    });
    Page { buckets: buckets.collect(), names, next: answer.next_page_token }
}

fn amount(value: Option<&MetricValue>) -> Amount {
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    value.map_or_else(Amount::default, |value| Amount {
        number: text(value.amount()),
        unit: text(value.unit()),
    })
}
