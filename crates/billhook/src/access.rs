//! `billhook access`.

use std::io::Write as _;

use billhook_engine::access::{self, Form, Reader, Setup};
use billhook_sources::access::Purpose;
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::context::say;
use crate::verify::kind_names;

/// The exact set-up to apply in AWS, ready to paste
///
/// Prints the smallest permissions for your bucket, key and account, in the form that you apply
/// them in. With --trust it is a role that Billhook assumes by saying an external ID; without, a
/// user with an access key. Beside reading it allows to look at what reports are defined and at the
/// names of accounts, which --minimal leaves out. Nothing is sent to AWS.
#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// Kind of billing data
    #[arg(value_name = "KIND", value_parser = kind_names())]
    kind: String,
    /// Form
    #[arg(long, default_value = "policy", value_parser = form_names())]
    format: String,
    /// Bucket with the files, or `s3://bucket/prefix`
    #[arg(long, value_name = "BUCKET")]
    bucket: Option<String>,
    /// Prefix of the files in the bucket
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// ARN of the KMS key that the bucket is encrypted with
    #[arg(long, value_name = "ARN")]
    key: Option<String>,
    /// Account that the bill is of
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Who assumes the role: the ARN that Billhook runs as, or its account
    #[arg(long, value_name = "ARN|ID")]
    trust: Option<String>,
    /// External ID of the role; a new one when left out
    #[arg(long, value_name = "TEXT", requires = "trust")]
    external_id: Option<String>,
    /// Name of the role or user
    #[arg(long, default_value = "billhook")]
    name: String,
    /// Allow this, too; definitions and organizations unless --minimal is given
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = extra_names())]
    with: Vec<String>,
    /// Reading alone: reports that exist are not found, and accounts have no names
    #[arg(long)]
    minimal: bool,
    /// Partition: aws, aws-cn or aws-us-gov
    #[arg(long, default_value = "aws")]
    partition: String,
}

fn extra_names() -> PossibleValuesParser {
    Purpose::EXTRAS.map(|(name, _)| name).into()
}

/// What is to be allowed beside reading.
fn purposes(args: &AccessArgs) -> Vec<Purpose> {
    let is_wanted = |&(name, purpose): &(&str, Purpose)| {
        args.with.iter().any(|with| with == name)
            || (!args.minimal && Purpose::USUAL.contains(&purpose))
    };
    let wanted = Purpose::EXTRAS.into_iter().filter(is_wanted);
    wanted.map(|(_, purpose)| purpose).collect()
}

fn form_names() -> PossibleValuesParser {
    Form::ALL.map(|(name, _)| name).into()
}

pub(crate) fn run(args: AccessArgs) -> anyhow::Result<u8> {
    let wanted = Form::ALL.into_iter().find(|(name, _)| *name == args.format);
    let form = wanted.map_or(Form::Policy, |(_, form)| form);
    let (bucket, prefix) = place(args.bucket.as_deref(), args.prefix.as_deref());
    let is_new = args.trust.is_some() && args.external_id.is_none();
    let with = purposes(&args);
    let reader = match args.trust {
        None => Reader::User { name: args.name },
        Some(trusted) => {
            let external_id = match args.external_id {
                Some(id) => id,
                None => billhook_registry::new_external_id()?,
            };
            Reader::Role { name: args.name, trusted, external_id }
        }
    };
    let setup = Setup {
        kind: access::kind(&args.kind)?,
        partition: args.partition.parse()?,
        bucket,
        prefix,
        key: args.key,
        account: args.account,
        reader,
        with,
    };
    let text = access::render(&setup, form)?;
    std::io::stdout().write_all(text.as_bytes())?;
    if let (Reader::Role { external_id, .. }, true) = (&setup.reader, is_new)
        && !matches!(form, Form::Policy | Form::BucketPolicy)
    {
        say(&format!("new external ID: {external_id}"));
        say("  give it to `billhook access` again as --external-id for the other forms, and to");
        say("  `billhook connect` as --external-id");
    }
    Ok(0)
}

/// Bucket and prefix, from either way to write them.
fn place(bucket: Option<&str>, prefix: Option<&str>) -> (Option<String>, String) {
    let bucket = bucket.map(|bucket| bucket.trim_start_matches("s3://"));
    let (bucket, below) = match bucket.map(|bucket| bucket.split_once('/').unwrap_or((bucket, "")))
    {
        Some((bucket, below)) => (Some(bucket.to_owned()), below),
        None => (None, ""),
    };
    (bucket, prefix.unwrap_or(below).trim_matches('/').to_owned())
}
