//! `billhook create-report`.

use std::io::{IsTerminal, Write};

use billhook_engine::create_report::{
    Creator, Packing, Plan, Product, Unfinished, Versioning, Wanted,
};
use billhook_engine::{EngineError, connections as opening};
use billhook_sources::delivery::connection_name;
use chrono::{TimeDelta, Utc};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::context::{Context, say};
use crate::identity::IdentityArgs;

/// Have AWS deliver a new report or export
///
/// Makes the bucket if that is wanted, lets AWS deliver into it, and defines an hourly report with
/// resource IDs. It looks first, prints everything that it would write, and asks. What is there
/// already as it is wanted is left alone, so it can be run again. Needs `s3:ListBucket`,
/// `s3:GetBucketPolicy`, `s3:PutBucketPolicy` (and `s3:CreateBucket`), `cur:PutReportDefinition`,
/// and for a legacy report `cur:DescribeReportDefinitions`, for exports
/// `bcm-data-exports:ListExports`, `bcm-data-exports:GetExport`, `bcm-data-exports:CreateExport`.
#[derive(Debug, Args)]
pub(crate) struct CreateReportArgs {
    /// Its name: letters, digits and dashes
    name: String,
    /// What: a legacy Cost and Usage Report, CUR 2.0, or FOCUS 1.2
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    kind: String,
    /// Bucket that AWS delivers to
    #[arg(long, value_name = "BUCKET")]
    bucket: String,
    /// Prefix in the bucket; a folder of the report's name is made below it
    #[arg(long, value_name = "PREFIX", default_value = "billhook")]
    prefix: String,
    /// Region of the bucket
    #[arg(long, value_name = "REGION")]
    bucket_region: String,
    /// Make the bucket when there is none of this name
    #[arg(long)]
    create_bucket: bool,
    /// Files as text, packed with gzip, or as Parquet
    #[arg(long, default_value = "csv", value_parser = packings())]
    format: String,
    /// Replace the delivery before, or keep it
    #[arg(long, default_value = "overwrite", value_parser = versionings())]
    versioning: String,
    /// With split cost allocation, for containers
    #[arg(long)]
    split: bool,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    identity: IdentityArgs,
}

fn kinds() -> PossibleValuesParser {
    Product::ALL.map(|(name, _)| name).into()
}

fn packings() -> PossibleValuesParser {
    Packing::ALL.map(|(name, _)| name).into()
}

fn versionings() -> PossibleValuesParser {
    Versioning::ALL.map(|(name, _)| name).into()
}

/// The value of that name; the first where the command line has let another one through.
fn chosen<T: Copy>(all: &[(&str, T)], name: &str, first: T) -> T {
    all.iter().find(|(own, _)| *own == name).map_or(first, |(_, value)| *value)
}

impl CreateReportArgs {
    fn wanted(&self) -> Wanted {
        Wanted {
            name: self.name.clone(),
            product: chosen(&Product::ALL, &self.kind, Product::Cur),
            bucket: self.bucket.clone(),
            prefix: self.prefix.trim_matches('/').to_owned(),
            region: self.bucket_region.clone(),
            create_bucket: self.create_bucket,
            packing: chosen(&Packing::ALL, &self.format, Packing::Csv),
            versioning: chosen(&Versioning::ALL, &self.versioning, Versioning::Overwrite),
            with_split: self.split,
        }
    }
}

pub(crate) async fn run(args: CreateReportArgs, context: &Context) -> anyhow::Result<u8> {
    let wanted = args.wanted();
    let access = args.identity.access(context)?;
    let session = opening::session(&access).await?.ok_or_else(|| {
        EngineError::Usage("nobody may do this: leave --anonymous out".to_owned())
    })?;
    let creator = Creator::new(&session, &wanted, access.endpoint.as_deref())?;
    let plan = creator.plan().await?;
    write!(std::io::stdout(), "{}", shown(&plan))?;
    if !plan.steps.is_empty() && !args.yes && !ask()? {
        say("nothing was done");
        return Ok(1);
    }
    if let Err(unfinished) = creator.carry_out(&plan, |step| say(&format!("done: {step}"))).await {
        return Err(told(&plan, unfinished).into());
    }
    write!(std::io::stdout(), "{}", next(&plan, &wanted))?;
    Ok(0)
}

/// Everything that would be done.
fn shown(plan: &Plan) -> String {
    let mut lines = vec![format!("{} of account {}", plan.caller, plan.account)];
    lines.extend(plan.kept.iter().map(|kept| format!("stays  {kept}")));
    for step in &plan.steps {
        lines.push(format!("will   {step}"));
        lines.extend(step.details().into_iter().map(|detail| format!("         {detail}")));
    }
    if plan.steps.is_empty() {
        lines.push("there is nothing to do".to_owned());
    }
    lines.join("\n") + "\n"
}

/// Asks on the terminal.
fn ask() -> Result<bool, EngineError> {
    let nobody = || {
        EngineError::Usage(
            "nothing was done: give --yes to do this, or run it on a terminal".to_owned(),
        )
    };
    if !std::io::stdin().is_terminal() {
        return Err(nobody());
    }
    let term = console::Term::stderr();
    write!(&term, "Do this? [y/N] ").map_err(|_| nobody())?;
    let answer = term.read_line().map_err(|_| nobody())?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

/// Says what was not done, and gives the reason.
fn told(plan: &Plan, unfinished: Unfinished) -> EngineError {
    for step in plan.steps.iter().skip(unfinished.done) {
        say(&format!("not done: {step}"));
    }
    if unfinished.done > 0 {
        say("run the command again when this is mended: what is done is left as it is");
    }
    *unfinished.error
}

/// What comes now.
fn next(plan: &Plan, wanted: &Wanted) -> String {
    let due = (Utc::now() + TimeDelta::hours(24)).format("%Y-%m-%d %H:%M");
    let wait = format!("AWS delivers for the first time within 24 hours (until {due} UTC).\n");
    let wait = if plan.steps.is_empty() { "" } else { wait.as_str() };
    format!(
        "{wait}Connect it with the credentials of whoever is to read it:\n  \
         billhook connect {} --kind {} --region {} \\\n    --location {}\n",
        connection_name(&wanted.name),
        wanted.product.kind(),
        wanted.region,
        plan.location,
    )
}
