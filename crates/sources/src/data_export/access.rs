//! What tables of AWS Data Exports need: CUR 2.0 and AWS's FOCUS exports.

use crate::access::{Delivery, KindAccess, Need, ORGANIZATION, Purpose, RESOURCE_TAGS};

/// Reading the bucket, and what its exports are like.
pub(crate) const ACCESS: KindAccess = KindAccess {
    kind: "data_export",
    title: "AWS Data Exports (CUR 2.0, FOCUS)",
    reads_bucket: true,
    needs: &[
        Need::extra(
            &["bcm-data-exports:ListExports", "bcm-data-exports:GetExport"],
            Purpose::Definitions,
        ),
        ORGANIZATION,
        RESOURCE_TAGS,
    ],
    // Source: AWS Data Exports User Guide, "Setting up an Amazon S3 bucket for data exports".
    delivery: Some(Delivery {
        services: &["billingreports.amazonaws.com", "bcm-data-exports.amazonaws.com"],
        accounts: &[],
        on_bucket: &["s3:GetBucketPolicy"],
        on_objects: &["s3:PutObject"],
        sources: &[
            "cur:us-east-1:{account}:definition/*",
            "bcm-data-exports:us-east-1:{account}:export/*",
        ],
    }),
};
