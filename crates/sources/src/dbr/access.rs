//! What Detailed Billing Reports need.

use crate::access::{Delivery, KindAccess, ORGANIZATION, RESOURCE_TAGS};

/// Reading the bucket. AWS has no API that tells of these reports.
pub(crate) const ACCESS: KindAccess = KindAccess {
    kind: "dbr",
    title: "Detailed Billing Reports",
    reads_bucket: true,
    needs: &[ORGANIZATION, RESOURCE_TAGS],
    // Buckets of before 2021 name AWS's billing account, later ones the service.
    // Source: AWS Billing User Guide (2015), "Detailed Billing Reports".
    delivery: Some(Delivery {
        services: &["billingreports.amazonaws.com"],
        accounts: &["386209384616"],
        on_bucket: &["s3:GetBucketAcl", "s3:GetBucketPolicy"],
        on_objects: &["s3:PutObject"],
        sources: &[],
    }),
};
