//! Instances, containers and functions.

use super::{DATA, LEARNING, PRODUCTION, SANDBOX, SHARED, STAGING, d};
use crate::decimal::Decimal;
use crate::synth::sku::Product;
use crate::synth::template::{Attributes, Shape, Template};

pub(in crate::synth) const EC2: Product = Product::aws("AmazonEC2", "Amazon Elastic Compute Cloud");
const LAMBDA: Product = Product::aws("AWSLambda", "AWS Lambda");
const EKS: Product = Product::aws("AmazonEKS", "Amazon Elastic Container Service for Kubernetes");
const ECS: Product = Product::aws("AmazonECS", "Amazon Elastic Container Service");
const ECR: Product = Product::aws("AmazonECR", "Amazon EC2 Container Registry (ECR)");

const INSTANCE: &str = "Compute Instance";
const ONE: Decimal = Decimal::ONE;

const LINUX: Attributes = &[
    ("availabilityzone", "NA"),
    ("capacitystatus", "Used"),
    ("classicnetworkingsupport", "false"),
    ("currentGeneration", "Yes"),
    ("enhancedNetworkingSupported", "Yes"),
    ("intelAvx2Available", "Yes"),
    ("intelAvxAvailable", "Yes"),
    ("intelTurboAvailable", "Yes"),
    ("licenseModel", "No License required"),
    ("marketoption", "OnDemand"),
    ("operatingSystem", "Linux"),
    ("preInstalledSw", "NA"),
    ("processorArchitecture", "64-bit"),
    ("processorFeatures", "Intel AVX; Intel AVX2; Intel AVX512; Intel Turbo"),
    ("tenancy", "Shared"),
    ("vpcnetworkingsupport", "true"),
];
const WINDOWS: Attributes = &[
    ("capacitystatus", "Used"),
    ("currentGeneration", "Yes"),
    ("licenseModel", "No License required"),
    ("operatingSystem", "Windows"),
    ("preInstalledSw", "NA"),
    ("processorArchitecture", "64-bit"),
    ("tenancy", "Shared"),
];
const M5: Attributes = &[
    ("clockSpeed", "3.1 GHz"),
    ("instanceFamily", "General purpose"),
    ("instanceTypeFamily", "m5"),
    ("networkPerformance", "Up to 10 Gigabit"),
    ("physicalProcessor", "Intel Xeon Platinum 8175"),
    ("storage", "EBS only"),
];
const R5: Attributes = &[
    ("clockSpeed", "3.1 GHz"),
    ("instanceFamily", "Memory optimized"),
    ("instanceTypeFamily", "r5"),
    ("networkPerformance", "Up to 10 Gigabit"),
    ("physicalProcessor", "Intel Xeon Platinum 8175"),
    ("storage", "EBS only"),
];
const LARGE: Attributes = &[
    ("dedicatedEbsThroughput", "Up to 4750 Mbps"),
    ("ecu", "8"),
    ("instanceType", "m5.large"),
    ("memory", "8 GiB"),
    ("normalizationSizeFactor", "4"),
    ("vcpu", "2"),
];
const XLARGE: Attributes = &[
    ("dedicatedEbsThroughput", "Up to 4750 Mbps"),
    ("ecu", "16"),
    ("instanceType", "m5.xlarge"),
    ("memory", "16 GiB"),
    ("normalizationSizeFactor", "8"),
    ("vcpu", "4"),
];
const R5_SIZE: Attributes = &[
    ("dedicatedEbsThroughput", "Up to 4750 Mbps"),
    ("ecu", "10"),
    ("instanceType", "r5.large"),
    ("memory", "16 GiB"),
    ("normalizationSizeFactor", "4"),
    ("vcpu", "2"),
];
const C6G: Attributes = &[
    ("clockSpeed", "2.5 GHz"),
    ("instanceFamily", "Compute optimized"),
    ("instanceType", "c6g.2xlarge"),
    ("instanceTypeFamily", "c6g"),
    ("memory", "16 GiB"),
    ("networkPerformance", "Up to 10 Gigabit"),
    ("normalizationSizeFactor", "16"),
    ("operatingSystem", "Linux"),
    ("physicalProcessor", "AWS Graviton2 Processor"),
    ("processorArchitecture", "64-bit"),
    ("storage", "EBS only"),
    ("tenancy", "Shared"),
    ("vcpu", "8"),
];
const G5: Attributes = &[
    ("gpu", "1"),
    ("gpuMemory", "24 GiB"),
    ("instanceFamily", "GPU instance"),
    ("instanceType", "g5.xlarge"),
    ("instanceTypeFamily", "g5"),
    ("memory", "16 GiB"),
    ("normalizationSizeFactor", "8"),
    ("physicalProcessor", "AMD EPYC 7R32"),
    ("storage", "1 x 250 GB NVMe SSD"),
    ("vcpu", "4"),
];

/// The usage that the m5.xlarge reservation covers.
pub(in crate::synth) const M5_XLARGE: &str = "BoxUsage:m5.xlarge";
/// The usage that the r5.large reservation covers.
pub(in crate::synth) const R5_LARGE: &str = "BoxUsage:r5.large";

pub(super) const ALL: &[Template] = &[
    Template::new(EC2, M5_XLARGE, "RunInstances")
        .price(d(192, 3), "Hrs", "per On Demand Linux m5.xlarge Instance Hour")
        .about(INSTANCE, &[LINUX, M5, XLARGE])
        .on("orders", "i-0{hex}")
        .fleet(&[(PRODUCTION, 5)])
        .saving(28)
        .zonal(),
    Template::new(EC2, "BoxUsage:m5.large", "RunInstances")
        .price(d(96, 3), "Hrs", "per On Demand Linux m5.large Instance Hour")
        .about(INSTANCE, &[LINUX, M5, LARGE])
        .on("web", "i-0{hex}")
        .fleet(&[(PRODUCTION, 5), (STAGING, 2), (SHARED, 1)])
        .saving(28)
        .zonal(),
    Template::new(EC2, "BoxUsage:m5.large", "RunInstances")
        .price(d(96, 3), "Hrs", "per On Demand Linux m5.large Instance Hour")
        .about(INSTANCE, &[LINUX, M5, LARGE])
        .load(ONE, Shape::Working, 1)
        .on("web-scaling", "i-0{hex}")
        .fleet(&[(PRODUCTION, 4), (SANDBOX, 1)])
        .saving(28)
        .zonal(),
    Template::new(EC2, R5_LARGE, "RunInstances")
        .price(d(126, 3), "Hrs", "per On Demand Linux r5.large Instance Hour")
        .about(INSTANCE, &[LINUX, R5, R5_SIZE])
        .on("search", "i-0{hex}")
        .fleet(&[(DATA, 3)])
        .saving(26)
        .zonal(),
    Template::new(EC2, "BoxUsage:m5.xlarge", "RunInstances:0002")
        .price(d(376, 3), "Hrs", "per On Demand Windows m5.xlarge Instance Hour")
        .about(INSTANCE, &[WINDOWS, M5, XLARGE])
        .load(ONE, Shape::Working, 1)
        .on("erp", "i-0{hex}")
        .fleet(&[(SHARED, 1)])
        .saving(14)
        .zonal(),
    Template::new(EC2, "SpotUsage:c6g.2xlarge", "RunInstances:SV002")
        .price(d(1_123, 4), "Hrs", "per c6g.2xlarge Linux/UNIX Spot Instance-hour")
        .about(INSTANCE, &[C6G])
        .load(ONE, Shape::Chance(45), 1)
        .on("batch", "i-0{hex}")
        .fleet(&[(DATA, 3), (LEARNING, 1)])
        .spot(),
    Template::new(EC2, "BoxUsage:g5.xlarge", "RunInstances")
        .price(d(1_006, 3), "Hrs", "per On Demand Linux g5.xlarge Instance Hour")
        .about(INSTANCE, &[LINUX, G5])
        .load(ONE, Shape::Chance(30), 1)
        .on("notebook", "i-0{hex}")
        .fleet(&[(LEARNING, 2)])
        .zonal(),
    Template::new(EC2, "DataTransfer-Out-Bytes", "RunInstances")
        .price(
            d(9, 2),
            "GB",
            "per GB - first 10 TB / month data transfer out beyond the global free tier",
        )
        .about(
            "Data Transfer",
            &[&[
                ("toLocation", "External"),
                ("toLocationType", "Other"),
                ("transferType", "AWS Outbound"),
            ]],
        )
        .load(d(21, 1), Shape::Varying, 2)
        .on("web", "i-0{hex}")
        .fleet(&[(PRODUCTION, 3), (STAGING, 1)]),
    Template::new(EC2, "DataTransfer-Regional-Bytes", "InterZone-In")
        .price(
            d(1, 2),
            "GB",
            "per GB - regional data transfer - in/out/between EC2 AZs or using elastic IPs or ELB",
        )
        .about("Data Transfer", &[&[("transferType", "IntraRegion")]])
        .load(d(52_431, 10), Shape::Varying, 4)
        .on("web", "i-0{hex}")
        .fleet(&[(PRODUCTION, 3), (DATA, 1)]),
    Template::new(EC2, "DataTransfer-In-Bytes", "RunInstances")
        .price(Decimal::ZERO, "GB", "per GB - data transfer in per month")
        .about("Data Transfer", &[&[("transferType", "AWS Inbound")]])
        .load(d(3, 1), Shape::Varying, 4)
        .on("web", "i-0{hex}")
        .fleet(&[(PRODUCTION, 2)]),
    Template::new(EC2, "NatGateway-Hours", "NatGateway")
        .price(d(45, 3), "Hrs", "per NAT Gateway Hour")
        .about(
            "NAT Gateway",
            &[&[
                ("group", "NGW:NatGateway"),
                ("groupDescription", "Hourly charge for NAT Gateways"),
            ]],
        )
        .load(ONE, Shape::Steady, 2)
        .on("egress", "arn:aws:ec2:{region}:{account}:natgateway/nat-0{hex}")
        .fleet(&[(SHARED, 1), (DATA, 1)]),
    Template::new(EC2, "NatGateway-Bytes", "NatGateway")
        .price(d(45, 3), "GB", "per GB Data Processed by NAT Gateways")
        .about(
            "NAT Gateway",
            &[&[
                ("group", "NGW:NatGateway"),
                ("groupDescription", "Charge for per GB data processed by NatGateways"),
            ]],
        )
        .load(d(74, 1), Shape::Varying, 2)
        .on("egress", "arn:aws:ec2:{region}:{account}:natgateway/nat-0{hex}")
        .fleet(&[(SHARED, 1), (DATA, 1)]),
    Template::new(LAMBDA, "Lambda-GB-Second", "Invoke")
        .price(d(166_667, 10), "Lambda-GB-Second", "per Lambda-GB-Second - tier-1")
        .about(
            "Serverless",
            &[&[
                ("group", "AWS-Lambda-Duration"),
                (
                    "groupDescription",
                    "Invocation duration weighted by memory assigned to function, measured in GB-s",
                ),
            ]],
        )
        .load(d(18_500, 0), Shape::Varying, 6)
        .on("payments", "arn:aws:lambda:{region}:{account}:function:{name}")
        .saving(12)
        .fleet(&[(PRODUCTION, 3), (STAGING, 1), (DATA, 2)]),
    Template::new(LAMBDA, "Request", "Invoke")
        .price(d(2, 7), "Requests", "per request - Tier 1")
        .about(
            "Serverless",
            &[&[
                ("group", "AWS-Lambda-Requests"),
                ("groupDescription", "Invocation call for a Lambda function"),
            ]],
        )
        .load(d(31_000, 0), Shape::Varying, 8)
        .on("payments", "arn:aws:lambda:{region}:{account}:function:{name}")
        .fleet(&[(PRODUCTION, 3), (STAGING, 1), (DATA, 2)]),
    Template::new(EKS, "AmazonEKS-Hours:perCluster", "CreateOperation")
        .price(d(1, 1), "Hours", "per Hour Amazon EKS Cluster usage")
        .about("Compute", &[&[("tiertype", "HAStandard")]])
        .load(ONE, Shape::Steady, 2)
        .on("platform", "arn:aws:eks:{region}:{account}:cluster/{name}")
        .fleet(&[(PRODUCTION, 1), (STAGING, 1)]),
    Template::new(ECS, "Fargate-vCPU-Hours:perCPU", "")
        .price(d(4_048, 5), "hours", "per AWS Fargate - vCPU - hour")
        .about("Compute", &[&[("cputype", "perCPU"), ("tenancy", "Shared")]])
        .load(d(55, 1), Shape::Varying, 1)
        .on("catalog", "arn:aws:ecs:{region}:{account}:task/main/{hex}{hex}")
        .saving(20)
        .fleet(&[(PRODUCTION, 2)]),
    Template::new(ECS, "Fargate-GB-Hours", "")
        .price(d(4_445, 6), "hours", "per AWS Fargate - Memory - hour")
        .about("Compute", &[&[("memorytype", "perGB"), ("tenancy", "Shared")]])
        .load(d(11, 0), Shape::Varying, 1)
        .on("catalog", "arn:aws:ecs:{region}:{account}:task/main/{hex}{hex}")
        .saving(20)
        .fleet(&[(PRODUCTION, 2)]),
    Template::new(ECR, "TimedStorage-ByteHrs", "")
        .price(d(1, 1), "GB-Mo", "per GB-month of data storage")
        .about("EC2 Container Registry", &[])
        .load(d(3_012, 4), Shape::Steady, 24)
        .on("images", "arn:aws:ecr:{region}:{account}:repository/{name}")
        .fleet(&[(SHARED, 4)]),
];
