//! `create-report`: has AWS deliver a report or an export, and makes ready the bucket for it.
//!
//! The only use case that writes to AWS. It looks first and says what it would do ([`Plan`]); what
//! is there already as it is wanted is left alone, so it can be run again at any time. [`policy`]
//! merges bucket policies, [`product`] says what exactly is ordered,
//! [`mod@yourself`] how somebody does the same without Billhook.

mod policy;
mod product;
mod yourself;

use std::fmt;

use billhook_aws::bucket::{BucketAdmin, BucketError};
use billhook_aws::exports::{ExportDefinition, Exports};
use billhook_aws::reports::{ReportDefinition, Reports};
use billhook_aws::session::{Identity, Session};
use serde_json::Value;

use crate::access::{self, Form, Partition, Reader, Setup};
use crate::{EngineError, definitions};

pub use policy::Change;
pub use yourself::{OwnForm, yourself};

/// What is to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// A legacy Cost and Usage Report.
    Cur,
    /// A Data Export of CUR 2.0.
    Cur2,
    /// A Data Export of FOCUS 1.2.
    Focus,
}

impl Product {
    /// All, by the names that `--kind` takes.
    pub const ALL: [(&'static str, Self); 3] =
        [("cur", Self::Cur), ("cur2", Self::Cur2), ("focus", Self::Focus)];

    /// The kind of connection that reads it.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Cur => "cur",
            Self::Cur2 | Self::Focus => "data_export",
        }
    }
}

/// How files are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Text, packed with gzip.
    Csv,
    /// Parquet.
    Parquet,
}

impl Packing {
    /// Both, by the names that `--format` takes.
    pub const ALL: [(&'static str, Self); 2] = [("csv", Self::Csv), ("parquet", Self::Parquet)];
}

/// What becomes of the delivery before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// It is replaced.
    Overwrite,
    /// It is kept.
    CreateNew,
}

impl Versioning {
    /// Both, by the names that `--versioning` takes.
    pub const ALL: [(&'static str, Self); 2] =
        [("overwrite", Self::Overwrite), ("create-new", Self::CreateNew)];

    /// As AWS calls it.
    const fn name(self) -> &'static str {
        match self {
            Self::Overwrite => "OVERWRITE_REPORT",
            Self::CreateNew => "CREATE_NEW_REPORT",
        }
    }
}

/// What somebody wants to have delivered.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// What it is.
    pub product: Product,
    /// Where to.
    pub bucket: String,
    /// Prefix in the bucket, without slashes at its ends.
    pub prefix: String,
    /// The bucket's region.
    pub region: String,
    /// May the bucket be made when it is not there?
    pub create_bucket: bool,
    /// How files are packed.
    pub packing: Packing,
    /// What becomes of the delivery before.
    pub versioning: Versioning,
    /// With split cost allocation?
    pub with_split: bool,
}

/// Something that is written to AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Makes the bucket.
    CreateBucket {
        /// Its name.
        bucket: String,
        /// Its region.
        region: String,
    },
    /// Sets the bucket's policy.
    PutPolicy {
        /// Of which bucket.
        bucket: String,
        /// The whole policy.
        policy: String,
        /// What is different in it.
        changes: Vec<Change>,
    },
    /// Defines a legacy report.
    PutReport(ReportDefinition),
    /// Defines an export.
    CreateExport(ExportDefinition),
}

/// What would be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who does it, as an ARN.
    pub caller: String,
    /// The account whose costs are delivered.
    pub account: String,
    /// Where the files will be: `s3://bucket/prefix/name`.
    pub location: String,
    /// What is there already as it is wanted, in words.
    pub kept: Vec<String>,
    /// What is left to do, in order.
    pub steps: Vec<Step>,
}

/// A plan that was not carried out to its end.
#[derive(Debug)]
pub struct Unfinished {
    /// How many steps were done.
    pub done: usize,
    /// Why the next one failed.
    pub error: Box<EngineError>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateBucket { bucket, region } => {
                write!(f, "make the bucket {bucket} in {region} (s3:CreateBucket)")
            }
            Self::PutPolicy { bucket, .. } => write!(
                f,
                "set the policy of the bucket {bucket}, so that AWS can deliver \
                 (s3:PutBucketPolicy)"
            ),
            Self::PutReport(report) => {
                write!(f, "define the report {} (cur:PutReportDefinition)", report.name)
            }
            Self::CreateExport(export) => write!(
                f,
                "define the export {} (bcm-data-exports:CreateExport, cur:PutReportDefinition)",
                export.name
            ),
        }
    }
}

impl Step {
    /// What exactly is written, in lines of text; of a policy what is different.
    #[must_use]
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::CreateBucket { .. } => Vec::new(),
            Self::PutPolicy { changes, .. } => changes.iter().flat_map(Change::lines).collect(),
            Self::PutReport(report) => lines(&product::facts_of_report(report)),
            Self::CreateExport(export) => lines(&product::facts_of_export(export)),
        }
    }
}

fn lines(facts: &[(&str, String)]) -> Vec<String> {
    facts.iter().map(|(what, value)| format!("{what}: {value}")).collect()
}

/// Looks, and does what was planned.
#[derive(Debug)]
pub struct Creator<'a> {
    session: &'a Session,
    wanted: &'a Wanted,
    bucket: BucketAdmin,
}

impl Wanted {
    /// Where the files will be: `s3://bucket/prefix/name`.
    #[must_use]
    pub fn location(&self) -> String {
        definitions::place(&self.bucket, &self.prefix, &self.name)
    }

    /// Refuses what AWS would refuse.
    ///
    /// # Errors
    /// [`EngineError::Usage`], by the name of the option.
    pub fn check(&self) -> Result<(), EngineError> {
        product::check(self)
    }
}

impl<'a> Creator<'a> {
    /// Somebody who does it. `endpoint` is that of S3, when it is not AWS's own.
    ///
    /// # Errors
    /// [`EngineError::Usage`] when AWS has no such report.
    pub fn new(
        session: &'a Session,
        wanted: &'a Wanted,
        endpoint: Option<&str>,
    ) -> Result<Self, EngineError> {
        product::check(wanted)?;
        let bucket = BucketAdmin::new(session, &wanted.bucket, &wanted.region, endpoint);
        Ok(Self { session, wanted, bucket })
    }

    /// Looks at what is there, and says what is left to do. Nothing is written.
    ///
    /// # Errors
    /// When AWS does not tell, or what is there is in the way.
    pub async fn plan(&self) -> Result<Plan, EngineError> {
        let identity = self.session.identity().await?;
        let policy = self.policy(&identity)?;
        let mut plan = Plan {
            location: self.wanted.location(),
            caller: identity.arn,
            account: identity.account,
            kept: Vec::new(),
            steps: Vec::new(),
        };
        let is_there = self.plan_bucket(&mut plan).await?;
        self.plan_policy(&mut plan, is_there, &policy).await?;
        match self.wanted.product {
            Product::Cur => self.plan_report(&mut plan).await?,
            Product::Cur2 | Product::Focus => self.plan_export(&mut plan).await?,
        }
        Ok(plan)
    }

    /// Does what was planned. `heard` is told of each step that is done.
    ///
    /// # Errors
    /// [`Unfinished`] at the first step that AWS refuses.
    pub async fn carry_out(
        &self,
        plan: &Plan,
        mut heard: impl FnMut(&Step),
    ) -> Result<(), Unfinished> {
        for (done, step) in plan.steps.iter().enumerate() {
            self.act(step).await.map_err(|error| Unfinished { done, error: Box::new(error) })?;
            heard(step);
        }
        Ok(())
    }

    async fn act(&self, step: &Step) -> Result<(), EngineError> {
        match step {
            Step::CreateBucket { .. } => self.bucket.create().await.map_err(|e| self.refused(e)),
            Step::PutPolicy { policy, .. } => {
                self.bucket.put_policy(policy).await.map_err(|error| self.refused(error))
            }
            Step::PutReport(report) => {
                Reports::new(self.session).put(report).await?;
                Ok(())
            }
            Step::CreateExport(export) => {
                Exports::new(self.session).create(export).await?;
                Ok(())
            }
        }
    }

    fn refused(&self, source: BucketError) -> EngineError {
        EngineError::Bucket { bucket: self.wanted.bucket.clone(), source }
    }

    /// The statements that let AWS deliver for the account of `identity`.
    fn policy(&self, identity: &Identity) -> Result<Value, EngineError> {
        let partition: Partition = identity.arn.split(':').nth(1).unwrap_or_default().parse()?;
        delivering(self.wanted, &identity.account, partition)
    }

    /// Is the bucket there, and where it should be?
    async fn plan_bucket(&self, plan: &mut Plan) -> Result<bool, EngineError> {
        let Wanted { bucket, region, .. } = self.wanted;
        match self.bucket.region().await.map_err(|error| self.refused(error))? {
            Some(own) if own == *region => {
                plan.kept.push(format!("the bucket {bucket} is there, in {region}"));
                Ok(true)
            }
            Some(own) => Err(EngineError::Usage(format!(
                "the bucket {bucket} is in {own}, not in {region}: give --bucket-region {own}"
            ))),
            None if self.wanted.create_bucket => {
                let (bucket, region) = (bucket.clone(), region.clone());
                plan.steps.push(Step::CreateBucket { bucket, region });
                Ok(false)
            }
            None => Err(EngineError::Usage(format!(
                "there is no bucket {bucket}: give --create-bucket to have it made in {region}"
            ))),
        }
    }

    async fn plan_policy(
        &self,
        plan: &mut Plan,
        is_there: bool,
        wanted: &Value,
    ) -> Result<(), EngineError> {
        let bucket = &self.wanted.bucket;
        let existing = if is_there {
            self.bucket.policy().await.map_err(|error| self.refused(error))?
        } else {
            None
        };
        let merged = policy::merge(existing.as_deref(), wanted).map_err(|why| {
            EngineError::Usage(format!(
                "the policy of the bucket {bucket} is left as it is: {why}. Mend it in the \
                 console, or take another bucket"
            ))
        })?;
        if merged.changes.is_empty() {
            plan.kept.push(format!("the policy of {bucket} lets AWS deliver"));
        } else {
            plan.steps.push(Step::PutPolicy {
                bucket: bucket.clone(),
                policy: merged.text,
                changes: merged.changes,
            });
        }
        Ok(())
    }

    async fn plan_report(&self, plan: &mut Plan) -> Result<(), EngineError> {
        let report = product::report(self.wanted);
        let all = Reports::new(self.session).all().await?;
        let Some(own) = all.iter().find(|own| own.name == report.name) else {
            plan.steps.push(Step::PutReport(report));
            return Ok(());
        };
        let facts = product::facts_of_report(&report);
        same(&report.name, &product::facts_of_report(own), &facts)?;
        plan.kept.push(format!("the report {} is defined as it is wanted", report.name));
        Ok(())
    }

    async fn plan_export(&self, plan: &mut Plan) -> Result<(), EngineError> {
        let export = product::export(self.wanted);
        let all = Exports::new(self.session).all().await?;
        let Some(own) = all.iter().find(|own| own.name == export.name) else {
            plan.steps.push(Step::CreateExport(export));
            return Ok(());
        };
        let own = product::facts_of_export(&product::as_set_in(own, &export));
        same(&export.name, &own, &product::facts_of_export(&export))?;
        plan.kept.push(format!("the export {} is defined as it is wanted", export.name));
        Ok(())
    }
}

/// The statements that let AWS deliver what is wanted for an account.
fn delivering(wanted: &Wanted, account: &str, partition: Partition) -> Result<Value, EngineError> {
    let setup = Setup {
        kind: access::kind(wanted.product.kind())?,
        partition,
        bucket: Some(wanted.bucket.clone()),
        prefix: wanted.prefix.clone(),
        key: None,
        account: Some(account.to_owned()),
        reader: Reader::User { name: "billhook".to_owned() },
        with: Vec::new(),
    };
    let text = access::render(&setup, Form::BucketPolicy)?;
    serde_json::from_str(&text).map_err(|error| EngineError::Damaged(error.to_string()))
}

/// Refuses a definition of the same name that differs.
fn same(name: &str, own: &[(&str, String)], wanted: &[(&str, String)]) -> Result<(), EngineError> {
    let differing = own.iter().zip(wanted).filter(|(own, wanted)| own != wanted);
    let differing: Vec<&str> = differing.map(|((what, _), _)| *what).collect();
    if differing.is_empty() {
        return Ok(());
    }
    Err(EngineError::Usage(format!(
        "{name} is defined already, and differs in {}: give another name, or the same options",
        differing.join(", ")
    )))
}
