//! Cost Explorer: one page of `GetCostAndUsage` at a time, and whose credentials they are.
//!
//! Credentials, region and endpoint are found as by every AWS tool: environment
//! (`AWS_ENDPOINT_URL_COST_EXPLORER`, `AWS_ENDPOINT_URL`), profile, container, instance. Nothing is
//! tried twice here: AWS charges for each request, so whoever counts them decides.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_costexplorer::config::ProvideCredentials;
use aws_sdk_costexplorer::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_costexplorer::operation::get_cost_and_usage::GetCostAndUsageOutput;
use aws_sdk_costexplorer::types::{
    DateInterval, Dimension, DimensionValues, Expression, GroupDefinition, GroupDefinitionType,
    MetricValue,
};
use serde::{Deserialize, Serialize};

/// What is asked for, in this order.
pub const METRICS: [&str; 6] = [
    "UnblendedCost",
    "BlendedCost",
    "AmortizedCost",
    "NetUnblendedCost",
    "NetAmortizedCost",
    "UsageQuantity",
];

/// Where the API lies in AWS's standard partition; the SDK knows that of the others by region.
const REGION: &str = "us-east-1";

/// How finely time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Granularity {
    /// Days.
    Daily,
    /// Hours: AWS keeps the last 14 days, for payers that have turned them on.
    Hourly,
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

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Too many calls, or AWS is at fault, or the connection broke: wait and ask again.
    Passing,
    /// There is no such data, or not any more.
    Unavailable,
    /// The page token is not good any more: begin again.
    Stale,
    /// Not allowed.
    Denied,
    /// No credentials, or none that are valid.
    Credentials,
    /// Anything else.
    Refused,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}{message}", if .code.is_empty() { String::new() } else { format!("{code}: ") })]
pub struct CallError {
    /// What kind of trouble it is.
    pub trouble: Trouble,
    /// AWS's code, empty when AWS did not answer.
    pub code: String,
    /// In AWS's words.
    pub message: String,
}

/// A client.
#[derive(Debug, Clone)]
pub struct CostExplorer {
    costs: aws_sdk_costexplorer::Client,
    identity: aws_sdk_sts::Client,
}

impl CostExplorer {
    /// A client with the credentials of a profile, or those that are found.
    ///
    /// # Errors
    /// When there are no credentials.
    pub async fn connect(profile: Option<&str>, region: Option<&str>) -> Result<Self, CallError> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(10))
            .operation_timeout(Duration::from_secs(90))
            .build();
        let region =
            RegionProviderChain::first_try(region.map(|name| Region::new(name.to_owned())))
                .or_default_provider()
                .or_else(Region::from_static(REGION));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(region)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        let config = loader.load().await;
        let none = |reason: &str| CallError {
            trouble: Trouble::Credentials,
            code: String::new(),
            message: match profile {
                Some(profile) => {
                    format!("no usable AWS credentials in profile {profile}: {reason}")
                }
                None => format!("no usable AWS credentials: {reason}"),
            },
        };
        let Some(provider) = config.credentials_provider() else {
            return Err(none("nothing provides any"));
        };
        provider.provide_credentials().await.map_err(|error| {
            // What each provider lacks follows on lines of its own.
            let text = causes(&error);
            none(text.lines().next().unwrap_or_default().trim_end_matches(" Attempted:"))
        })?;
        Ok(Self {
            costs: aws_sdk_costexplorer::Client::new(&config),
            identity: aws_sdk_sts::Client::new(&config),
        })
    }

    /// The account that the credentials belong to. Costs nothing and needs no permission.
    ///
    /// # Errors
    /// When AWS does not say.
    pub async fn account(&self) -> Result<String, CallError> {
        let answer = self.identity.get_caller_identity().send().await.map_err(|e| trouble(&e))?;
        answer.account().map(str::to_owned).ok_or_else(|| CallError {
            trouble: Trouble::Refused,
            code: String::new(),
            message: "the answer names no account".to_owned(),
        })
    }

    /// A page of the answer to `question`. One request, which AWS charges for.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn page(&self, question: &Question, token: Option<&str>) -> Result<Page, CallError> {
        let impossible = |error: &aws_sdk_costexplorer::error::BuildError| CallError {
            trouble: Trouble::Refused,
            code: String::new(),
            message: error.to_string(),
        };
        let period = DateInterval::builder().start(&question.start).end(&question.end).build();
        let mut request = self
            .costs
            .get_cost_and_usage()
            .time_period(period.map_err(|error| impossible(&error))?)
            .granularity(match question.granularity {
                Granularity::Daily => aws_sdk_costexplorer::types::Granularity::Daily,
                Granularity::Hourly => aws_sdk_costexplorer::types::Granularity::Hourly,
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

fn trouble<E>(error: &SdkError<E>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let SdkError::ServiceError(context) = error else {
        let trouble = match error {
            SdkError::ConstructionFailure(_) => Trouble::Refused,
            _ => Trouble::Passing,
        };
        let message = match error {
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            _ => causes(error),
        };
        return CallError { trouble, code: String::new(), message };
    };
    let status = context.raw().status().as_u16();
    let error = context.err();
    let code = error.code().unwrap_or_default().to_owned();
    let message = error.message().map_or_else(|| format!("HTTP status {status}"), str::to_owned);
    CallError { trouble: kind(&code, &message, status), code, message }
}

/// The innermost causes say what happened.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        texts.push(cause.to_string());
        source = cause.source();
    }
    texts.dedup();
    texts.join(": ")
}

fn kind(code: &str, message: &str, status: u16) -> Trouble {
    match code {
        "LimitExceededException"
        | "ThrottlingException"
        | "Throttling"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BillingViewHealthStatusException" => Trouble::Passing,
        "DataUnavailableException" | "BillExpirationException" => Trouble::Unavailable,
        // AWS has no code of its own for days before the history that it keeps.
        "ValidationException"
            if message.contains("historical data") || message.contains("14 months") =>
        {
            Trouble::Unavailable
        }
        "RequestChangedException" | "InvalidNextTokenException" => Trouble::Stale,
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => Trouble::Denied,
        "ExpiredTokenException"
        | "ExpiredToken"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationToken"
        | "IncompleteSignature" => Trouble::Credentials,
        _ if status == 429 || status >= 500 => Trouble::Passing,
        _ if status == 403 => Trouble::Denied,
        _ => Trouble::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_told_apart() {
        for (code, message, status, expected) in [
            ("LimitExceededException", "", 400, Trouble::Passing),
            ("InternalServerError", "", 500, Trouble::Passing),
            ("DataUnavailableException", "", 400, Trouble::Unavailable),
            (
                "ValidationException",
                "You haven't enabled historical data beyond 14 months",
                400,
                Trouble::Unavailable,
            ),
            ("ValidationException", "Start date cannot be after", 400, Trouble::Refused),
            ("InvalidNextTokenException", "", 400, Trouble::Stale),
            ("AccessDeniedException", "", 400, Trouble::Denied),
            ("", "", 403, Trouble::Denied),
            ("ExpiredTokenException", "", 400, Trouble::Credentials),
        ] {
            assert_eq!(kind(code, message, status), expected, "{code} {message}");
        }
    }

    #[test]
    fn errors_read_as_a_sentence() {
        let error = |code: &str| CallError {
            trouble: Trouble::Passing,
            code: code.to_owned(),
            message: "no answer".to_owned(),
        };
        assert_eq!(error("").to_string(), "no answer");
        assert_eq!(error("ThrottlingException").to_string(), "ThrottlingException: no answer");
    }
}
