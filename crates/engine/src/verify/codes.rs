//! Every code that a finding can have: the source of the pages under `docs/findings/`.

use super::Severity;

/// A code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Its name.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, as a heading.
    pub title: &'static str,
    /// What is expected instead.
    pub expected: &'static str,
    /// What it comes from, for people who want to understand.
    pub about: &'static str,
}

const fn error(
    code: &'static str,
    title: &'static str,
    expected: &'static str,
    about: &'static str,
) -> Code {
    Code { code, severity: Severity::Error, title, expected, about }
}

const fn warning(
    code: &'static str,
    title: &'static str,
    expected: &'static str,
    about: &'static str,
) -> Code {
    Code { code, severity: Severity::Warning, title, expected, about }
}

const fn note(
    code: &'static str,
    title: &'static str,
    expected: &'static str,
    about: &'static str,
) -> Code {
    Code { code, severity: Severity::Note, title, expected, about }
}

/// All codes, in the order in which they can be found.
pub const CODES: &[Code] = &[
    error(
        "key-shape",
        "The access key does not look like one",
        "an id of AKIA or ASIA and capital letters, and a secret of 40 characters",
        "Keys are often cut short or get a blank when they are copied. The id is not secret; the \
         secret is shown by AWS only once, when the key is made.",
    ),
    error(
        "no-credentials",
        "There are no credentials",
        "an access key, a profile, a role, or an environment that provides one of these",
        "Billhook looks where every AWS tool looks: environment variables, the profile of AWS's \
         configuration files, the container's or instance's role.",
    ),
    error(
        "profile-empty",
        "The profile gives no credentials",
        "a profile with a key, a role, or a single sign-on that is logged in",
        "The profile is looked for in ~/.aws/config and ~/.aws/credentials, or wherever \
         AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE say, of the user who runs Billhook.",
    ),
    error(
        "key-unknown",
        "AWS does not know the access key",
        "a key that exists and is active, in the partition that is asked",
        "AWS says the same of a key that was deleted, one that is switched off, and one of another \
         partition (standard, China, US government): they cannot be told apart from here.",
    ),
    error(
        "token-missing",
        "A temporary key came without its session token",
        "all three parts of a temporary key: id, secret and session token",
        "Keys that begin with ASIA are temporary, and AWS does not know them without their token.",
    ),
    error(
        "token-wrong",
        "The session token does not belong to the key",
        "key id, secret and session token of one and the same answer",
        "Often a token of an earlier login is left in the environment beside a new key.",
    ),
    error(
        "secret-wrong",
        "The secret does not belong to the key",
        "the secret that AWS gave with this key id",
        "The request was signed with another secret than AWS has for the key id.",
    ),
    error(
        "session-expired",
        "The session token has expired",
        "a token that is still good, or a lasting key",
        "Temporary keys (ASIA...) come with a token that is good for some hours at most.",
    ),
    error(
        "clock-skewed",
        "The clock of this machine is wrong",
        "a clock that is less than five minutes off",
        "Every request says when it was made, and AWS refuses those that are too old or from the \
         future.",
    ),
    error(
        "aws-unreachable",
        "AWS cannot be reached",
        "an answer from AWS",
        "There was no answer: the network is down, a firewall is in the way, or the endpoint is \
         wrong.",
    ),
    error(
        "host-unknown",
        "Nobody knows the host's name",
        "a name that can be resolved",
        "The names of AWS's hosts are made of service and region: a region that does not exist \
         looks like this, too. Else it is the endpoint, or this machine asks no name server.",
    ),
    error(
        "not-aws",
        "Something else than AWS answers",
        "answers in the words of AWS's APIs",
        "A proxy, a login page of a network, or another web server at the endpoint.",
    ),
    error(
        "identity-refused",
        "AWS does not say who the caller is",
        "an answer of sts:GetCallerIdentity, which needs no permission",
        "Only an explicit denial, such as a service control policy, can refuse this call.",
    ),
    error(
        "role-denied",
        "The role cannot be assumed",
        "a trust policy that names the caller and this external ID",
        "AWS has one answer for every reason: the role does not exist, its trust policy names \
         somebody else, the external ID is another one, or the caller itself may not assume roles. \
         They cannot be told apart from here.",
    ),
    error(
        "role-arn",
        "The ARN of the role is malformed",
        "an ARN such as arn:aws:iam::111122223333:role/billhook",
        "The ARN is the output RoleArn of the CloudFormation stack, or role_arn of Terraform.",
    ),
    error(
        "partition-differs",
        "The role is of another partition of AWS",
        "a role of the partition that the caller is of",
        "The standard partition (aws), China (aws-cn) and the US government's (aws-us-gov) know \
         nothing of each other: nobody of one can assume a role of another.",
    ),
    error(
        "sts-region-off",
        "STS is turned off in this region",
        "a region in which the account of the role has STS turned on",
        "Regions that have to be opted in to have no STS until they are enabled.",
    ),
    Code {
        code: "external-id-not-enforced",
        severity: Severity::Warning,
        title: "The role can be assumed without its external ID",
        expected: "a trust policy with the condition sts:ExternalId",
        about: "Without the condition, whoever else may use the same caller can read this \
                account's bill by guessing the role's ARN (the confused deputy).",
    },
    error(
        "location",
        "The location cannot be used",
        "an existing folder, or s3://bucket/prefix",
        "Nothing was asked of AWS yet.",
    ),
    error(
        "bucket-missing",
        "There is no such bucket",
        "the exact name of the bucket with the report",
        "Bucket names are exact, letter by letter.",
    ),
    error(
        "bucket-name-case",
        "The bucket's name has capital letters",
        "the name of the bucket as S3 writes it",
        "Names of buckets are lowercase, but for some very old ones, and there is none of this \
         name.",
    ),
    error(
        "bucket-region",
        "The bucket is in another region",
        "requests to the region that the bucket is in",
        "The bill is for all regions, but the bucket is in one, and answers only there.",
    ),
    error(
        "list-denied",
        "The bucket may not be listed",
        "s3:ListBucket on the bucket, for the prefix",
        "Both a policy of the caller and, across accounts, the bucket's own policy must allow it.",
    ),
    error(
        "bucket-of-others",
        "S3 refuses and does not say why",
        "a bucket policy that lets the reader's account list and read",
        "S3 gives a reason to callers of the bucket's own account. Without one the bucket is, as a \
         rule, another account's, whose bucket policy must allow the reader, too. A bucket whose \
         requesters pay refuses in the same way: Billhook never agrees to pay. Stores other than \
         S3 may give no reason at all.",
    ),
    error(
        "explicit-deny",
        "A policy denies it outright",
        "no Deny statement that covers who reads",
        "What one policy denies no other can allow. AWS says what sort of policy it is: of the \
         caller, of the bucket or key, or of the organisation (service or resource control \
         policy).",
    ),
    error(
        "not-public",
        "The bucket is not public",
        "credentials, or a bucket that anybody may read",
        "With --anonymous requests are not signed, so the bucket must be open to everybody, which \
         a bucket with bills should not be.",
    ),
    Code {
        code: "throttled",
        severity: Severity::Waiting,
        title: "AWS asks to wait",
        expected: "fewer requests in a short time",
        about: "Others may be using up the same limits. Trying again later is all it takes.",
    },
    Code {
        code: "nothing-there",
        severity: Severity::Waiting,
        title: "Nothing is there yet",
        expected: "files below the prefix",
        about: "AWS makes the first delivery within 24 hours after a report was defined. A prefix \
                with a typing mistake looks the same.",
    },
    error(
        "no-report",
        "No file belongs to a billing report",
        "a report's manifest or data files below the location",
        "The location holds other files only. `billhook import --verbose` says what each is.",
    ),
    error(
        "other-kind",
        "The reports are of another kind",
        "reports of the kind that the connection is for",
        "Cost and Usage Reports, Data Exports and Detailed Billing Reports may lie side by side.",
    ),
    Code {
        code: "delivery-waiting",
        severity: Severity::Waiting,
        title: "A delivery is not complete yet",
        expected: "all files that the manifest names",
        about: "AWS writes large reports file by file. The next look will find them.",
    },
    Code {
        code: "delivery-late",
        severity: Severity::Warning,
        title: "AWS has stopped delivering",
        expected: "a delivery at least once a day",
        about: "The report was deleted, its bucket policy was changed, the bucket has moved to \
                another account, or the payer account was closed.",
    },
    note(
        "delivery-future",
        "A delivery is of a month to come",
        "months up to the current one",
        "The clock of this machine is slow, or the bill runs ahead. The month is loaded like any \
         other.",
    ),
    warning(
        "manifest-missing",
        "There is no manifest that can be read",
        "the manifest beside the data files, whole",
        "The manifest says which files make a delivery. Without it that is told by their names, \
         and nobody can tell whether one is missing.",
    ),
    note(
        "dbr-incomplete",
        "Some of the Detailed Billing Reports are missing",
        "all four reports of a month",
        "AWS wrote up to four files for a month, as far as they were turned on. The richest is \
         loaded and the others check it, so each that is missing takes something away.",
    ),
    error(
        "get-denied",
        "The files may not be read",
        "s3:GetObject on the objects below the prefix",
        "Listing and reading are two permissions.",
    ),
    error(
        "kms-denied",
        "The files may not be decrypted",
        "kms:Decrypt on the bucket's key",
        "The bucket is encrypted with a key of its own, which both the caller's policy and the \
         key's policy must allow to use.",
    ),
    error(
        "key-policy-denied",
        "The key's own policy lets nobody of the reader's account in",
        "a key policy that allows kms:Decrypt to the account of who reads",
        "A key is used by those whom both its own policy and a policy of the caller allow to.",
    ),
    error(
        "archived",
        "The files are archived",
        "files that can be read at once",
        "A lifecycle rule has moved them to Glacier.",
    ),
    error(
        "file-unreadable",
        "A file is damaged",
        "a file that can be read to its end",
        "It was cut off or altered on its way.",
    ),
    error(
        "columns-missing",
        "Columns are missing without which nothing works",
        "the columns that say when, whose, and how much",
        "Data Exports have the columns that their query selects.",
    ),
    Code {
        code: "no-resource-ids",
        severity: Severity::Warning,
        title: "The report has no resource IDs",
        expected: "a report with resource IDs",
        about: "Without them nobody can tell which machine or volume a cost is for. Everything \
                else works.",
    },
    note(
        "columns-absent",
        "Some abilities need columns that are not there",
        "columns of reservations, Savings Plans, discounts, list prices and tags",
        "A legacy report has only columns that some line of the month needs, so a bill without \
         reservations has none of theirs. An export has the columns that its query selects.",
    ),
    note(
        "definition-denied",
        "The report's definition may not be read",
        "permission to describe reports or exports",
        "The files can be read, and that is enough to load them. What the definition alone tells \
         stays unknown: how the report is cut, and whether AWS fails to deliver it.",
    ),
    warning(
        "definition-missing",
        "No report delivers to this place",
        "a report or export whose bucket, prefix and name are those of the location",
        "What was delivered before can be loaded, but nothing new will come: the report was \
         deleted, or delivers to another place.",
    ),
    warning(
        "report-daily",
        "The report is cut by day",
        "an hourly report",
        "Costs can then be looked at by day and month, but not by hour.",
    ),
    warning(
        "report-monthly",
        "The report is cut by month",
        "an hourly report",
        "Costs can then be looked at by month alone: a day's change cannot be seen.",
    ),
    warning(
        "no-refresh",
        "Closed months are not refreshed",
        "a report with RefreshClosedReports",
        "Refunds, credits and support fees for months that are over come late. Without the refresh \
         AWS does not deliver those months again, and they stay wrong.",
    ),
    note(
        "zip-compression",
        "The report is packed with ZIP",
        "GZIP or Parquet",
        "ZIP works. It is read more slowly than the others.",
    ),
    error(
        "report-failing",
        "AWS cannot deliver the report",
        "lastStatus SUCCESS in the report's definition",
        "AWS could not write to the bucket: its policy lets AWS in no more.",
    ),
    error(
        "report-bucket-gone",
        "The report's bucket is gone",
        "the bucket that the report's definition names",
        "AWS looks for the bucket with every delivery, and does not make it.",
    ),
    error(
        "export-unhealthy",
        "AWS cannot deliver the export",
        "status HEALTHY",
        "AWS could not write to the bucket: its policy, or that of its key, lets AWS in no more.",
    ),
    error(
        "bill-owner-changed",
        "The bill has another owner now",
        "an export in the account that owns the bill",
        "The account has joined or left an organisation, or its billing was transferred. Exports \
         stay behind, and are delivered no more.",
    ),
    warning(
        "export-failing",
        "AWS failed at delivering the export",
        "status HEALTHY",
        "The failure is on AWS's side (INTERNAL_FAILURE). What was delivered before can be loaded.",
    ),
    Code {
        code: "first-delivery",
        severity: Severity::Waiting,
        title: "The first delivery is still to come",
        expected: "a first delivery within 24 hours after the report was made",
        about: "The report is defined, and AWS has not delivered yet. Nothing has to be done.",
    },
    note(
        "permissions-wide",
        "More is allowed than is needed",
        "the permissions that `billhook access` prints, and no others",
        "Billhook reads the files of one report. What it may do beyond that is a risk without a \
         use. Only harmless reads were tried; there may be more.",
    ),
    note(
        "organizations-denied",
        "The names of accounts may not be read",
        "organizations:DescribeOrganization and the reading actions beside it",
        "Legacy reports hold the ids of accounts alone. Names, organisational units and tags of \
         accounts come from AWS Organizations. Everything else works.",
    ),
    note(
        "tags-denied",
        "The tags of resources may not be read",
        "tag:GetResources",
        "The connection asks for the tags that resources have now (`billhook accounts \
         resource-tags`). The tags in the bill itself are loaded all the same.",
    ),
    error(
        "ce-denied",
        "Cost Explorer may not be asked",
        "ce:GetCostAndUsage",
        "The action has no resources: it is allowed on all or nothing.",
    ),
    error(
        "ce-not-enabled",
        "Cost Explorer is not turned on",
        "Cost Explorer enabled in the payer account",
        "It must be opened once in the console; that cannot be done by an API.",
    ),
    note(
        "ce-hourly-off",
        "Cost Explorer has no hours",
        "hourly granularity turned on in the payer account",
        "AWS keeps the last 14 days by the hour for payers that have turned this on, at a price. \
         Days are always there.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CODES;

    #[test]
    fn codes_are_names_of_files_and_stand_once() {
        let names: BTreeSet<&str> = CODES.iter().map(|code| code.code).collect();
        assert_eq!(names.len(), CODES.len());
        let is_fit = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(names.iter().all(|name| name.chars().all(is_fit)), "{names:?}");
        assert!(CODES.iter().all(|code| code.about.ends_with('.') && !code.expected.is_empty()));
    }
}
