//! What can be wrong, and the finding that tells it: the source of `docs/faults.md`. Each of these
//! is brought about in `crates/billhook/tests/cli/faults.rs`.

/// Something that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Its name, by which the test knows it.
    pub name: &'static str,
    /// What it is about, as a heading.
    pub area: &'static str,
    /// What is wrong, in words.
    pub wrong: &'static str,
    /// The code of the finding that it leads to.
    pub code: &'static str,
}

const fn fault(
    area: &'static str,
    name: &'static str,
    wrong: &'static str,
    code: &'static str,
) -> Fault {
    Fault { name, area, wrong, code }
}

const CREDENTIALS: &str = "Credentials";
const REACHING_AWS: &str = "Reaching AWS";
const ROLES: &str = "Roles";
const PLACES: &str = "Places";
const PERMISSIONS: &str = "Permissions";
const FILES: &str = "Files";
const DEFINITIONS: &str = "Definitions";
const COST_EXPLORER: &str = "Cost Explorer";

/// All that is tried, in the order in which it is met.
pub const FAULTS: &[Fault] = &[
    fault(
        CREDENTIALS,
        "no-key",
        "No key, profile or role is given, and the environment has none",
        "no-credentials",
    ),
    fault(
        CREDENTIALS,
        "profile-without-key",
        "The profile does not exist, or has no key",
        "profile-empty",
    ),
    fault(
        CREDENTIALS,
        "key-cut-short",
        "The access key was cut short when it was copied",
        "key-shape",
    ),
    fault(
        CREDENTIALS,
        "secret-cut-short",
        "The secret was cut short when it was copied",
        "key-shape",
    ),
    fault(CREDENTIALS, "key-deleted", "The access key does not exist", "key-unknown"),
    fault(CREDENTIALS, "key-switched-off", "The access key is switched off", "key-unknown"),
    fault(
        CREDENTIALS,
        "secret-of-another-key",
        "The secret is that of another key",
        "secret-wrong",
    ),
    fault(
        CREDENTIALS,
        "token-forgotten",
        "A temporary key is given without its session token",
        "token-missing",
    ),
    fault(
        CREDENTIALS,
        "token-of-another-key",
        "The session token is that of another key",
        "token-wrong",
    ),
    fault(CREDENTIALS, "token-expired", "The session token has expired", "session-expired"),
    fault(REACHING_AWS, "clock-slow", "The clock of this machine is an hour slow", "clock-skewed"),
    fault(REACHING_AWS, "clock-fast", "The clock of this machine is an hour fast", "clock-skewed"),
    fault(REACHING_AWS, "network-down", "Nobody answers", "aws-unreachable"),
    fault(REACHING_AWS, "host-misspelt", "The name of the host is not known", "host-unknown"),
    fault(
        REACHING_AWS,
        "proxy-in-the-way",
        "Another web server answers, such as a proxy",
        "not-aws",
    ),
    fault(REACHING_AWS, "sts-busy", "STS asks to wait", "throttled"),
    fault(REACHING_AWS, "s3-busy", "S3 asks to wait when the bucket is listed", "throttled"),
    fault(REACHING_AWS, "s3-busy-reading", "S3 asks to wait when a file is read", "throttled"),
    fault(REACHING_AWS, "cost-explorer-busy", "Cost Explorer asks to wait", "throttled"),
    fault(ROLES, "external-id-wrong", "The external ID is another one", "role-denied"),
    fault(ROLES, "role-missing", "There is no role of that name", "role-denied"),
    fault(
        ROLES,
        "trusts-another-account",
        "The role's trust policy names another account",
        "role-denied",
    ),
    fault(
        ROLES,
        "caller-may-not-assume",
        "The caller itself may not assume the role",
        "role-denied",
    ),
    fault(ROLES, "arn-malformed", "The role's ARN is no ARN", "role-arn"),
    fault(ROLES, "arn-of-a-user", "The role's ARN is that of a user", "role-arn"),
    fault(
        ROLES,
        "role-of-china",
        "The role is of another partition of AWS than the caller",
        "partition-differs",
    ),
    fault(ROLES, "sts-off", "STS is turned off in the region", "sts-region-off"),
    fault(
        ROLES,
        "external-id-ignored",
        "The role can be assumed without its external ID",
        "external-id-not-enforced",
    ),
    fault(PLACES, "no-such-folder", "The folder does not exist", "location"),
    fault(PLACES, "another-cloud", "The location is of a cloud that is not read", "location"),
    fault(PLACES, "bucket-misspelt", "The bucket's name has a typing mistake", "bucket-missing"),
    fault(
        PLACES,
        "bucket-in-capitals",
        "The bucket's name is written with a capital letter",
        "bucket-name-case",
    ),
    fault(PLACES, "region-wrong", "The bucket is in another region", "bucket-region"),
    fault(PLACES, "prefix-misspelt", "The prefix has a typing mistake", "nothing-there"),
    fault(
        PLACES,
        "folder-empty",
        "The folder is empty: nothing was delivered yet",
        "nothing-there",
    ),
    fault(PLACES, "other-files", "There are files, but none of a report", "no-report"),
    fault(PLACES, "wrong-kind", "The report is of another kind", "other-kind"),
    fault(PERMISSIONS, "may-not-list", "The bucket may not be listed", "list-denied"),
    fault(PERMISSIONS, "another-prefix", "The policy is for another prefix", "list-denied"),
    fault(
        PERMISSIONS,
        "bucket-policy-denies",
        "The bucket's policy denies listing to everybody",
        "explicit-deny",
    ),
    fault(
        PERMISSIONS,
        "bucket-of-another-account",
        "The bucket is another account's, which does not share it",
        "bucket-of-others",
    ),
    fault(
        PERMISSIONS,
        "requester-pays",
        "The bucket is another account's, and its requesters pay",
        "bucket-of-others",
    ),
    fault(
        PERMISSIONS,
        "private-bucket",
        "A private bucket is read without credentials",
        "not-public",
    ),
    fault(PERMISSIONS, "may-not-read", "The files may not be read", "get-denied"),
    fault(PERMISSIONS, "may-not-decrypt", "The key of the bucket may not be used", "kms-denied"),
    fault(
        PERMISSIONS,
        "key-of-others",
        "The policy of the bucket's key names somebody else",
        "key-policy-denied",
    ),
    fault(PERMISSIONS, "may-read-too-much", "More is allowed than is needed", "permissions-wide"),
    fault(
        PERMISSIONS,
        "may-not-describe",
        "The report's definition may not be read",
        "definition-denied",
    ),
    fault(
        PERMISSIONS,
        "may-not-see-exports",
        "An export's definition may not be read",
        "definition-denied",
    ),
    fault(
        PERMISSIONS,
        "may-not-name-accounts",
        "The organisation may not be described",
        "organizations-denied",
    ),
    fault(
        PERMISSIONS,
        "may-not-see-units",
        "The organisational units may not be read",
        "organizations-denied",
    ),
    fault(
        PERMISSIONS,
        "may-not-see-tags",
        "The tags of resources are wanted and may not be read",
        "tags-denied",
    ),
    fault(
        FILES,
        "file-missing",
        "A file that the manifest names is not there yet",
        "delivery-waiting",
    ),
    fault(FILES, "manifest-names-nothing", "The manifest names no file yet", "delivery-waiting"),
    fault(FILES, "manifest-cut-off", "The manifests were cut off on their way", "manifest-missing"),
    fault(FILES, "delivery-stopped", "The newest delivery is ten days old", "delivery-late"),
    fault(FILES, "month-to-come", "There is a delivery of a month to come", "delivery-future"),
    fault(FILES, "gzip-cut-off", "A gzip file was cut off on its way", "file-unreadable"),
    fault(FILES, "zip-cut-off", "A ZIP file was cut off on its way", "file-unreadable"),
    fault(FILES, "parquet-cut-off", "A Parquet file was cut off on its way", "file-unreadable"),
    fault(FILES, "file-empty", "A data file is empty", "file-unreadable"),
    fault(FILES, "file-archived", "The files were moved to Glacier", "archived"),
    fault(FILES, "no-cost-column", "The export does not select the costs", "columns-missing"),
    fault(
        FILES,
        "no-resource-column",
        "The report has no column for resource IDs",
        "no-resource-ids",
    ),
    fault(FILES, "no-tag-columns", "The export selects no tags", "columns-absent"),
    fault(
        FILES,
        "dbr-alone",
        "Only one of the four Detailed Billing Reports was kept",
        "dbr-incomplete",
    ),
    fault(
        DEFINITIONS,
        "report-deleted",
        "The report was deleted, or delivers elsewhere",
        "definition-missing",
    ),
    fault(DEFINITIONS, "report-by-day", "The report is cut by day", "report-daily"),
    fault(DEFINITIONS, "report-by-month", "The report is cut by month", "report-monthly"),
    fault(
        DEFINITIONS,
        "report-without-resources",
        "The report is defined without resource IDs",
        "no-resource-ids",
    ),
    fault(
        DEFINITIONS,
        "report-not-refreshed",
        "The report does not refresh closed months",
        "no-refresh",
    ),
    fault(DEFINITIONS, "report-in-zip", "The report is packed with ZIP", "zip-compression"),
    fault(
        DEFINITIONS,
        "report-not-delivered",
        "AWS may not write to the report's bucket",
        "report-failing",
    ),
    fault(
        DEFINITIONS,
        "report-without-bucket",
        "The report's bucket was deleted",
        "report-bucket-gone",
    ),
    fault(
        DEFINITIONS,
        "export-not-delivered",
        "AWS may not write to the export's bucket",
        "export-unhealthy",
    ),
    fault(
        DEFINITIONS,
        "export-left-behind",
        "The bill of the export has another owner now",
        "bill-owner-changed",
    ),
    fault(
        DEFINITIONS,
        "export-broken-at-aws",
        "AWS failed at delivering the export",
        "export-failing",
    ),
    fault(DEFINITIONS, "export-new", "The export was made an hour ago", "first-delivery"),
    fault(COST_EXPLORER, "may-not-ask", "Cost Explorer may not be asked", "ce-denied"),
    fault(COST_EXPLORER, "cost-explorer-off", "Cost Explorer is not turned on", "ce-not-enabled"),
    fault(COST_EXPLORER, "no-hours", "Cost Explorer has days only", "ce-hourly-off"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::FAULTS;
    use crate::verify::CODES;

    /// Not brought about: only a denial by the organisation's own policies can refuse it, and the
    /// emulator has none.
    const UNTRIED: [&str; 1] = ["identity-refused"];

    #[test]
    fn every_code_is_led_to() {
        let names: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.name).collect();
        assert_eq!(names.len(), FAULTS.len());
        let tried: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.code).chain(UNTRIED).collect();
        let known: BTreeSet<&str> = CODES.iter().map(|code| code.code).collect();
        assert_eq!(tried, known);
    }
}
