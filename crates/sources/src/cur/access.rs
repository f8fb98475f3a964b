//! What a legacy Cost and Usage Report needs.

use crate::access::{Delivery, KindAccess, Need, ORGANIZATION, Purpose, RESOURCE_TAGS};

/// Reading the bucket, and what its report is like.
pub(crate) const ACCESS: KindAccess = KindAccess {
    kind: "cur",
    title: "a legacy Cost and Usage Report",
    reads_bucket: true,
    needs: &[
        Need::extra(&["cur:DescribeReportDefinitions"], Purpose::Definitions),
        ORGANIZATION,
        RESOURCE_TAGS,
    ],
    // Source: Cost and Usage Reports User Guide, "Setting up an Amazon S3 bucket".
    delivery: Some(Delivery {
        services: &["billingreports.amazonaws.com"],
        accounts: &[],
        on_bucket: &["s3:GetBucketAcl", "s3:GetBucketPolicy"],
        on_objects: &["s3:PutObject"],
        sources: &["cur:us-east-1:{account}:definition/*"],
    }),
};
