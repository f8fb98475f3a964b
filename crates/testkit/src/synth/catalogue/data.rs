//! Databases, caches, warehouses, streams, queries and models.

use super::{DATA, LEARNING, PRODUCTION, SANDBOX, STAGING, d};
use crate::decimal::Decimal;
use crate::synth::sku::Product;
use crate::synth::template::{Attributes, Shape, Template};

pub(in crate::synth) const RDS: Product =
    Product::aws("AmazonRDS", "Amazon Relational Database Service");
const DYNAMODB: Product = Product::aws("AmazonDynamoDB", "Amazon DynamoDB");
const ELASTICACHE: Product = Product::aws("AmazonElastiCache", "Amazon ElastiCache");
const OPENSEARCH: Product = Product::aws("AmazonES", "Amazon OpenSearch Service");
const REDSHIFT: Product = Product::aws("AmazonRedshift", "Amazon Redshift");
const KINESIS: Product = Product::aws("AmazonKinesis", "Amazon Kinesis");
const GLUE: Product = Product::aws("AWSGlue", "AWS Glue");
const ATHENA: Product = Product::aws("AmazonAthena", "Amazon Athena");
const SAGEMAKER: Product = Product::aws("AmazonSageMaker", "Amazon SageMaker");
const BEDROCK: Product = Product::aws("AmazonBedrock", "Amazon Bedrock");
const BEDROCK_THIRD_PARTY: Product = Product::market(
    "4zq8m1v7kc0t9w2xj5nb3hd6ry",
    "Stillwater Chat 2 (Amazon Bedrock Edition)",
    "Stillwater Labs PBC",
);

const ONE: Decimal = Decimal::ONE;

const R5_DATABASE: Attributes = &[
    ("clockSpeed", "3.1 GHz"),
    ("currentGeneration", "Yes"),
    ("databaseEngine", "PostgreSQL"),
    ("deploymentOption", "Single-AZ"),
    ("engineCode", "14"),
    ("instanceFamily", "Memory optimized"),
    ("instanceType", "db.r5.large"),
    ("instanceTypeFamily", "R5"),
    ("licenseModel", "No license required"),
    ("memory", "16 GiB"),
    ("networkPerformance", "Up to 10 Gigabit"),
    ("normalizationSizeFactor", "4"),
    ("physicalProcessor", "Intel Xeon Platinum 8175"),
    ("processorArchitecture", "64-bit"),
    ("storage", "EBS Only"),
    ("vcpu", "2"),
];
const T3_DATABASE: Attributes = &[
    ("currentGeneration", "Yes"),
    ("databaseEngine", "MySQL"),
    ("deploymentOption", "Multi-AZ"),
    ("engineCode", "2"),
    ("instanceFamily", "General purpose"),
    ("instanceType", "db.t3.medium"),
    ("instanceTypeFamily", "T3"),
    ("licenseModel", "No license required"),
    ("memory", "4 GiB"),
    ("normalizationSizeFactor", "4"),
    ("vcpu", "2"),
];
const R6G_NODE: Attributes = &[
    ("cacheEngine", "Redis"),
    ("currentGeneration", "Yes"),
    ("instanceFamily", "Memory optimized"),
    ("instanceType", "cache.r6g.large"),
    ("memory", "13.07 GiB"),
    ("networkPerformance", "Up to 10 Gigabit"),
    ("vcpu", "2"),
];
const PROVISIONED: Attributes =
    &[("group", "DDB-WriteUnits"), ("groupDescription", "DynamoDB Provisioned Write Units")];

/// The usage that the database reservation covers.
pub(in crate::synth) const DB_R5_LARGE: &str = "InstanceUsage:db.r5.large";

pub(super) const ALL: &[Template] = &[
    Template::new(RDS, DB_R5_LARGE, "CreateDBInstance:0014")
        .price(
            d(25, 2),
            "Hrs",
            "per db.r5.large Single-AZ instance hour (or partial hour) running PostgreSQL",
        )
        .about("Database Instance", &[R5_DATABASE])
        .on("orders", "arn:aws:rds:{region}:{account}:db:{name}")
        .fleet(&[(PRODUCTION, 1)]),
    Template::new(RDS, DB_R5_LARGE, "CreateDBInstance:0014")
        .price(
            d(25, 2),
            "Hrs",
            "per db.r5.large Single-AZ instance hour (or partial hour) running PostgreSQL",
        )
        .about("Database Instance", &[R5_DATABASE])
        .load(ONE, Shape::Working, 1)
        .on("reports", "arn:aws:rds:{region}:{account}:db:{name}")
        .fleet(&[(STAGING, 1)]),
    Template::new(RDS, "Multi-AZUsage:db.t3.medium", "CreateDBInstance:0002")
        .price(
            d(136, 3),
            "Hrs",
            "per db.t3.medium Multi-AZ instance hour (or partial hour) running MySQL",
        )
        .about("Database Instance", &[T3_DATABASE])
        .on("payments", "arn:aws:rds:{region}:{account}:db:{name}")
        .fleet(&[(PRODUCTION, 1), (SANDBOX, 1)]),
    Template::new(RDS, "RDS:GP2-Storage", "CreateDBInstance:0014")
        .price(d(115, 3), "GB-Mo", "per GB-month of provisioned gp2 storage running PostgreSQL")
        .about(
            "Database Storage",
            &[&[
                ("databaseEngine", "PostgreSQL"),
                ("deploymentOption", "Single-AZ"),
                ("volumeType", "General Purpose"),
            ]],
        )
        .load(d(2_739_726_027, 10), Shape::Steady, 8)
        .on("orders", "arn:aws:rds:{region}:{account}:db:{name}")
        .fleet(&[(PRODUCTION, 2), (STAGING, 1)]),
    Template::new(DYNAMODB, "WriteCapacityUnit-Hrs", "CommittedThroughput")
        .price(
            d(65, 5),
            "WriteCapacityUnit-Hrs",
            "per hour for units of write capacity beyond the free tier",
        )
        .about("Provisioned IOPS", &[PROVISIONED])
        .load(d(100, 0), Shape::Steady, 2)
        .on("sessions", "arn:aws:dynamodb:{region}:{account}:table/{name}")
        .fleet(&[(PRODUCTION, 2)]),
    Template::new(DYNAMODB, "ReadRequestUnits", "PayPerRequestThroughput")
        .price(d(25, 8), "ReadRequestUnits", "per million read request units (N. Virginia)")
        .about(
            "Amazon DynamoDB PayPerRequest Throughput",
            &[&[
                ("group", "DDB-ReadUnits"),
                ("groupDescription", "DynamoDB PayPerRequest Read Request Units"),
            ]],
        )
        .load(d(185_000, 0), Shape::Varying, 4)
        .on("catalog", "arn:aws:dynamodb:{region}:{account}:table/{name}")
        .fleet(&[(PRODUCTION, 2), (STAGING, 1)]),
    Template::new(ELASTICACHE, "NodeUsage:cache.r6g.large", "CreateCacheCluster:0002")
        .price(d(206, 3), "Hrs", "per cache.r6g.large Node hour (or partial hour) running Redis")
        .about("Cache Instance", &[R6G_NODE])
        .on("sessions", "arn:aws:elasticache:{region}:{account}:cluster:{name}")
        .fleet(&[(PRODUCTION, 2)]),
    Template::new(OPENSEARCH, "ESInstance:m5.large.search", "ESDomain")
        .price(d(142, 3), "Hrs", "per m5.large.search instance hour (or partial hour)")
        .about(
            "Amazon OpenSearch Service Instance",
            &[&[
                ("instanceType", "m5.large.search"),
                ("memory", "8 GiB"),
                ("vcpu", "2"),
                ("currentGeneration", "Yes"),
            ]],
        )
        .on("search", "arn:aws:es:{region}:{account}:domain/{name}")
        .fleet(&[(PRODUCTION, 2)]),
    Template::new(REDSHIFT, "Node:ra3.xlplus", "RunComputeNode:0001")
        .price(d(1_086, 3), "Hrs", "per Redshift RA3.XLPLUS Compute Node-hour (or partial hour)")
        .about(
            "Compute Instance",
            &[&[
                ("instanceType", "ra3.xlplus"),
                ("memory", "32 GiB"),
                ("vcpu", "4"),
                ("storage", "32TB Redshift Managed Storage"),
                ("currentGeneration", "Yes"),
            ]],
        )
        .load(d(2, 0), Shape::Steady, 1)
        .on("warehouse", "arn:aws:redshift:{region}:{account}:cluster:{name}")
        .fleet(&[(DATA, 1)]),
    Template::new(KINESIS, "Storage-ShardHour", "shardHourStorage")
        .price(d(15, 3), "ShardHour", "per provisioned shard-hour")
        .about("Kinesis Streams", &[&[("group", "Provisioned shard hour")]])
        .load(d(4, 0), Shape::Steady, 2)
        .on("clickstream", "arn:aws:kinesis:{region}:{account}:stream/{name}")
        .fleet(&[(DATA, 1)]),
    Template::new(GLUE, "ETL-DPU-Hour", "Jobrun")
        .price(d(44, 2), "DPU-Hour", "per Data Processing Unit-Hour for AWS Glue ETL job")
        .about(
            "AWS Glue",
            &[&[("group", "ETL Job run"), ("groupDescription", "DPU hours for AWS Glue ETL jobs")]],
        )
        .load(d(11, 1), Shape::Varying, 4)
        .on("etl", "arn:aws:glue:{region}:{account}:job/{name}")
        .fleet(&[(DATA, 2)]),
    Template::new(ATHENA, "DataScannedInTB", "RunQuery")
        .price(d(5, 0), "Terabytes", "per Terabytes for DataScannedInTB in US West (Oregon)")
        .about("Athena Queries", &[&[("freeQueryTypes", "DDL statements, cancelled queries")]])
        .load(d(21_845_337, 9), Shape::Varying, 2)
        .on("adhoc", "arn:aws:athena:{region}:{account}:workgroup/{name}")
        .fleet(&[(DATA, 2), (SANDBOX, 1)]),
    Template::new(SAGEMAKER, "Train:ml.g4dn.xlarge", "RunInstance")
        .price(d(7_364, 4), "Hrs", "per Training ml.g4dn.xlarge hour")
        .about(
            "ML Instance",
            &[&[
                ("component", "Training"),
                ("computeType", "Accelerated"),
                ("gpu", "1"),
                ("instanceName", "ml.g4dn.xlarge"),
                ("memory", "16 GiB"),
                ("vCpu", "4"),
            ]],
        )
        .load(ONE, Shape::Chance(35), 1)
        .on("ranker", "arn:aws:sagemaker:{region}:{account}:training-job/{name}")
        .fleet(&[(LEARNING, 2)])
        .since(1),
    Template::new(BEDROCK, "NovaLite-input-tokens", "InvokeModelInference")
        .price(d(6, 5), "1K tokens", "per 1K input tokens for Nova Lite")
        .about(
            "Amazon Bedrock",
            &[&[
                ("feature", "On-demand Inference"),
                ("inferenceType", "Input tokens"),
                ("model", "Nova Lite"),
                ("provider", "Amazon"),
            ]],
        )
        .load(d(9_120, 0), Shape::Varying, 2)
        .on("assistant", "arn:aws:bedrock:{region}:{account}:application-inference-profile/{name}")
        .fleet(&[(LEARNING, 1), (PRODUCTION, 1)])
        .since(1),
    Template::new(BEDROCK_THIRD_PARTY, "MP:USE1_OutputTokenCount-Units", "Usage")
        .price(
            d(1_250, 2),
            "Units",
            "AWS Marketplace software usage|Million Response Tokens Regional",
        )
        .load(d(43, 3), Shape::Varying, 6)
        .fleet(&[(LEARNING, 1)])
        .since(1),
];
