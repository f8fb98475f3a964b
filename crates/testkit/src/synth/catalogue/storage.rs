//! Disks, buckets, file systems and backups.

use super::{DATA, LEARNING, PRODUCTION, SANDBOX, SECURITY, SHARED, STAGING, d};
use crate::synth::sku::Product;
use crate::synth::template::{Attributes, Shape, Template};

use super::compute::EC2;

const S3: Product = Product::aws("AmazonS3", "Amazon Simple Storage Service");
const EFS: Product = Product::aws("AmazonEFS", "Amazon Elastic File System");
const BACKUP: Product = Product::aws("AWSBackup", "AWS Backup");
const GLACIER: Product = Product::aws("AmazonGlacier", "Amazon Glacier");

const GP3: Attributes = &[
    ("maxIopsvolume", "16000"),
    ("maxThroughputvolume", "1000 MiB/s"),
    ("maxVolumeSize", "16 TiB"),
    ("storageMedia", "SSD-backed"),
    ("volumeApiName", "gp3"),
    ("volumeType", "General Purpose"),
];
const IO1: Attributes = &[
    ("maxIopsvolume", "64000"),
    ("maxVolumeSize", "16 TiB"),
    ("storageMedia", "SSD-backed"),
    ("volumeApiName", "io1"),
    ("volumeType", "Provisioned IOPS"),
];
const STANDARD: Attributes = &[
    ("availability", "99.99%"),
    ("durability", "99.999999999%"),
    ("storageClass", "General Purpose"),
    ("volumeType", "Standard"),
];
const INFREQUENT: Attributes = &[
    ("availability", "99.9%"),
    ("durability", "99.999999999%"),
    ("storageClass", "Infrequent Access"),
    ("volumeType", "Standard - Infrequent Access"),
];

pub(super) const ALL: &[Template] = &[
    Template::new(EC2, "EBS:VolumeUsage.gp3", "CreateVolume-Gp3")
        .price(d(8, 2), "GB-Mo", "per GB-month of General Purpose (gp3) provisioned storage")
        .about("Storage", &[GP3])
        .load(d(1_643_835_616, 10), Shape::Steady, 8)
        .on("web", "vol-0{hex}")
        .fleet(&[(PRODUCTION, 8), (STAGING, 4), (DATA, 4), (SHARED, 2), (SANDBOX, 2)])
        .zonal(),
    Template::new(EC2, "EBS:VolumeP-IOPS.piops", "CreateVolume-P-IOPS")
        .price(d(65, 3), "IOPS-Mo", "per IOPS-month provisioned")
        .about("System Operation", &[IO1, &[("group", "EBS IOPS"), ("provisioned", "Yes")]])
        .load(d(41_095_890_411, 10), Shape::Steady, 4)
        .on("orders", "vol-0{hex}")
        .fleet(&[(PRODUCTION, 1)])
        .zonal(),
    Template::new(EC2, "EBS:SnapshotUsage", "CreateSnapshot")
        .price(d(5, 2), "GB-Mo", "per GB-Month of snapshot data stored")
        .about("Storage Snapshot", &[&[("storageMedia", "Amazon S3")]])
        .load(d(602_739_726, 10), Shape::Steady, 24)
        .on("web", "arn:aws:ec2:{region}:{account}:snapshot/snap-0{hex}")
        .fleet(&[(PRODUCTION, 10), (STAGING, 4), (DATA, 6)]),
    Template::new(S3, "TimedStorage-ByteHrs", "StandardStorage")
        .price(d(23, 3), "GB-Mo", "per GB - first 50 TB / month of storage used")
        .about("Storage", &[STANDARD])
        .load(d(11_643_835_616, 10), Shape::Varying, 12)
        .on("assets", "{name}-{account}")
        .fleet(&[
            (PRODUCTION, 4),
            (STAGING, 2),
            (DATA, 5),
            (LEARNING, 2),
            (SECURITY, 2),
            (SHARED, 1),
        ]),
    Template::new(S3, "TimedStorage-SIA-ByteHrs", "StandardIAStorage")
        .price(d(125, 4), "GB-Mo", "per GB-Month of storage used in Standard-Infrequent Access")
        .about("Storage", &[INFREQUENT])
        .load(d(31_643_835_616, 10), Shape::Steady, 24)
        .on("archive", "{name}-{account}")
        .fleet(&[(DATA, 3), (SECURITY, 1)]),
    Template::new(S3, "Requests-Tier1", "PutObject")
        .price(d(5, 6), "Requests", "per 1,000 PUT, COPY, POST, or LIST requests")
        .about(
            "API Request",
            &[&[("group", "S3-API-Tier1"), ("groupDescription", "PUT/COPY/POST or LIST requests")]],
        )
        .load(d(2_140, 0), Shape::Varying, 6)
        .on("assets", "{name}-{account}")
        .fleet(&[(PRODUCTION, 4), (DATA, 5)]),
    Template::new(S3, "Requests-Tier2", "GetObject")
        .price(d(4, 7), "Requests", "per 10,000 GET and all other requests")
        .about(
            "API Request",
            &[&[("group", "S3-API-Tier2"), ("groupDescription", "GET and all other requests")]],
        )
        .load(d(9, 0), Shape::Varying, 6)
        .on("assets", "{name}-{account}")
        .fleet(&[(PRODUCTION, 4), (STAGING, 2), (DATA, 5), (SANDBOX, 1)]),
    Template::new(GLACIER, "TimedStorage-ByteHrs", "")
        .price(d(36, 4), "GB-Mo", "per GB / month - Glacier Storage")
        .about("Storage", &[&[("storageClass", "Archive"), ("volumeType", "Amazon Glacier")]])
        .load(d(71, 0), Shape::Steady, 24)
        .on("ledger", "arn:aws:glacier:{region}:{account}:vaults/{name}")
        .fleet(&[(DATA, 1)]),
    Template::new(EFS, "TimedStorage-ByteHrs", "")
        .price(d(3, 1), "GB-Mo", "per GB-Mo for Standard storage")
        .about("Storage", &[&[("storageClass", "General Purpose")]])
        .load(d(2_055, 4), Shape::Varying, 6)
        .on("uploads", "arn:aws:elasticfilesystem:{region}:{account}:file-system/fs-0{hex}")
        .fleet(&[(PRODUCTION, 1), (LEARNING, 1)]),
    Template::new(BACKUP, "WarmStorage-ByteHrs-EBS", "Storage")
        .price(d(5, 2), "GB-Mo", "per GB-Month - warm storage for Amazon EBS backups")
        .about("AWS Backup Storage", &[])
        .load(d(9_315, 4), Shape::Steady, 24)
        .on("nightly", "arn:aws:backup:{region}:{account}:recovery-point:{hex}")
        .fleet(&[(PRODUCTION, 3), (SHARED, 2)]),
];
