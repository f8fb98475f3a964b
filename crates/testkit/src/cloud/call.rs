//! Which service is called for what, and in which protocol.

use std::collections::BTreeMap;

use serde_json::Value;

use super::http::{Request, pairs};
use super::signature::Authorization;

/// How a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// S3: paths and XML.
    S3,
    /// STS, IAM, `CloudFormation`: forms and XML.
    Query,
    /// Cost Explorer and its like: `X-Amz-Target` and JSON.
    Json,
}

/// Prefix of `X-Amz-Target`, name of the service in signatures, and in policies.
const TARGETS: [(&str, &str, &str); 5] = [
    ("AWSInsightsIndexService", "ce", "ce"),
    ("AWSOrganizationsV20161128", "organizations", "organizations"),
    ("AWSOrigamiServiceGatewayService", "cur", "cur"),
    ("AWSBillingAndCostManagementDataExports", "bcm-data-exports", "bcm-data-exports"),
    ("ResourceGroupsTaggingAPI_20170126", "tagging", "tag"),
];

/// What is called.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) protocol: Protocol,
    /// Name of the service in signatures.
    pub(super) service: String,
    /// Name of the service in policies.
    pub(super) vendor: String,
    /// Such as `GetCostAndUsage`; empty for S3.
    pub(super) operation: String,
    /// Parameters of the query protocol.
    pub(super) form: BTreeMap<String, String>,
    /// Body of the JSON protocol; null when it is none.
    pub(super) body: Value,
}

impl Call {
    /// What `request` calls. Where nothing else tells the service, its signature does.
    pub(super) fn of(request: &Request) -> Self {
        let signed = request.header("authorization").and_then(Authorization::parse);
        let signed = signed.map(|authorization| authorization.service);
        if let Some(target) = request.header("x-amz-target") {
            return Self::json(request, target, signed.unwrap_or_default());
        }
        let content_type = request.header("content-type").unwrap_or_default();
        let posted = content_type.starts_with("application/x-www-form-urlencoded");
        let form = if request.path == "/" && request.method == "POST" && posted {
            pairs(&String::from_utf8_lossy(&request.body))
        } else if request.path == "/" {
            pairs(&request.query)
        } else {
            Vec::new()
        };
        let form: BTreeMap<String, String> = form.into_iter().collect();
        if let Some(operation) = form.get("Action").cloned() {
            let service = signed.unwrap_or_else(|| "sts".to_owned());
            let vendor = service.clone();
            return Self {
                protocol: Protocol::Query,
                service,
                vendor,
                operation,
                form,
                body: Value::Null,
            };
        }
        Self {
            protocol: Protocol::S3,
            service: "s3".to_owned(),
            vendor: "s3".to_owned(),
            operation: String::new(),
            form: BTreeMap::new(),
            body: Value::Null,
        }
    }

    fn json(request: &Request, target: &str, signed: String) -> Self {
        let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
        let known = TARGETS.iter().find(|(own, ..)| *own == prefix);
        let (service, vendor) = match known {
            Some((_, service, vendor)) => ((*service).to_owned(), (*vendor).to_owned()),
            None => (signed.clone(), signed),
        };
        Self {
            protocol: Protocol::Json,
            service,
            vendor,
            operation: operation.to_owned(),
            form: BTreeMap::new(),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
        }
    }

    /// The action of IAM, such as `ce:GetCostAndUsage`.
    pub(super) fn action(&self) -> String {
        format!("{}:{}", self.vendor, self.operation)
    }

    /// Does the service exist in one region of a partition only?
    pub(super) fn is_global(&self) -> bool {
        let global = ["ce", "organizations", "cur", "bcm-data-exports", "iam"];
        global.contains(&self.service.as_str())
    }
}
