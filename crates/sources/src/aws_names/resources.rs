//! Resource id → FOCUS `ResourceType`.
//!
//! The type of an ARN is the first word of its resource part, in lower case; the services where
//! that is wrong are in `data/resource_types.csv`. Ids that are no ARN are told by their prefix.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::table::rows;

const RESOURCE_TYPES: &str = include_str!("data/resource_types.csv");
const ID_PREFIXES: &str = include_str!("data/resource_id_prefixes.csv");

/// What a resource is when neither its id nor its product tells.
const UNTOLD: &str = "resource";

/// Service, pattern, type; the first match counts. A pattern is the resource's first words in
/// lower case, `*` for any word. `=` matches a resource without `/`, `**` any.
static EXCEPTIONS: LazyLock<Vec<[&'static str; 3]>> =
    LazyLock::new(|| rows(RESOURCE_TYPES).collect());

/// Prefix and type, longer prefixes first: `tgw-attach-` before `tgw-`.
static PREFIXES: LazyLock<Vec<[&'static str; 2]>> = LazyLock::new(|| {
    let mut prefixes: Vec<[&str; 2]> = rows(ID_PREFIXES).collect();
    prefixes.sort_by_key(|[prefix, _]| std::cmp::Reverse(prefix.len()));
    prefixes
});

/// FOCUS `ResourceType` of a resource id (`lineItem/ResourceId`); `None` only for an empty id,
/// because FOCUS wants a type wherever there is an id.
///
/// The product code tells what a bare name is: of Amazon S3 a `bucket`, of Amazon Registrar a
/// `domain`. What nothing tells is a `resource`.
#[must_use]
pub fn resource_type<'a>(resource_id: &'a str, product_code: &str) -> Option<Cow<'a, str>> {
    let id = resource_id.trim();
    if id.is_empty() {
        return None;
    }
    if let Some(rest) = id.strip_prefix("arn:") {
        return Some(arn_type(rest).unwrap_or(Cow::Borrowed(UNTOLD)));
    }
    Some(Cow::Borrowed(match product_code {
        "AmazonS3" => "bucket",
        "AmazonRegistrar" => "domain",
        _ => prefix_type(id).unwrap_or(UNTOLD),
    }))
}

fn prefix_type(id: &str) -> Option<&'static str> {
    let is_generated =
        |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    PREFIXES
        .iter()
        .find(|[prefix, _]| id.strip_prefix(prefix).is_some_and(is_generated))
        .map(|[_, kind]| *kind)
}

/// The type of `partition:service:region:account:resource`.
fn arn_type(arn: &str) -> Option<Cow<'_, str>> {
    let mut parts = arn.splitn(4, ':');
    let (_partition, service, _region) = (parts.next()?, parts.next()?, parts.next()?);
    let (account, resource) = account_and_resource(parts.next()?);
    // A bucket's ARN has no account, and no word for its kind: `arn:aws:s3:::name/key`.
    if service == "s3" && account.is_empty() {
        return Some(Cow::Borrowed("bucket"));
    }
    let resource = resource.strip_prefix('/').unwrap_or(resource);
    if let Some(kind) = exception(service, resource) {
        return Some(Cow::Borrowed(kind));
    }
    let (word, _) = resource.split_once(['/', ':'])?;
    if word.is_empty() {
        None
    } else if word.bytes().any(|b| b.is_ascii_uppercase()) {
        Some(Cow::Owned(word.to_ascii_lowercase()))
    } else {
        Some(Cow::Borrowed(word))
    }
}

/// Splits `account:resource`. Some ids omit the account altogether; what then stands in its
/// place is no account number and begins the resource.
fn account_and_resource(rest: &str) -> (&str, &str) {
    match rest.split_once(':') {
        Some((account, resource)) if !account.contains('/') => {
            let is_word = !account.is_empty()
                && account != "aws"
                && account.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            if is_word { ("", rest) } else { (account, resource) }
        }
        _ => ("", rest),
    }
}

fn exception(service: &str, resource: &str) -> Option<&'static str> {
    EXCEPTIONS
        .iter()
        .find(|[of, pattern, _]| *of == service && matches(pattern, resource))
        .map(|[_, _, kind]| *kind)
}

fn matches(pattern: &str, resource: &str) -> bool {
    match pattern {
        "**" => !resource.is_empty(),
        "=" => !resource.is_empty() && !resource.contains('/'),
        _ => {
            let mut words = resource.split(['/', ':']);
            pattern.split('/').all(|expected| {
                words.next().is_some_and(|w| expected == "*" || expected.eq_ignore_ascii_case(w))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Service, resource part of the ARN, type.
    const ARNS: [(&str, &str, &str); 118] = [
        ("ec2", "instance/i-0abc", "instance"),
        ("ec2", "volume/vol-0abc", "volume"),
        ("ec2", "snapshot/snap-0abc", "snapshot"),
        ("ec2", "natgateway/nat-0abc", "natgateway"),
        ("ec2", "elastic-ip/eipalloc-0abc", "elastic-ip"),
        ("ec2", "network-interface/eni-0abc", "network-interface"),
        ("ec2", "vpc-endpoint/vpce-0abc", "vpc-endpoint"),
        ("ec2", "transit-gateway/tgw-0abc", "transit-gateway"),
        ("ec2", "transit-gateway-attachment/tgw-attach-0abc", "transit-gateway-attachment"),
        ("ec2", "vpn-connection/vpn-0abc", "vpn-connection"),
        ("ec2", "client-vpn-endpoint/cvpn-endpoint-0abc", "client-vpn-endpoint"),
        ("ec2", "vpc-peering-connection/pcx-0abc", "vpc-peering-connection"),
        ("ec2", "dedicated-host/h-0abc", "dedicated-host"),
        ("ec2", "host-reservation/hr-0abc", "host-reservation"),
        ("ec2", "capacity-reservation/cr-0abc", "capacity-reservation"),
        ("ec2", "capacity-block/cb-0abc", "capacity-block"),
        ("ec2", "reserved-instances/0a1b-2c", "reserved-instances"),
        ("ec2", "image/ami-0abc", "image"),
        ("ec2", "ipam/ipam-0abc", "ipam"),
        ("ec2", "ipam-pool/ipam-pool-0abc", "ipam-pool"),
        ("ec2", "verified-access-endpoint/vae-0abc", "verified-access-endpoint"),
        ("s3", "accesspoint/name", "accesspoint"),
        ("s3", "storage-lens/id", "storage-lens"),
        ("s3", "job/id", "job"),
        ("s3express", "bucket/name", "bucket"),
        ("s3tables", "bucket/name", "bucket"),
        ("glacier", "vaults/name", "vault"),
        ("elasticfilesystem", "file-system/fs-0abc", "file-system"),
        ("fsx", "file-system/fs-0abc", "file-system"),
        ("fsx", "volume/fs-0abc/fsvol-0abc", "volume"),
        ("fsx", "backup/backup-0abc", "backup"),
        ("fsx", "file-cache/fc-0abc", "file-cache"),
        ("backup", "backup-vault:Default", "backup-vault"),
        ("backup", "recovery-point:0a1b-2c", "recovery-point"),
        ("storagegateway", "gateway/sgw-1", "gateway"),
        ("storagegateway", "gateway/sgw-1/volume/vol-1", "volume"),
        ("storagegateway", "share/share-1", "share"),
        ("storagegateway", "tape/T1", "tape"),
        ("rds", "db:orders", "db"),
        ("rds", "cluster:orders", "cluster"),
        ("rds", "cluster-snapshot:rds:orders", "cluster-snapshot"),
        ("rds", "snapshot:orders", "snapshot"),
        ("rds", "db-proxy:prx-1", "db-proxy"),
        ("rds", "auto-backup:ab-1", "auto-backup"),
        ("rds", "cluster-auto-backup:ab-1", "cluster-auto-backup"),
        ("rds", "og:default", "og"),
        ("rds", "ri:mine", "reserved-db-instance"),
        ("elasticache", "cluster:sessions", "cluster"),
        ("elasticache", "replicationgroup:sessions", "replicationgroup"),
        ("elasticache", "serverlesscache:sessions", "serverlesscache"),
        ("elasticache", "reserved-instance:mine", "reserved-instance"),
        ("memorydb", "cluster/m", "cluster"),
        ("memorydb", "reservednode/m", "reservednode"),
        ("dax", "cache/name", "cache"),
        ("dynamodb", "table/orders", "table"),
        ("dynamodb", "table/orders/index/by-day", "index"),
        ("dynamodb", "table/orders/backup/1", "backup"),
        ("dynamodb", "table/orders/stream/2026-01-01T00:00:00.000", "stream"),
        ("cassandra", "/keyspace/k/table/t", "table"),
        ("timestream", "database/d/table/t", "table"),
        ("timestream", "database/d", "database"),
        ("redshift", "cluster:dw", "cluster"),
        ("redshift", "namespace:dw", "namespace"),
        ("redshift-serverless", "workgroup/1", "workgroup"),
        ("es", "domain/logs", "domain"),
        ("aoss", "collection/1", "collection"),
        ("lambda", "function:f:live", "function"),
        ("lambda", "function:us-east-1.edge", "function"),
        ("ecs", "task/cluster/1", "task"),
        ("ecs", "service/cluster/web", "service"),
        ("eks", "nodegroup/c/n/1", "nodegroup"),
        ("eks", "pod/c/ns/name/uid", "pod"),
        ("ecr", "repository/name", "repository"),
        ("apprunner", "service/name/1", "service"),
        ("batch", "job-queue/q", "job-queue"),
        ("lightsail", "RelationalDatabase/1", "relationaldatabase"),
        ("lightsail", "Instance/1", "instance"),
        ("elasticloadbalancing", "loadbalancer/app/n/1", "loadbalancer"),
        ("elasticloadbalancing", "loadbalancer/classic", "loadbalancer"),
        ("cloudfront", "distribution/E1", "distribution"),
        ("cloudfront", "function/name", "function"),
        ("route53", "hostedzone/Z1", "hostedzone"),
        ("route53", "healthcheck/1", "healthcheck"),
        ("apigateway", "/restapis/1/stages/prod", "restapi"),
        ("apigateway", "/apis/1/stages/prod", "api"),
        ("execute-api", "a1b2c3/prod/GET/x", "api"),
        ("globalaccelerator", "accelerator/1", "accelerator"),
        ("directconnect", "dx-gateway/1", "dx-gateway"),
        ("network-firewall", "firewall/name", "firewall"),
        ("wafv2", "regional/webacl/n/1", "webacl"),
        ("wafv2", "global/webacl/n/1", "webacl"),
        ("waf-regional", "webacl/1", "webacl"),
        ("kms", "key/1", "key"),
        ("secretsmanager", "secret:db-password-AbCdEf", "secret"),
        ("acm", "certificate/1", "certificate"),
        ("acm-pca", "certificate-authority/1", "certificate-authority"),
        ("cloudwatch", "alarm:high cpu", "alarm"),
        ("logs", "log-group:/aws/lambda/f", "log-group"),
        ("sns", "alerts", "topic"),
        ("sqs", "jobs", "queue"),
        ("codepipeline", "release", "pipeline"),
        ("codepipeline", "webhook:w", "webhook"),
        ("events", "event-bus/default", "event-bus"),
        ("states", "stateMachine:orders", "statemachine"),
        ("kinesis", "stream/clicks", "stream"),
        ("firehose", "deliverystream/clicks", "deliverystream"),
        ("kafka", "cluster/n/1", "cluster"),
        ("mq", "broker:n:b-1", "broker"),
        ("elasticmapreduce", "cluster/j-1", "cluster"),
        ("emr-serverless", "/applications/1", "application"),
        ("emr-containers", "/virtualclusters/1", "virtualcluster"),
        ("glue", "table/d/t", "table"),
        ("sagemaker", "training-job/t", "training-job"),
        ("bedrock", "foundation-model/x.y-v1:0", "foundation-model"),
        ("dms", "rep:1", "replication-instance"),
        ("dms", "task:1", "replication-task"),
        ("dms", "endpoint:1", "endpoint"),
        ("savingsplans", "savingsplan/0a1b-2c", "savingsplan"),
    ];

    #[test]
    fn every_row_loads() {
        assert_eq!(EXCEPTIONS.len(), RESOURCE_TYPES.lines().count() - 1);
        assert_eq!(PREFIXES.len(), ID_PREFIXES.lines().count() - 1);
    }

    #[test]
    fn arns_tell_their_type() {
        for (service, resource, expected) in ARNS {
            for partition in ["aws", "aws-cn", "aws-us-gov"] {
                let arn = format!("arn:{partition}:{service}:eu-west-1:123456789012:{resource}");
                assert_eq!(resource_type(&arn, "").as_deref(), Some(expected), "{arn}");
            }
        }
        assert_eq!(resource_type("arn:aws:s3:::name", "").as_deref(), Some("bucket"));
        assert_eq!(resource_type("arn:aws:s3:::name/key", "").as_deref(), Some("bucket"));
    }

    #[test]
    fn the_account_may_be_missing() {
        for (arn, expected) in [
            ("arn:aws:ec2:us-east-1:natgateway/nat-0abc", "natgateway"),
            ("arn:aws:ec2:us-east-1::natgateway/nat-0abc", "natgateway"),
            ("arn:aws:rds:us-east-1:db:orders", "db"),
            ("arn:aws:bedrock:us-east-1::foundation-model/x.y-v1:0", "foundation-model"),
            ("arn:aws:bedrock:us-east-1:foundation-model/x.y-v1:0", "foundation-model"),
            ("arn:aws:cloudfront::123456789012:distribution/E1", "distribution"),
        ] {
            assert_eq!(resource_type(arn, "").as_deref(), Some(expected), "{arn}");
        }
    }

    #[test]
    fn bare_ids_are_told_by_prefix_or_product() {
        for (id, product_code, expected) in [
            ("i-0123456789abcdef0", "AmazonEC2", "instance"),
            ("i-16847552", "", "instance"),
            ("vol-0123456789abcdef0", "AmazonEC2", "volume"),
            ("snap-0123456789abcdef0", "AmazonEC2", "snapshot"),
            ("eni-0123456789abcdef0", "AmazonVPC", "network-interface"),
            ("tgw-attach-0123456789abcdef0", "AmazonVPC", "transit-gateway-attachment"),
            ("tgw-0123456789abcdef0", "AmazonVPC", "transit-gateway"),
            ("vpn-0123", "AmazonVPC", "vpn-connection"),
            ("ws-abc123def", "AmazonWorkSpaces", "workspace"),
            ("j-2AXXXXXXGAPLF", "ElasticMapReduce", "cluster"),
            ("i-love-logs", "AmazonS3", "bucket"),
            ("my-logs", "AmazonS3", "bucket"),
            ("example.com", "AmazonRegistrar", "domain"),
            ("h-name", "AmazonEC2", "dedicated-host"),
            ("i-love-logs", "AmazonDynamoDB", "resource"),
            ("i-", "AmazonEC2", "resource"),
            ("some name", "", "resource"),
        ] {
            assert_eq!(resource_type(id, product_code).as_deref(), Some(expected), "{id}");
        }
    }

    #[test]
    fn an_id_always_has_a_type() {
        for id in [
            "arn:",
            "arn:aws",
            "arn:aws:s3",
            "arn:aws:x:::",
            "arn:aws:x:::name",
            "arn:aws:x:::/",
            "arn:aws:x:::/:",
        ] {
            assert_eq!(resource_type(id, "").as_deref(), Some("resource"), "{id}");
        }
        assert_eq!(resource_type("", "AmazonS3"), None);
        assert_eq!(resource_type(" ", "AmazonS3"), None);
    }
}
