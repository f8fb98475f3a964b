//! What can go wrong in a use case, and what it means for the exit code.

use std::io;

use billhook_aws::LocationError;
use billhook_aws::bucket::BucketError;
use billhook_aws::cost_explorer::{CallError, Trouble};
use billhook_focus::gate::Mismatch;
use billhook_lake::LakeError;
use billhook_registry::RegistryError;
use billhook_sources::data_export::cur2;
use billhook_sources::format::BindError;
use billhook_sources::table::ReadError;
use billhook_stream::deliver::DeliverError;
use billhook_stream::settings::SettingsError;

/// An error of a use case. The lake is as before after one.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// What was asked for makes no sense; the text says what would.
    #[error("{0}")]
    Usage(String),
    /// A place cannot be used.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// A store failed.
    #[error("{location}: {}", store_reason(.source))]
    Store {
        /// What was read or listed.
        location: String,
        /// Why.
        source: object_store::Error,
    },
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The control database failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// AWS refuses, or does not answer.
    #[error(transparent)]
    Aws(#[from] CallError),
    /// S3 refuses something about a bucket.
    #[error("bucket {bucket}: {source}")]
    Bucket {
        /// Its name.
        bucket: String,
        /// Why.
        source: BucketError,
    },
    /// A file of a delivery is damaged.
    #[error(transparent)]
    Read(Box<ReadError>),
    /// Records cannot be read and were not allowed into quarantine.
    #[error("{count} records cannot be read, first {first}")]
    Unreadable {
        /// How many.
        count: u64,
        /// The first one: file, record, column, value, reason.
        first: String,
    },
    /// The gate does not let the delivery through.
    #[error("what was read is not what would be stored: {0}")]
    Gate(#[from] Mismatch),
    /// The report was rewritten again and again while it was read.
    #[error("{report}: rewritten while it was being read, {attempts} times in a row")]
    Restless {
        /// The report.
        report: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// Interrupted by the user.
    #[error("interrupted")]
    Interrupted,
    /// The local disk failed.
    #[error("{action}")]
    Disk {
        /// What was tried to which file.
        action: String,
        /// Why.
        source: io::Error,
    },
    /// A file is damaged at its very start.
    #[error("{0}")]
    Damaged(String),
    /// A place holds nothing.
    #[error("{0}")]
    Absent(String),
    /// There is nothing to look at.
    #[error("{0}")]
    Nothing(String),
    /// Cost Explorer does not answer.
    #[error("Cost Explorer does not tell the {action}: {source}")]
    CostExplorer {
        /// What was asked for.
        action: String,
        /// Was it asked for by the hour?
        is_hourly: bool,
        /// Why.
        source: CallError,
    },
    /// The day's requests are used up; nothing was asked beyond them.
    #[error(
        "the budget of {limit} Cost Explorer requests a day is used up: {requests} were made on \
         {day} (UTC)"
    )]
    Budget {
        /// The day.
        day: String,
        /// Requests allowed.
        limit: u64,
        /// Requests made.
        requests: u64,
    },
    /// What a sink is told cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A sink takes nothing, or cannot be used.
    #[error("sink {sink}: {reason}")]
    Sink {
        /// Its name.
        sink: String,
        /// Why.
        reason: String,
    },
    /// Events cannot be brought to a sink.
    #[error(transparent)]
    Deliver(#[from] DeliverError),
    /// A sink was moved back or changed while events were brought to it.
    #[error("the sink was moved back or changed meanwhile")]
    Rewound,
    /// Two answers contradict each other.
    #[error("Cost Explorer contradicts itself, asked twice: {0}")]
    Disagree(String),
}

/// The reason in words, for the errors that people meet.
fn store_reason(error: &object_store::Error) -> String {
    let text = {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            text.push_str(" | ");
            text.push_str(&inner.to_string());
            source = inner.source();
        }
        text
    };
    let has = |needle: &str| text.contains(needle);
    if has("NoSuchBucket") {
        "there is no such bucket (check its name, and its endpoint or region)".to_owned()
    } else if has("PermanentRedirect") || has("AuthorizationHeaderMalformed") || has("301") {
        "the bucket is in another region: give --region".to_owned()
    } else if has("InvalidAccessKeyId") || has("SignatureDoesNotMatch") {
        "the credentials are not valid".to_owned()
    } else if has("InvalidObjectState") {
        "it is archived (Glacier) and has to be restored first".to_owned()
    } else if has("AccessDenied") || has("403") {
        "access is denied: s3:ListBucket on the bucket and s3:GetObject on its objects are needed"
            .to_owned()
    } else if has("169.254.169.254") || has("metadata") {
        "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give \
         --anonymous for a public bucket"
            .to_owned()
    } else if matches!(error, object_store::Error::NotFound { .. }) {
        "it is not there".to_owned()
    } else {
        "cannot be read".to_owned()
    }
}

/// What helps when Cost Explorer does not answer.
fn explorer_fix(is_hourly: bool, error: &CallError) -> Option<String> {
    let text = match error.trouble {
        Trouble::Credentials => {
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or import \
             cost-explorer:PROFILE"
        }
        Trouble::Passing => "run the command again later; the lake is as before",
        Trouble::Denied | Trouble::Unavailable | Trouble::Refused if is_hourly => {
            "turn on hourly granularity in the preferences of Cost Explorer (opt-in; AWS keeps 14 \
             days of it), or import with --granularity daily"
        }
        Trouble::Denied => {
            "allow ce:GetCostAndUsage to these credentials, and in the payer account activate IAM \
             access to billing (and, for a member account, linked account access)"
        }
        Trouble::Unavailable => {
            "open Cost Explorer once in the console of the payer account, which enables it; its \
             first data come within 24 hours"
        }
        Trouble::Stale | Trouble::Refused => return None,
    };
    Some(text.to_owned())
}

impl EngineError {
    /// Exit code by the command-line contract: 1 no, 2 wrong usage, 3 could not reach or read,
    /// 4 data refused.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::Registry(
                RegistryError::Name { .. }
                | RegistryError::NameTaken { .. }
                | RegistryError::SinkName { .. }
                | RegistryError::SinkNameTaken { .. }
                | RegistryError::UserName { .. }
                | RegistryError::Role { .. }
                | RegistryError::PasswordShort
                | RegistryError::PasswordLong
                | RegistryError::Schedule { .. },
            ) => 2,
            Self::Settings(error) => match error {
                SettingsError::Unusable { .. } => 3,
                SettingsError::Setting { .. } | SettingsError::NoSecret { .. } => 2,
            },
            Self::Nothing(_) | Self::Sink { .. } => 1,
            Self::Read(error) => match error.as_ref() {
                ReadError::Sink { .. } => 3,
                _ => 4,
            },
            Self::Unreadable { .. } | Self::Gate(_) | Self::Damaged(_) | Self::Disagree(_) => 4,
            _ => 3,
        }
    }

    /// How to mend it, when that can be said.
    #[must_use]
    pub fn fix(&self) -> Option<String> {
        if is_disk_full(self) {
            let text = "make room on the disk and run the command again; the lake is as before";
            return Some(text.to_owned());
        }
        Some(match self {
            Self::Unreadable { .. } => "have the report delivered again, or import with \
                 --quarantine to load the other records and keep these in the table quarantine"
                .to_owned(),
            Self::Damaged(_) => {
                "have the file delivered or download it again; nothing of this delivery was stored"
                    .to_owned()
            }
            Self::Absent(_) => {
                "point at a folder, file or s3://bucket/prefix that holds a report".to_owned()
            }
            Self::Read(error) => match error.as_ref() {
                ReadError::Damaged { .. } => {
                    "download the file again; nothing of this delivery was stored".to_owned()
                }
                ReadError::Header { source: BindError::Missing { format, missing, .. }, .. }
                    if *format == cur2::columns::TITLE =>
                {
                    format!(
                        "select {} in the export's query, and import what AWS delivers then",
                        missing.join(", ")
                    )
                }
                ReadError::Header { .. } | ReadError::Shape { .. } => {
                    "point at a folder or file of a Cost and Usage Report, a Data Export, a Detailed \
                     Billing Report or a FOCUS dataset"
                        .to_owned()
                }
                ReadError::Period { .. } => {
                    "keep files of different months in folders of their own".to_owned()
                }
                _ => return None,
            },
            Self::Interrupted => "run the command again; the lake is as before".to_owned(),
            Self::Restless { .. } => "try again when AWS has finished delivering".to_owned(),
            Self::CostExplorer { is_hourly, source, .. } => explorer_fix(*is_hourly, source)?,
            Self::Budget { .. } => "run the command again tomorrow (UTC): it goes on where it \
                 stopped; or allow more with --request-budget, for 0.01 USD each"
                .to_owned(),
            Self::Registry(error) => return error.fix(),
            Self::Bucket { source, .. } if source.status == 403 => {
                "allow the action to these credentials, or take another bucket: names are shared \
                 with everybody, so this one may be somebody else's"
                    .to_owned()
            }
            Self::Disagree(_) => "try again later: AWS may be restating these costs".to_owned(),
            _ => return None,
        })
    }

    /// Can trying again help?
    #[must_use]
    pub fn retry(&self) -> bool {
        matches!(
            self,
            Self::Store { .. }
                | Self::Restless { .. }
                | Self::Disagree(_)
                | Self::CostExplorer { source: CallError { trouble: Trouble::Passing, .. }, .. }
                | Self::Lake(LakeError::Contended { .. } | LakeError::Store { .. })
        )
    }
}

/// An error and its causes in one line, without saying anything twice.
#[must_use]
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    // A table has a hundred columns; to list them all hides what is said.
    let mut text = match text.split_once("\nValid fields are ") {
        Some((said, _)) => {
            format!("{said} DESCRIBE TABLE, or \\d TABLE at the prompt, lists them.")
        }
        None => text,
    };
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        let cause_text = cause_text.lines().next().unwrap_or_default();
        if !cause_text.is_empty() && !text.contains(cause_text) {
            text.push_str(": ");
            text.push_str(cause_text);
        }
        source = cause.source();
    }
    text
}

/// Is it for lack of room that something could not be written?
fn is_disk_full(error: &EngineError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            );
        }
        cause = error.source();
    }
    false
}

impl From<ReadError> for EngineError {
    fn from(error: ReadError) -> Self {
        // What the taker of the batches says is no fault of the file.
        if let ReadError::Sink { file, source } = error {
            return match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => match source.downcast::<LakeError>() {
                    Ok(lake) => Self::Lake(*lake),
                    Err(source) => Self::Read(Box::new(ReadError::Sink { file, source })),
                },
            };
        }
        Self::Read(Box::new(error))
    }
}
