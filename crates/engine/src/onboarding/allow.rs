//! What a set-up allows, in words.

use billhook_sources::access::{KindAccess, Purpose};
use serde_json::json;

use crate::access::Partition;
use crate::create_report::Product;

/// An action, and why it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// Such as `s3:GetObject`.
    pub action: &'static str,
    /// What for.
    pub why: &'static str,
}

/// The actions of a kind for reading, and for what is wanted beside it. All of them only read.
#[must_use]
pub fn actions(kind: &KindAccess, with: &[Purpose], has_key: bool) -> Vec<Allowed> {
    let is_wanted = |purpose: Purpose| purpose == Purpose::Reading || with.contains(&purpose);
    let needs = kind.all().filter(|need| is_wanted(need.purpose));
    let actions =
        needs.flat_map(|need| need.actions.iter().map(move |action| (*action, need.purpose)));
    let told = actions.filter(|(action, _)| has_key || *action != "kms:Decrypt");
    told.map(|(action, purpose)| Allowed { action, why: why(action, purpose) }).collect()
}

fn why(action: &str, purpose: Purpose) -> &'static str {
    match (action, purpose) {
        ("s3:ListBucket", _) => "to see which deliveries there are, below the prefix alone",
        ("s3:GetObject", _) => "to read manifests and data files below the prefix",
        ("kms:Decrypt", _) => "to read files that are encrypted with the bucket's key",
        ("ce:GetCostAndUsage", _) => "to ask for costs; AWS charges 0.01 USD for each request",
        (_, Purpose::Definitions) => "to find reports, and to tell what is wrong with them",
        (_, Purpose::Organizations) => "to show accounts by their names",
        (_, Purpose::Tags) => "to read the tags of resources as they are now",
        (_, Purpose::Reading) => "to read costs",
    }
}

/// The statement that whoever makes a report needs beside reading. It can be removed afterwards.
#[must_use]
pub fn to_create(
    product: Product,
    bucket: &str,
    makes_bucket: bool,
    partition: Partition,
) -> String {
    let mut on_bucket = vec!["s3:ListBucket", "s3:GetBucketPolicy", "s3:PutBucketPolicy"];
    if makes_bucket {
        on_bucket.push("s3:CreateBucket");
    }
    let on_account = match product {
        Product::Cur => vec!["cur:DescribeReportDefinitions", "cur:PutReportDefinition"],
        Product::Cur2 | Product::Focus => vec![
            "bcm-data-exports:ListExports",
            "bcm-data-exports:GetExport",
            "bcm-data-exports:CreateExport",
            "cur:PutReportDefinition",
        ],
    };
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "BillhookMakeReportBucket",
                "Effect": "Allow",
                "Action": on_bucket,
                "Resource": format!("arn:{partition}:s3:::{bucket}"),
            },
            {
                "Sid": "BillhookMakeReport",
                "Effect": "Allow",
                "Action": on_account,
                "Resource": "*",
            },
        ],
    });
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access;

    #[test]
    fn every_action_of_every_kind_has_a_reason() {
        for kind in billhook_sources::access::KINDS {
            let all = actions(kind, &Purpose::USUAL, true);
            assert!(all.iter().all(|one| !one.why.is_empty()), "{}", kind.kind);
        }
        let cur = access::kind("cur").unwrap();
        let few = actions(cur, &[], false);
        let few: Vec<&str> = few.iter().map(|one| one.action).collect();
        assert_eq!(few, ["s3:ListBucket", "s3:GetObject"]);
    }

    #[test]
    fn what_makes_a_report_is_of_one_bucket() {
        let text = to_create(Product::Cur2, "acme-billing", false, Partition::Aws);
        assert!(text.contains("arn:aws:s3:::acme-billing") && !text.contains("s3:CreateBucket"));
        assert!(text.contains("bcm-data-exports:CreateExport"));
        let text = to_create(Product::Cur, "acme-billing", true, Partition::Aws);
        assert!(text.contains("s3:CreateBucket") && !text.contains("bcm-data-exports"));
    }
}
