//! Adding a connection, step by step: what the dialogue of `billhook connect` and the wizard of the
//! pages share.
//!
//! [`place`] reads and names what people type, [`look`] finds what there is to connect, [`allow`]
//! says in words what a set-up allows, [`estimate`] what Cost Explorer will charge. Nothing here
//! writes to AWS: [`crate::create_report`] does.

pub mod allow;
pub mod estimate;
pub mod look;
pub mod place;

use std::time::Duration;

use billhook_aws::session::Identity;
use billhook_registry::{Access, Schedule};
use billhook_sources::access::KindAccess;

use crate::connections;
use crate::sync::due;
use crate::{EngineError, verify};

/// Name of the role that set-ups make.
pub const ROLE_NAME: &str = "billhook";

/// How long to look for credentials of this machine. Where there are none, AWS's tools ask the
/// network for them.
const PATIENCE: Duration = Duration::from_secs(5);

/// When a connection is looked at unless somebody says otherwise: seldom where looking costs.
#[must_use]
pub fn usual_schedule(kind: &KindAccess) -> Schedule {
    if kind.reads_bucket {
        Schedule::default()
    } else {
        Schedule::Daily { hour: 6, time_zone: "UTC".to_owned() }
    }
}

/// Reads a schedule, whose time zone there must be.
///
/// # Errors
/// [`EngineError`] when it is no schedule.
pub fn schedule(text: &str) -> Result<Schedule, EngineError> {
    let schedule: Schedule = text.parse()?;
    due::check(&schedule)?;
    Ok(schedule)
}

/// Who these credentials belong to, when AWS says so within a few seconds.
pub async fn who(access: &Access) -> Option<Identity> {
    let asked = async {
        let session = connections::session(access).await.ok()??;
        session.identity().await.ok()
    };
    tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
}

/// Who a role has to trust, so that somebody of this ARN can assume it.
#[must_use]
pub fn trusted(identity: &Identity) -> String {
    verify::principal(&identity.arn)
}

/// What an error says of an option, without the dashes that only a command line has.
#[must_use]
pub fn words(error: &EngineError) -> String {
    crate::error::causes(error).trim_start_matches("--").to_owned()
}
