//! Networks, messages, monitoring, security and the marketplace.

use super::{DATA, LEARNING, MANAGEMENT, PRODUCTION, SECURITY, SHARED, STAGING, d};
use crate::decimal::Decimal;
use crate::synth::sku::Product;
use crate::synth::template::{Shape, Template};

const CLOUDFRONT: Product = Product::aws("AmazonCloudFront", "Amazon CloudFront");
const ELB: Product = Product::aws("AWSELB", "Elastic Load Balancing");
const VPC: Product = Product::aws("AmazonVPC", "Amazon Virtual Private Cloud");
const ROUTE53: Product = Product::aws("AmazonRoute53", "Amazon Route 53");
const CLOUDWATCH: Product = Product::aws("AmazonCloudWatch", "AmazonCloudWatch");
const KMS: Product = Product::aws("awskms", "AWS Key Management Service");
const SQS: Product = Product::aws("AWSQueueService", "Amazon Simple Queue Service");
const SNS: Product = Product::aws("AmazonSNS", "Amazon Simple Notification Service");
const API_GATEWAY: Product = Product::aws("AmazonApiGateway", "Amazon API Gateway");
const WAF: Product = Product::aws("awswaf", "AWS WAF");
const SECRETS: Product = Product::aws("AWSSecretsManager", "AWS Secrets Manager");
const CONFIG: Product = Product::aws("AWSConfig", "AWS Config");
const GUARDDUTY: Product = Product::aws("AmazonGuardDuty", "Amazon GuardDuty");
const CLOUDTRAIL: Product = Product::aws("AWSCloudTrail", "AWS CloudTrail");
const COST_EXPLORER: Product = Product::aws("AWSCostExplorer", "AWS Cost Explorer");
const FIREWALL: Product = Product::market(
    "5hnnev4d0v7mapf09j0v8of0o",
    "Redgate Ridge Next-Generation Firewall",
    "Redgate Ridge, Inc.",
);

pub(super) const ALL: &[Template] = &[
    Template::new(CLOUDFRONT, "US-DataTransfer-Out-Bytes", "GET")
        .price(d(85, 3), "GB", "per GB - first 10 TB / month data transfer out")
        .about("Content Delivery", &[&[("requestType", "GET"), ("edgeLocation", "United States")]])
        .load(d(63, 1), Shape::Varying, 2)
        .on("cdn", "arn:aws:cloudfront::{account}:distribution/E{hex}")
        .fleet(&[(PRODUCTION, 2)])
        .global(),
    Template::new(CLOUDFRONT, "EU-Requests-Tier2-HTTPS", "GET")
        .price(d(12, 7), "Requests", "per 10,000 HTTPS Requests")
        .about("Request", &[&[("requestType", "HTTPS"), ("edgeLocation", "Europe")]])
        .load(d(5_900, 0), Shape::Varying, 4)
        .on("cdn", "arn:aws:cloudfront::{account}:distribution/E{hex}")
        .fleet(&[(PRODUCTION, 2)])
        .global(),
    Template::new(ELB, "LoadBalancerUsage", "LoadBalancing:Application")
        .price(d(225, 4), "Hrs", "per Application LoadBalancer-hour (or partial hour)")
        .about(
            "Load Balancer-Application",
            &[&[
                ("group", "ELB:Balancer"),
                ("groupDescription", "LoadBalancer hourly usage by Application Load Balancer"),
            ]],
        )
        .on(
            "front",
            "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{hex}",
        )
        .fleet(&[(PRODUCTION, 2), (STAGING, 1)]),
    Template::new(ELB, "LCUUsage", "LoadBalancing:Application")
        .price(
            d(8, 3),
            "LCU-Hrs",
            "per used Application load balancer capacity unit-hour (or partial hour)",
        )
        .about(
            "Load Balancer-Application",
            &[&[
                ("group", "ELB:Balancing"),
                ("groupDescription", "Used Application load balancer capacity units-hr"),
            ]],
        )
        .load(d(27, 1), Shape::Varying, 2)
        .on(
            "front",
            "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{hex}",
        )
        .fleet(&[(PRODUCTION, 2)]),
    Template::new(VPC, "PublicIPv4:InUseAddress", "RunInstances")
        .price(d(5, 3), "Hrs", "per In-use public IPv4 address per hour")
        .about(
            "VPC",
            &[&[
                ("group", "VPCPublicIPv4Address"),
                ("groupDescription", "Hourly charge for In-use Public IPv4 Addresses"),
            ]],
        )
        .load(d(3, 0), Shape::Steady, 6)
        .on("front", "arn:aws:ec2:{region}:{account}:network-interface/eni-0{hex}")
        .fleet(&[(PRODUCTION, 4), (SHARED, 1)]),
    Template::new(VPC, "VpcEndpoint-Hours", "VpcEndpoint")
        .price(d(1, 2), "Hrs", "per VPC Endpoint Hour")
        .about("VpcEndpoint", &[&[("endpointType", "PrivateLink")]])
        .on("endpoint", "arn:aws:ec2:{region}:{account}:vpc-endpoint/vpce-0{hex}")
        .load(Decimal::ONE, Shape::Steady, 6)
        .fleet(&[(SHARED, 2), (DATA, 1)]),
    Template::new(ROUTE53, "DNS-Queries", "A")
        .price(d(4, 7), "Queries", "per 1,000,000 queries for the first 1 Billion queries")
        .about("DNS Query", &[&[("routingTarget", "Global"), ("routingType", "Standard")]])
        .load(d(2_750, 0), Shape::Varying, 4)
        .on("zone", "arn:aws:route53:::hostedzone/Z{hex}")
        .fleet(&[(PRODUCTION, 2)])
        .global(),
    Template::new(CLOUDWATCH, "DataProcessing-Bytes", "PutLogEvents")
        .price(d(5, 1), "GB", "per GB custom log data ingested in Standard log class")
        .about(
            "Data Payload",
            &[&[
                ("group", "Ingested Logs"),
                ("groupDescription", "Existing system, application, and custom log files"),
            ]],
        )
        .load(d(61, 2), Shape::Varying, 1)
        .on("app", "arn:aws:logs:{region}:{account}:log-group:{name}")
        .fleet(&[(PRODUCTION, 2), (DATA, 2), (STAGING, 1)]),
    Template::new(CLOUDWATCH, "CW:MetricMonitorUsage", "MetricStorage")
        .price(d(3, 1), "Metrics", "per metric-month for the first 10,000 metrics")
        .about(
            "Metric",
            &[&[
                ("group", "Metric"),
                ("groupDescription", "Custom and Detailed Monitoring metrics"),
            ]],
        )
        .load(d(27_397_260, 9), Shape::Steady, 6)
        .fleet(&[(PRODUCTION, 1), (DATA, 1), (SHARED, 1)]),
    Template::new(CLOUDWATCH, "CW:AlarmMonitorUsage", "Unknown")
        .price(d(1, 1), "Alarms", "per alarm metric month")
        .about("Alarm", &[&[("alarmType", "Standard"), ("group", "Alarm")]])
        .load(d(13_698_630, 9), Shape::Steady, 24)
        .on("alarm", "arn:aws:cloudwatch:{region}:{account}:alarm:{name}")
        .fleet(&[(PRODUCTION, 3), (DATA, 2)]),
    Template::new(KMS, "KMS-Requests", "Decrypt")
        .price(d(3, 6), "Requests", "per 10000 KMS requests")
        .about("API Request", &[&[("group", "KMS-Requests")]])
        .load(d(310, 0), Shape::Varying, 4)
        .on("key", "arn:aws:kms:{region}:{account}:key/{hex}")
        .fleet(&[(PRODUCTION, 1), (DATA, 1), (SECURITY, 1)]),
    Template::new(SQS, "Requests-Tier1", "SendMessage")
        .price(d(4, 7), "Requests", "per 1,000,000 requests for tier 1")
        .about(
            "API Request",
            &[&[
                ("group", "SQS-APIRequest-Tier1"),
                ("messageDeliveryFrequency", "At Least Once"),
                ("messageDeliveryOrder", "Not Guaranteed"),
                ("queueType", "Standard"),
            ]],
        )
        .load(d(13, 0), Shape::Varying, 4)
        .on("jobs", "arn:aws:sqs:{region}:{account}:{name}")
        .fleet(&[(PRODUCTION, 2), (STAGING, 1)]),
    Template::new(SNS, "DeliveryAttempts-HTTP", "Publish")
        .price(d(6, 7), "Notifications", "per notification over HTTP")
        .about("Message Delivery", &[&[("endpointType", "HTTP")]])
        .load(d(810, 0), Shape::Varying, 6)
        .on("events", "arn:aws:sns:{region}:{account}:{name}")
        .fleet(&[(PRODUCTION, 1)]),
    Template::new(SNS, "Requests-Tier1", "Publish")
        .price(
            Decimal::ZERO,
            "Requests",
            "First 1,000,000 Amazon SNS API Requests per month are free",
        )
        .about("API Request", &[&[("group", "SNS-Requests-Tier1")]])
        .load(d(41, 0), Shape::Varying, 12)
        .on("events", "arn:aws:sns:{region}:{account}:{name}")
        .fleet(&[(PRODUCTION, 1), (STAGING, 1), (SECURITY, 1)]),
    Template::new(API_GATEWAY, "ApiGatewayRequest", "ApiGatewayRequest")
        .price(d(35, 7), "Requests", "per request - first 333 million requests per month")
        .about("API Calls", &[])
        .load(d(12_300, 0), Shape::Varying, 2)
        .on("public", "arn:aws:apigateway:{region}::/restapis/{hex}/stages/prod")
        .fleet(&[(PRODUCTION, 1)]),
    Template::new(WAF, "WebACLV2", "WebACL")
        .price(d(5, 0), "Month", "per web ACL per month (prorated hourly)")
        .about("Web Application Firewall", &[&[("group", "WebACL")]])
        .load(d(13_440_860, 10), Shape::Steady, 2)
        .on("edge", "arn:aws:wafv2:{region}:{account}:regional/webacl/{name}/{hex}")
        .fleet(&[(PRODUCTION, 1)]),
    Template::new(SECRETS, "AWSSecretsManager-Secrets", "")
        .price(d(4, 1), "Secrets", "per Secret per month")
        .about("Secret", &[&[("group", "Secrets")]])
        .load(d(13_440_860, 10), Shape::Steady, 24)
        .on("secret", "arn:aws:secretsmanager:{region}:{account}:secret:{name}")
        .fleet(&[(PRODUCTION, 6), (STAGING, 3), (DATA, 3)]),
    Template::new(CONFIG, "ConfigurationItemRecorded", "")
        .price(d(3, 3), "ConfigurationItemRecorded", "per Configuration Item recorded")
        .about("Management Tools - AWS Config", &[])
        .load(d(13, 0), Shape::Varying, 6)
        .fleet(&[(SECURITY, 1), (PRODUCTION, 1), (SHARED, 1)]),
    Template::new(GUARDDUTY, "PaidEventsAnalyzed-Bytes", "CloudTrailAnalysis")
        .price(d(4, 0), "GB", "per GB for first 500 GB of VPC Flow Log and DNS Log data analyzed")
        .about("Amazon GuardDuty", &[])
        .load(d(6, 2), Shape::Varying, 6)
        .on("detector", "arn:aws:guardduty:{region}:{account}:detector/{hex}")
        .fleet(&[(SECURITY, 1), (PRODUCTION, 1)]),
    Template::new(CLOUDTRAIL, "FreeEventsRecorded", "None")
        .price(Decimal::ZERO, "Events", "per free event recorded in the region")
        .about("Management Tools - AWS CloudTrail Free Events Recorded", &[])
        .load(d(530, 0), Shape::Varying, 12)
        .fleet(&[(MANAGEMENT, 1), (SECURITY, 1), (LEARNING, 1)]),
    Template::new(COST_EXPLORER, "APIRequest", "GetCostAndUsage")
        .price(d(1, 2), "Requests", "per paginated API request")
        .about("AWS Cost Explorer", &[])
        .load(d(2, 0), Shape::Steady, 24)
        .fleet(&[(MANAGEMENT, 1)])
        .global(),
    Template::new(FIREWALL, "SoftwareUsage:m5.xlarge", "Hourly")
        .price(d(87, 2), "Hrs", "AWS Marketplace hourly software usage|us-east-1|m5.xlarge")
        .on("firewall", "i-0{hex}")
        .fleet(&[(SHARED, 1)]),
];
