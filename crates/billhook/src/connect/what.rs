//! The first question: what is there to connect?

use billhook_engine::create_report::Product;
use billhook_engine::onboarding::place::s3_location;
use billhook_engine::{EngineError, access};
use billhook_sources::access::{KINDS, KindAccess};

use super::find::Place;
use super::talk::{Question, Talk};
use crate::connections::ConnectArgs;
use crate::context::Context;

/// Prefix that `create-report` takes when none is given.
const PREFIX: &str = "billhook";

/// What somebody wants to connect, as far as it is known.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// Its kind; `None` when Billhook is to look.
    pub(super) kind: Option<&'static KindAccess>,
    /// Where it is.
    pub(super) place: Option<Place>,
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Kind(&'static KindAccess),
    Look,
    Nothing,
}

const HELP: &str = "\
1 a report of Billing, Data Exports, \"legacy CUR export\": csv.gz, zip or Parquet files in a bucket
2 an export of Billing, Data Exports: CUR 2.0, or FOCUS 1.0 or 1.2
3 files such as 111122223333-aws-billing-detailed-line-items-2015-06.csv.zip
4 AWS's API of costs by day and service; it charges 0.01 USD for each request
5 FOCUS files that Azure, Google Cloud, Oracle or a software provider exports
6 asks AWS for the reports and exports of the account, or looks into a bucket or folder
7 says how to have AWS make a report; it comes within a day";

const HELP_WITH_REPORT: &str = "\
a report is made by `billhook create-report`, which prints all that it would write to AWS and asks
before it does; this dialogue writes nothing";

/// Asks, unless `--kind` says it.
pub(super) fn ask(
    talk: &mut Talk<'_>,
    args: &ConnectArgs,
    context: &Context,
) -> anyhow::Result<Wish> {
    let place = args.location.clone().map(|location| Place { location, region: None });
    if let Some(kind) = &args.kind {
        return Ok(Wish { kind: Some(access::kind(kind)?), place });
    }
    let options = options(place.is_none())?;
    let look = KINDS.len() + 1;
    Ok(match talk.choose("What do you have?", &options, look, HELP)? {
        Answer::Kind(kind) => Wish { kind: Some(kind), place },
        Answer::Look => Wish { kind: None, place },
        Answer::Nothing => new_report(talk, context)?,
    })
}

/// The kinds, and what is none.
fn options(with_nothing: bool) -> Result<Vec<(&'static str, Answer)>, EngineError> {
    let mut options = Vec::new();
    for (label, kind) in [
        ("Cost and Usage Reports (legacy CUR)", "cur"),
        ("a Data Export: CUR 2.0 or FOCUS", "data_export"),
        ("Detailed Billing Reports", "dbr"),
        ("no files: ask Cost Explorer", "cost_explorer"),
        ("FOCUS files of another cloud or provider", "focus_files"),
    ] {
        options.push((label, Answer::Kind(access::kind(kind)?)));
    }
    options.push(("I do not know: look what there is", Answer::Look));
    if with_nothing {
        options.push(("nothing yet: have AWS deliver a report", Answer::Nothing));
    }
    Ok(options)
}

/// Says how to have a report made, and where its files will be.
fn new_report(talk: &mut Talk<'_>, context: &Context) -> anyhow::Result<Wish> {
    talk.head("AWS makes reports by itself once one is defined, the first within a day.")?;
    let options = [
        ("CUR 2.0 (recommended)", ("cur2", Product::Cur2)),
        ("FOCUS 1.2", ("focus", Product::Focus)),
        ("a legacy Cost and Usage Report", ("cur", Product::Cur)),
    ];
    let (kind, product) =
        talk.choose("Which report?", &options, 1, "all of them are hourly, with resource IDs")?;
    let question =
        Question { text: "Name of the report", default: Some("hourly"), help: HELP_WITH_REPORT };
    let name = talk.ask(&question, |answer| {
        let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_name = answer.len() <= 128 && answer.chars().all(is_fit);
        if is_name { Ok(answer.to_owned()) } else { Err("letters, digits, - and _".to_owned()) }
    })?;
    let help = "the bucket that AWS delivers to, such as acme-billing";
    let question = Question { text: "Bucket", default: None, help };
    let bucket = talk.ask(&question, |answer| {
        let bucket = answer.trim_start_matches("s3://");
        if bucket.contains('/') {
            return Err(format!("{answer}: give the bucket alone"));
        }
        s3_location(&format!("s3://{bucket}")).map(|_| bucket.to_owned())
    })?;
    let is_there = talk.confirm("Is the bucket there already?", false, "it is made otherwise")?;
    let region = context.s3.region.as_deref().unwrap_or("us-east-1");
    let help = "where the bucket is or shall be, such as eu-central-1";
    let question = Question { text: "Region of the bucket", default: Some(region), help };
    let region = talk.ask(&question, |answer| Ok(answer.to_owned()))?;
    let create = if is_there { "" } else { " --create-bucket" };
    talk.head("As somebody who may make reports in the account of the bill, in another terminal:")?;
    talk.say(&format!(
        "  billhook create-report {name} --kind {kind} \\\n    --bucket {bucket} --bucket-region \
         {region}{create}"
    ))?;
    talk.pause("Press Enter when that is done, or to go on without", HELP_WITH_REPORT)?;
    let location = format!("s3://{bucket}/{PREFIX}/{name}");
    let place = Place { location, region: Some(region) };
    Ok(Wish { kind: Some(access::kind(product.kind())?), place: Some(place) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_can_be_had() {
        let options = options(true).unwrap();
        let is_kind = |(_, answer): &&(&str, Answer)| matches!(answer, Answer::Kind(_));
        assert_eq!(options.iter().filter(is_kind).count(), KINDS.len());
        assert_eq!(HELP.lines().count(), options.len());
    }
}
