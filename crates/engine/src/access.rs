//! `access`: the exact set-up that a user applies in AWS, in the form that they apply it in.
//!
//! [`policies`] makes the policy documents; [`forms`] puts them into CloudFormation, Terraform and
//! commands. Nothing here talks to AWS.

pub(crate) mod forms;
mod policies;

use std::fmt;
use std::str::FromStr;

use billhook_sources::access::{self, KindAccess, Purpose};
use serde_json::Value;

use crate::EngineError;

/// What the set-up is for.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The kind of product.
    pub kind: &'static KindAccess,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: Partition,
    /// The bucket with the files, where the kind reads one.
    pub bucket: Option<String>,
    /// Prefix of the files, without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
    /// ARN of the key with which the bucket is encrypted.
    pub key: Option<String>,
    /// Account that the bill is of.
    pub account: Option<String>,
    /// Who reads.
    pub reader: Reader,
    /// What may be done beside reading.
    pub with: Vec<Purpose>,
}

/// Who reads.
#[derive(Debug, Clone)]
pub enum Reader {
    /// A user with an access key.
    User {
        /// Name of the user.
        name: String,
    },
    /// A role that Billhook assumes.
    Role {
        /// Name of the role.
        name: String,
        /// Who may assume it: the ARN that Billhook runs as, or an account.
        trusted: String,
        /// What it has to say.
        external_id: String,
    },
}

/// A partition of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partition {
    /// The standard one.
    Aws,
    /// China.
    China,
    /// US government.
    GovCloud,
}

impl Partition {
    /// As it stands in ARNs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Partition {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        let all = [Self::Aws, Self::China, Self::GovCloud];
        all.into_iter().find(|partition| partition.name() == text).ok_or_else(|| {
            EngineError::Usage(format!(
                "{text}: no partition of AWS; there are aws, aws-cn and aws-us-gov"
            ))
        })
    }
}

/// The form that the set-up is wanted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The permissions of whoever reads, as an IAM policy.
    Policy,
    /// Who may assume the role, as a trust policy.
    Trust,
    /// What lets AWS deliver, as a bucket policy.
    BucketPolicy,
    /// A CloudFormation template of the role or user.
    CloudFormation,
    /// The same in Terraform.
    Terraform,
    /// The same as commands of the AWS CLI.
    Cli,
}

impl Form {
    /// All, by the names that `--format` takes.
    pub const ALL: [(&'static str, Self); 6] = [
        ("policy", Self::Policy),
        ("trust", Self::Trust),
        ("bucket-policy", Self::BucketPolicy),
        ("cloudformation", Self::CloudFormation),
        ("terraform", Self::Terraform),
        ("cli", Self::Cli),
    ];
}

/// The kind of that name.
///
/// # Errors
/// [`EngineError::Usage`] when there is none.
pub fn kind(name: &str) -> Result<&'static KindAccess, EngineError> {
    access::find(name).ok_or_else(|| {
        let names: Vec<&str> = access::KINDS.iter().map(|kind| kind.kind).collect();
        EngineError::Usage(format!("{name}: no kind of connection; there are {}", names.join(", ")))
    })
}

/// The set-up in a form, as text that can be pasted or saved.
///
/// # Errors
/// [`EngineError::Usage`] when something is missing or not well formed, by the name of its option.
pub fn render(setup: &Setup, form: Form) -> Result<String, EngineError> {
    check(setup)?;
    Ok(match form {
        Form::Policy => pretty(&policies::reading(setup)?),
        Form::Trust => pretty(&policies::trust(setup)?),
        Form::BucketPolicy => pretty(&policies::delivering(setup)?),
        Form::CloudFormation => forms::cloudformation(setup)?,
        Form::Terraform => forms::terraform(setup)?,
        Form::Cli => forms::cli(setup)?,
    })
}

/// The statement that a purpose needs, to be added to a policy of whoever reads.
#[must_use]
pub fn statement(kind: &KindAccess, purpose: Purpose) -> String {
    pretty(&policies::extra(kind, purpose))
}

/// What the policy of a bucket must allow to an account that is not its own, beside what that
/// account allows to whoever reads; empty for kinds without a bucket.
#[must_use]
pub fn sharing(setup: &Setup, account: &str) -> String {
    policies::sharing(setup, account).map(|document| pretty(&document)).unwrap_or_default()
}

fn pretty(document: &Value) -> String {
    format!("{document:#}\n")
}

/// Refuses what AWS would refuse later, or take for something else.
fn check(setup: &Setup) -> Result<(), EngineError> {
    let usage = |text: String| Err(EngineError::Usage(text));
    if let Some(bucket) = &setup.bucket
        && !is_bucket(bucket)
    {
        return usage(format!(
            "--bucket {bucket}: bucket names have 3 to 63 lowercase letters, digits, dots and dashes"
        ));
    }
    if setup.prefix.contains(['*', '?', '$', '"']) || setup.prefix.chars().any(char::is_control) {
        return usage(format!("--prefix {}: *, ?, $ and quotes cannot be used", setup.prefix));
    }
    if let Some(key) = &setup.key
        && !(key.starts_with(&format!("arn:{}:kms:", setup.partition)) && key.contains(":key/"))
    {
        return usage(format!(
            "--key {key}: give the key's ARN, arn:{}:kms:REGION:ACCOUNT:key/ID",
            setup.partition
        ));
    }
    if let Some(account) = &setup.account
        && !is_account(account)
    {
        return usage(format!("--account {account}: account ids have 12 digits"));
    }
    let name = match &setup.reader {
        Reader::User { name } => name,
        Reader::Role { name, trusted, external_id } => {
            let arn = format!("arn:{}:", setup.partition);
            if !is_account(trusted) && !trusted.starts_with(&arn) {
                return usage(format!(
                    "--trust {trusted}: give an account id or an ARN that begins with {arn}"
                ));
            }
            let is_fit = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
            if !(2..=1224).contains(&external_id.len()) || !external_id.chars().all(is_fit) {
                return usage(format!(
                    "--external-id {external_id}: 2 to 1224 letters, digits and _+=,.@:/-"
                ));
            }
            name
        }
    };
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_fit) {
        return usage(format!("--name {name}: 1 to 64 letters, digits and _+=,.@-"));
    }
    Ok(())
}

/// Is it an account id?
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_bucket(text: &str) -> bool {
    let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&text.len())
        && text.chars().all(is_fit)
        && text.starts_with(is_end)
        && text.ends_with(is_end)
}

#[cfg(test)]
mod tests;
