//! Has AWS deliver a new report: the only writes to AWS, and only when somebody has confirmed what
//! exactly is written.

use std::fmt::Write as _;

use axum::http::StatusCode;
use billhook_engine::EngineError;
use billhook_engine::connections as opening;
use billhook_engine::create_report::{Creator, Plan, Wanted};
use billhook_engine::error::causes;
use billhook_registry::Access;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::Kept;
use super::looking::access;
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;

/// What would be written to AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReportPlan {
    /// Names exactly these writes: whoever confirms them sends it back.
    pub(crate) plan: String,
    /// Who writes, as an ARN.
    pub(crate) caller: String,
    /// The account whose costs are delivered.
    pub(crate) account: String,
    /// Where the files will be.
    pub(crate) location: String,
    /// What is there already as it is wanted.
    pub(crate) kept: Vec<String>,
    /// The writes, in order.
    pub(crate) steps: Vec<ReportStep>,
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReportStep {
    /// What it does, with the action of AWS.
    pub(crate) title: String,
    /// What exactly is written.
    pub(crate) details: Vec<String>,
}

/// The confirmation of a plan.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmed {
    /// The plan that was seen.
    pub(crate) plan: String,
}

impl ReportPlan {
    fn of(plan: &Plan) -> Self {
        let step = |step: &billhook_engine::create_report::Step| ReportStep {
            title: step.to_string(),
            details: step.details(),
        };
        let steps: Vec<ReportStep> = plan.steps.iter().map(step).collect();
        let mut text = format!("{} {}", plan.account, plan.location);
        for step in &steps {
            // Writing to a text does not fail.
            write!(text, "\n{}\n{}", step.title, step.details.join("\n")).ok();
        }
        let digest = Sha256::digest(text.as_bytes());
        Self {
            plan: hex::encode(digest),
            caller: plan.caller.clone(),
            account: plan.account.clone(),
            location: plan.location.clone(),
            kept: plan.kept.clone(),
            steps,
        }
    }
}

/// Looks at what is there, and says what is left to do. Nothing is written.
///
/// # Errors
/// When AWS does not tell, or what is there is in the way.
pub(crate) async fn plan(app: &App, kept: &Kept) -> Result<ReportPlan, Fail> {
    let (access, wanted) = (access(app, kept).await?, wanted(kept)?);
    let planned = planned(&access, &wanted).await?;
    Ok(ReportPlan::of(&planned))
}

/// Does what was planned, if it is still what was confirmed. Gives the number of writes.
///
/// # Errors
/// When AWS refuses a write, or what is to be written has changed.
pub(crate) async fn carry_out(
    app: &App,
    ask: &Ask,
    kept: &Kept,
    confirmed: &str,
) -> Result<usize, Fail> {
    let (access, wanted) = (access(app, kept).await?, wanted(kept)?);
    let planned = planned(&access, &wanted).await?;
    let seen = ReportPlan::of(&planned);
    if seen.plan != confirmed {
        let why = "what is there in AWS is not what it was when you looked";
        return Err(Fail::conflict(why, "Look at the changes again, and confirm them."));
    }
    let session = opening::session(&access).await?.ok_or_else(nobody)?;
    let creator = Creator::new(&session, &wanted, access.endpoint.as_deref())?;
    let mut done = Vec::new();
    let outcome = creator.carry_out(&planned, |step| done.push(step.to_string())).await;
    if !done.is_empty() {
        let after = json!({ "account": planned.account, "done": done });
        app.note(ask, "report.created", &planned.location, None, Some(after)).await?;
    }
    match outcome {
        Ok(()) => Ok(done.len()),
        Err(unfinished) => {
            let left: Vec<String> =
                planned.steps.iter().skip(unfinished.done).map(ToString::to_string).collect();
            let title = "AWS refused a change";
            let why = format!("{}. Not done: {}", causes(&*unfinished.error), left.join("; "));
            let fix = unfinished.error.fix().unwrap_or_default();
            let fix = format!("{fix} What is done is left as it is when you try again.");
            Err(Fail::new(StatusCode::BAD_GATEWAY, title, why, fix.trim()))
        }
    }
}

async fn planned(access: &Access, wanted: &Wanted) -> Result<Plan, EngineError> {
    let session = opening::session(access).await?.ok_or_else(nobody)?;
    Creator::new(&session, wanted, access.endpoint.as_deref())?.plan().await
}

fn wanted(kept: &Kept) -> Result<Wanted, Fail> {
    if kept.answers.makes_report() {
        Ok(kept.answers.wanted())
    } else {
        Err(Fail::bad("this draft reads a report that there is already"))
    }
}

fn nobody() -> EngineError {
    EngineError::Usage("nobody may do this: give credentials first".to_owned())
}
