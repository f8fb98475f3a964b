//! What somebody who adds a connection has answered so far, and what it makes.

use std::collections::BTreeMap;

use billhook_aws::S3Options;
use billhook_aws::cost_explorer::Granularity;
use billhook_engine::access::{self, Partition, Reader, Setup};
use billhook_engine::create_report::{self, Packing, Versioning, Wanted};
use billhook_engine::onboarding::ROLE_NAME;
use billhook_engine::publish::Figures;
use billhook_engine::{EngineError, connections, cost_explorer};
use billhook_registry::{
    Access, AccessKey, AssumedRole, Base, Credentials, ExposeSecret, SecretString,
};
use billhook_sources::access::{KindAccess, Purpose};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// Secrets by the names of their fields: `secret`, `session_token`.
pub(crate) type Secrets = BTreeMap<String, SecretString>;

/// The field of a secret access key.
pub(crate) const SECRET: &str = "secret";

/// The field of a session token; empty for none.
pub(crate) const SESSION_TOKEN: &str = "session_token";

/// Prefix that a new report gets when none is given.
const PREFIX: &str = "billhook";

/// What somebody has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Product {
    /// A legacy Cost and Usage Report that there is.
    #[default]
    Cur,
    /// A legacy Cost and Usage Report that AWS is to make.
    CurNew,
    /// An export of CUR 2.0 or FOCUS.
    DataExport,
    /// Detailed Billing Reports.
    Dbr,
    /// No files: the API.
    CostExplorer,
    /// FOCUS files of any provider.
    FocusFiles,
}

impl Product {
    /// All, in the order of the tiles.
    pub(crate) const ALL: [Self; 6] = [
        Self::Cur,
        Self::CurNew,
        Self::DataExport,
        Self::Dbr,
        Self::CostExplorer,
        Self::FocusFiles,
    ];

    /// Its name in forms and in the API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cur => "cur",
            Self::CurNew => "cur_new",
            Self::DataExport => "data_export",
            Self::Dbr => "dbr",
            Self::CostExplorer => "cost_explorer",
            Self::FocusFiles => "focus_files",
        }
    }

    /// The kind of connection that it becomes.
    const fn kind(self) -> &'static str {
        match self {
            Self::Cur | Self::CurNew => "cur",
            Self::DataExport => "data_export",
            Self::Dbr => "dbr",
            Self::CostExplorer => "cost_explorer",
            Self::FocusFiles => "focus_files",
        }
    }

    /// What stands on its tile.
    pub(crate) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Cur => (
                "Cost and Usage Report",
                "The legacy CUR is delivered into a bucket already: csv.gz, zip or Parquet files.",
            ),
            Self::CurNew => (
                "Cost and Usage Report, new",
                "Have AWS deliver a legacy CUR. The first one comes within a day.",
            ),
            Self::DataExport => (
                "Data Export",
                "CUR 2.0 or FOCUS from Billing, Data Exports: one that is there, or a new one.",
            ),
            Self::Dbr => (
                "Detailed Billing Reports",
                "Monthly zip files of the years before 2020. AWS no longer starts these for new \
                 customers.",
            ),
            Self::CostExplorer => (
                "Cost Explorer",
                "No files: costs by day and service from AWS's API, for 0.01 USD a request.",
            ),
            Self::FocusFiles => (
                "FOCUS files",
                "Files that Azure, Google Cloud, Oracle or a software provider exports.",
            ),
        }
    }
}

/// Who reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// A role that Billhook assumes.
    #[default]
    Role,
    /// A user with an access key.
    Key,
    /// A profile of AWS's configuration files on the server.
    Profile,
    /// Whatever the server's environment, container or instance offers.
    Server,
}

/// What an export is to hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Table {
    /// CUR 2.0.
    #[default]
    Cur2,
    /// FOCUS 1.2.
    Focus,
}

/// What was answered so far. Secrets are kept apart, sealed.
#[expect(clippy::struct_excessive_bools, reason = "each is a box of a form")]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Answers {
    /// What somebody has; it stays as it was begun.
    pub(crate) product: Product,
    /// Name of the connection.
    pub(crate) name: String,
    /// The account that gets the bill, 12 digits.
    pub(crate) payer: Option<String>,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub(crate) partition: String,
    /// Are the files in a folder of the server?
    pub(crate) in_folder: bool,
    /// The folder.
    pub(crate) folder: Option<String>,
    /// The bucket; nothing when it is not known.
    pub(crate) bucket: Option<String>,
    /// What stands before the files in it.
    pub(crate) prefix: String,
    /// The bucket's region.
    pub(crate) region: Option<String>,
    /// ARN of the key with which the bucket is encrypted.
    pub(crate) key: Option<String>,
    /// Who exports FOCUS files.
    pub(crate) provider: Option<String>,
    /// Is Cost Explorer asked for hours?
    pub(crate) is_hourly: bool,
    /// Requests to Cost Explorer that may be made in a day.
    pub(crate) request_budget: Option<u64>,
    /// Is AWS to make the export? Of legacy reports, the product says it.
    pub(crate) is_new: bool,
    /// Name of a new report.
    pub(crate) report: Option<String>,
    /// What a new export holds.
    pub(crate) table: Table,
    /// Are the files of a new report Parquet? Else they are packed text.
    pub(crate) is_parquet: bool,
    /// May the bucket of a new report be made?
    pub(crate) makes_bucket: bool,
    /// Who reads.
    pub(crate) way: Way,
    /// Who assumes the role; never a role itself.
    pub(crate) base: Way,
    /// ARN of the role.
    pub(crate) role_arn: Option<String>,
    /// External ID of the role; it stays as it was begun.
    pub(crate) external_id: String,
    /// Who may assume the role: an ARN or an account.
    pub(crate) trusted: Option<String>,
    /// Id of the access key.
    pub(crate) key_id: Option<String>,
    /// Name of the profile.
    pub(crate) profile: Option<String>,
    /// Are accounts to be shown by their names in Organizations?
    pub(crate) with_names: bool,
    /// The place of the report that was chosen: `s3://bucket/prefix/name`.
    pub(crate) location: Option<String>,
    /// When it is looked at: `every 4h`, `daily 06:00 Europe/Berlin`, `manual`.
    pub(crate) schedule: Option<String>,
    /// Days after which a day's costs are expected to stand.
    pub(crate) settling_days: Option<u32>,
    /// How often secrets were typed: what was looked at with others does not count.
    pub(crate) secrets_typed: u64,
}

impl Answers {
    /// The first answer.
    pub(crate) fn new(product: Product, external_id: String) -> Self {
        Self {
            product,
            external_id,
            partition: "aws".to_owned(),
            base: Way::Server,
            with_names: true,
            makes_bucket: true,
            is_new: product == Product::CurNew,
            ..Self::default()
        }
    }

    /// The kind of connection that it becomes.
    ///
    /// # Errors
    /// Never, for the products there are.
    pub(crate) fn kind(&self) -> Result<&'static KindAccess, EngineError> {
        access::kind(self.product.kind())
    }

    /// Does it read files?
    pub(crate) fn has_files(&self) -> bool {
        self.product != Product::CostExplorer
    }

    /// Is AWS to make the report?
    pub(crate) fn makes_report(&self) -> bool {
        let can = matches!(self.product, Product::CurNew | Product::DataExport);
        can && self.is_new
    }

    /// Are the files in a folder?
    pub(crate) fn is_local(&self) -> bool {
        self.in_folder && self.has_files() && !self.makes_report()
    }

    /// Can AWS be asked what reports there are?
    pub(crate) fn can_find(&self) -> bool {
        matches!(self.product, Product::Cur | Product::DataExport) && !self.makes_report()
    }

    /// The partition; the standard one unless another one is named.
    pub(crate) fn partition(&self) -> Partition {
        self.partition.parse().unwrap_or(Partition::Aws)
    }

    /// The place as it was typed.
    pub(crate) fn typed(&self) -> Option<String> {
        if self.is_local() {
            return self.folder.clone();
        }
        let bucket = self.bucket.as_ref()?;
        Some(match self.prefix.as_str() {
            "" => format!("s3://{bucket}"),
            prefix => format!("s3://{bucket}/{prefix}"),
        })
    }

    /// The place that is read.
    pub(crate) fn place(&self) -> Option<String> {
        if !self.has_files() {
            return None;
        }
        if self.makes_report() {
            return Some(self.wanted().location());
        }
        let chosen = self.location.clone().filter(|_| !self.is_local());
        chosen.or_else(|| self.typed())
    }

    /// Credentials, and where they are used.
    pub(crate) fn access(&self, secrets: &Secrets, s3: &S3Options) -> Access {
        let credentials = match self.way {
            // A folder needs nobody's credentials.
            _ if self.is_local() => Credentials::Ambient,
            Way::Role => Credentials::Role(AssumedRole {
                arn: self.role_arn.clone().unwrap_or_default(),
                external_id: self.external_id.clone(),
                session_name: None,
                base: match self.base {
                    Way::Key => Base::AccessKey(self.access_key(secrets)),
                    Way::Profile => Base::Profile { name: self.profile_name() },
                    Way::Role | Way::Server => Base::Ambient,
                },
            }),
            way => self.credentials(way, secrets),
        };
        self.reached(credentials, s3)
    }

    /// The same for whoever assumes the role.
    pub(crate) fn base_access(&self, secrets: &Secrets, s3: &S3Options) -> Access {
        self.reached(self.credentials(self.base, secrets), s3)
    }

    fn credentials(&self, way: Way, secrets: &Secrets) -> Credentials {
        match way {
            Way::Key => Credentials::AccessKey(self.access_key(secrets)),
            Way::Profile => Credentials::Profile { name: self.profile_name() },
            Way::Role | Way::Server => Credentials::Ambient,
        }
    }

    fn reached(&self, credentials: Credentials, s3: &S3Options) -> Access {
        let region = self.region.clone().or_else(|| s3.region.clone());
        Access { credentials, region, endpoint: s3.endpoint.clone() }
    }

    fn access_key(&self, secrets: &Secrets) -> AccessKey {
        let token = secrets.get(SESSION_TOKEN).filter(|token| !token.expose_secret().is_empty());
        let secret = secrets.get(SECRET).cloned();
        AccessKey {
            key_id: self.key_id.clone().unwrap_or_default(),
            secret: secret.unwrap_or_else(|| SecretString::from(String::new())),
            session_token: token.cloned(),
        }
    }

    fn profile_name(&self) -> String {
        self.profile.clone().unwrap_or_else(|| "default".to_owned())
    }

    /// Is a secret access key needed?
    pub(crate) fn needs_key(&self) -> bool {
        let is_by_role = self.way == Way::Role && self.base == Way::Key;
        !self.is_local() && (self.way == Way::Key || is_by_role)
    }

    /// What is allowed beside reading.
    pub(crate) fn with(&self) -> Vec<Purpose> {
        let names = self.with_names.then_some(Purpose::Organizations);
        [Purpose::Definitions].into_iter().chain(names).collect()
    }

    /// What is to be set up in AWS.
    ///
    /// # Errors
    /// When a role has nobody yet who assumes it.
    pub(crate) fn setup(&self) -> Result<Setup, EngineError> {
        let place = self.location.clone().filter(|_| !self.makes_report());
        let place = place.or_else(|| self.typed());
        let place = place.as_deref().and_then(connections::bucket_of);
        let (bucket, prefix) = place.unzip();
        let reader = if self.way == Way::Role {
            let trusted = self
                .trusted
                .clone()
                .ok_or_else(|| EngineError::Usage("say first who assumes the role".to_owned()))?;
            let external_id = self.external_id.clone();
            Reader::Role { name: ROLE_NAME.to_owned(), trusted, external_id }
        } else {
            Reader::User { name: ROLE_NAME.to_owned() }
        };
        Ok(Setup {
            kind: self.kind()?,
            partition: self.partition(),
            bucket: bucket.map(str::to_owned),
            prefix: prefix.unwrap_or_default().to_owned(),
            key: self.key.clone(),
            account: self.payer.clone(),
            reader,
            with: self.with(),
        })
    }

    /// The report that AWS is to make.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            name: self.report.clone().unwrap_or_else(|| "hourly".to_owned()),
            product: match (self.product, self.table) {
                (Product::DataExport, Table::Cur2) => create_report::Product::Cur2,
                (Product::DataExport, Table::Focus) => create_report::Product::Focus,
                _ => create_report::Product::Cur,
            },
            bucket: self.bucket.clone().unwrap_or_default(),
            prefix: if self.prefix.is_empty() { PREFIX.to_owned() } else { self.prefix.clone() },
            region: self.region.clone().unwrap_or_default(),
            create_bucket: self.makes_bucket,
            packing: if self.is_parquet { Packing::Parquet } else { Packing::Csv },
            versioning: Versioning::Overwrite,
            with_split: false,
        }
    }

    /// How finely Cost Explorer is asked.
    pub(crate) fn granularity(&self) -> Granularity {
        if self.is_hourly { Granularity::Hourly } else { Granularity::Daily }
    }

    /// The settings of the connection.
    pub(crate) fn settings(&self) -> Value {
        let figures = Figures { settling_days: self.settling_days, keep_hours: None };
        let mut settings = figures.over(&json!({}));
        if self.product == Product::CostExplorer {
            let granularity = if self.is_hourly { "hourly" } else { "daily" };
            settings[cost_explorer::GRANULARITY] = json!(granularity);
            if let Some(budget) = self.request_budget {
                settings[cost_explorer::BUDGET] = json!(budget);
            }
        }
        if let (Product::FocusFiles, Some(provider)) = (self.product, &self.provider) {
            settings["provider"] = json!(provider);
        }
        settings
    }

    /// Names what is looked at: place and credentials. What else is answered changes nothing in it.
    pub(crate) fn fingerprint(&self) -> String {
        let relevant = json!([
            self.product,
            self.place(),
            self.typed(),
            self.region,
            self.way,
            self.base,
            self.role_arn,
            self.key_id,
            self.profile,
            self.secrets_typed,
        ]);
        let digest = Sha256::digest(relevant.to_string().as_bytes());
        hex::encode(digest).chars().take(16).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(product: Product) -> Answers {
        Answers {
            name: "acme".to_owned(),
            bucket: Some("acme-billing".to_owned()),
            prefix: "cur".to_owned(),
            trusted: Some("111122223333".to_owned()),
            ..Answers::new(product, "billhook-1".to_owned())
        }
    }

    #[test]
    fn every_product_has_a_kind_and_a_place() {
        for product in Product::ALL {
            let answers = answers(product);
            assert_eq!(answers.place().is_some(), answers.kind().unwrap().reads_bucket);
            let name = serde_json::to_value(product).unwrap();
            assert_eq!(name, product.name());
        }
        assert_eq!(answers(Product::CurNew).place().unwrap(), "s3://acme-billing/cur/hourly");
        let chosen = Some("s3://acme-billing/cur/own".to_owned());
        let found = Answers { location: chosen.clone(), ..answers(Product::Cur) };
        assert_eq!(found.place(), chosen);
        let folder = Some("/data".to_owned());
        let local = Answers { in_folder: true, folder: folder.clone(), ..found };
        assert_eq!(local.place(), folder);
    }

    #[test]
    fn inv_sec_answers_hold_no_secret() {
        let secrets: Secrets = [(SECRET.to_owned(), SecretString::from("hush".to_owned()))].into();
        let answers = Answers { way: Way::Key, ..answers(Product::Cur) };
        let access = answers.access(&secrets, &S3Options::default());
        let Credentials::AccessKey(key) = &access.credentials else { panic!("no key") };
        assert_eq!(key.secret.expose_secret(), "hush");
        assert!(!serde_json::to_string(&answers).unwrap().contains("hush"));
    }

    #[test]
    fn what_was_looked_at_is_told_apart_by_place_and_credentials() {
        let first = answers(Product::Cur);
        let later = Answers { schedule: Some("manual".to_owned()), ..first.clone() };
        assert_eq!(first.fingerprint(), later.fingerprint());
        let other = Answers { secrets_typed: 1, ..first.clone() };
        assert_ne!(first.fingerprint(), other.fingerprint());
    }

    #[test]
    fn settings_say_how_cost_explorer_is_asked() {
        let answers =
            Answers { is_hourly: true, request_budget: Some(40), ..answers(Product::CostExplorer) };
        let wishes = cost_explorer::wishes(&answers.settings());
        assert_eq!(wishes, (Granularity::Hourly, 40));
    }
}
