//! What is sent to at AWS.
#![expect(
    clippy::disallowed_types,
    reason = "serde's code for flattened settings names floats; no amount is among them"
)]

use serde::{Deserialize, Serialize};

use super::AwsIdentity;

/// An event bus of Amazon `EventBridge`. Secrets as of [`AwsIdentity`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventbridgeTarget {
    /// Name or ARN.
    pub bus: String,
    /// Where, and who sends.
    #[serde(flatten)]
    pub reach: AwsReach,
}

/// A queue of Amazon SQS. Secrets as of [`AwsIdentity`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqsTarget {
    /// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`.
    pub queue_url: String,
    /// Where, and who sends.
    #[serde(flatten)]
    pub reach: AwsReach,
}

/// A topic of Amazon SNS. Secrets as of [`AwsIdentity`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnsTarget {
    /// `arn:aws:sns:REGION:ACCOUNT:NAME`.
    pub topic_arn: String,
    /// Where, and who sends.
    #[serde(flatten)]
    pub reach: AwsReach,
}

/// How a service of AWS is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsReach {
    /// Its region; `None` for the environment's.
    #[serde(default)]
    pub region: Option<String>,
    /// Another endpoint than AWS's own.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Who sends.
    #[serde(default)]
    pub identity: AwsIdentity,
}
