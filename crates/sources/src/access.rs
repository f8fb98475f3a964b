//! What a connection needs AWS to allow. Each kind lists its own in its `access.rs`; this is what
//! they are made of, and what all kinds that read a bucket share.
//!
//! Source: AWS Service Authorization Reference, "Actions, resources, and condition keys".

use crate::{cost_explorer, cur, data_export, dbr, focus_files};

/// What an action is allowed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// Listing the bucket, below the prefix alone.
    Listing,
    /// The objects below the prefix.
    Objects,
    /// The key with which the bucket is encrypted, when it has one.
    Key,
    /// The account: AWS knows no smaller resource for it.
    Account,
}

/// What an action is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Reading the costs: without these nothing works.
    Reading,
    /// Finding reports and exports, and telling what is wrong with them.
    Definitions,
    /// Names, organisational units and tags of accounts.
    Organizations,
    /// Tags of resources as they are now, billed or not.
    Tags,
}

impl Purpose {
    /// All but reading, by the names that `--with` takes.
    pub const EXTRAS: [(&'static str, Self); 3] = [
        ("definitions", Self::Definitions),
        ("organizations", Self::Organizations),
        ("tags", Self::Tags),
    ];

    /// What is asked for beside reading unless somebody wants less.
    pub const USUAL: [Self; 2] = [Self::Definitions, Self::Organizations];
}

/// Actions that are needed on one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Such as `s3:GetObject`.
    pub actions: &'static [&'static str],
    /// What on.
    pub on: On,
    /// What for.
    pub purpose: Purpose,
}

impl Need {
    /// Without which nothing works.
    pub(crate) const fn reading(actions: &'static [&'static str], on: On) -> Self {
        Self { actions, on, purpose: Purpose::Reading }
    }

    /// Something that is good to know, on the account.
    pub(crate) const fn extra(actions: &'static [&'static str], purpose: Purpose) -> Self {
        Self { actions, on: On::Account, purpose }
    }
}

/// Reading the files of a bucket, below a prefix.
pub const BUCKET: &[Need] = &[
    // To see which deliveries there are.
    Need::reading(&["s3:ListBucket"], On::Listing),
    // To read manifests and data files.
    Need::reading(&["s3:GetObject"], On::Objects),
    // When the bucket is encrypted.
    Need::reading(&["kms:Decrypt"], On::Key),
];

/// Who the accounts are. Only the management account is told, or whom it has delegated to.
pub const ORGANIZATION: Need = Need::extra(
    &[
        "organizations:DescribeOrganization",
        "organizations:ListAccounts",
        "organizations:ListRoots",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListAccountsForParent",
        "organizations:ListTagsForResource",
    ],
    Purpose::Organizations,
);

/// The tags of resources.
pub const RESOURCE_TAGS: Need = Need::extra(&["tag:GetResources"], Purpose::Tags);

/// The service that puts files into a bucket, and what it must be allowed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Service principals.
    pub services: &'static [&'static str],
    /// AWS accounts that deliver in place of a service, whole.
    pub accounts: &'static [&'static str],
    /// Allowed on the bucket.
    pub on_bucket: &'static [&'static str],
    /// Allowed on the objects.
    pub on_objects: &'static [&'static str],
    /// What the delivery must be on behalf of: ends of ARNs after `arn:PARTITION:`, with
    /// `{account}` for the account of the bill. Empty when the service tells none.
    pub sources: &'static [&'static str],
}

/// What a kind needs.
#[derive(Debug, Clone, Copy)]
pub struct KindAccess {
    /// As `--kind` names it.
    pub kind: &'static str,
    /// In words.
    pub title: &'static str,
    /// Does it read a bucket? Then [`BUCKET`] is part of what it needs.
    pub reads_bucket: bool,
    /// Beside the bucket.
    pub needs: &'static [Need],
    /// Who delivers into the bucket; `None` when nobody of AWS does.
    pub delivery: Option<Delivery>,
}

impl KindAccess {
    /// Everything that it needs.
    pub fn all(&self) -> impl Iterator<Item = &'static Need> {
        let bucket = if self.reads_bucket { BUCKET } else { &[] };
        bucket.iter().chain(self.needs)
    }

    /// Does anything of it serve that purpose?
    #[must_use]
    pub fn serves(&self, purpose: Purpose) -> bool {
        self.all().any(|need| need.purpose == purpose)
    }
}

/// Every kind.
pub const KINDS: &[KindAccess] = &[
    cur::access::ACCESS,
    data_export::access::ACCESS,
    dbr::access::ACCESS,
    cost_explorer::access::ACCESS,
    focus_files::access::ACCESS,
];

/// The kind of that name. AWS's FOCUS tables are data exports.
#[must_use]
pub fn find(kind: &str) -> Option<&'static KindAccess> {
    let kind = if kind == "focus_export" { "data_export" } else { kind };
    KINDS.iter().find(|access| access.kind == kind)
}
