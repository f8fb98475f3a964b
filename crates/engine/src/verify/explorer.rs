//! Cost Explorer: is it turned on, for days and hours, and may it be asked?

use billhook_aws::call::{CallError, Trouble};
use billhook_aws::cost_explorer::{CostExplorer, Granularity, Question};
use billhook_aws::session::Session;
use chrono::{Days, Utc};

use super::{Check, Finding, Heard, Subject, identity, statements};

pub(super) const TITLE: &str = "Cost Explorer";
pub(super) const HOURS: &str = "hours of Cost Explorer";

/// What both requests cost, at 0.01 USD each.
const COST: &str = "it cost 0.02 USD";

/// Asks for yesterday, and for an hour of it: AWS charges 0.01 USD for each.
pub(super) async fn check(subject: &Subject<'_>, session: &Session, checks: &mut Heard<'_>) {
    if !subject.may_pay {
        let why = "not asked: it would take two requests of 0.01 USD each (--paid)";
        checks.push(Check::skipped(TITLE, why));
        return;
    }
    let today = Utc::now().date_naive();
    let yesterday = today - Days::new(1);
    let explorer = CostExplorer::new(session);
    let day = question(yesterday.to_string(), today.to_string(), Granularity::Daily);
    if let Err(error) = explorer.page(&day, None).await {
        checks.push(refused(subject, &error));
        return;
    }
    let days = format!("answers for {yesterday}; {COST}, with the hours");
    checks.push(Check::passed(TITLE, days));
    let (start, end) = (format!("{yesterday}T00:00:00Z"), format!("{yesterday}T01:00:00Z"));
    let hour = question(start, end, Granularity::Hourly);
    let hours = explorer.page(&hour, None).await;
    checks.push(match hours {
        Ok(_) => Check::passed(HOURS, "are turned on; AWS keeps 14 days of them"),
        Err(error) if matches!(error.trouble, Trouble::Passing | Trouble::Stale) => {
            Check::skipped(HOURS, format!("cannot be told: {error}"))
        }
        Err(error) => {
            let fix = "nothing, if days are enough. Else turn on hourly granularity in the \
                       preferences of Cost Explorer in the payer account";
            Check::found(HOURS, vec![Finding::new("ce-hourly-off", error.to_string(), fix)])
        }
    });
}

fn question(start: String, end: String, granularity: Granularity) -> Question {
    Question { start, end, granularity, group_by: Vec::new(), record_type: None }
}

/// Why there is no answer.
fn refused(subject: &Subject<'_>, error: &CallError) -> Check {
    let seen = error.to_string();
    let finding = match error.trouble {
        Trouble::Denied if seen.contains("not enabled") => not_enabled(seen),
        Trouble::Denied => Finding::new(
            "ce-denied",
            seen,
            format!("the permissions that are needed:\n{}", statements(subject, None)),
        ),
        Trouble::Unavailable => not_enabled(seen),
        _ => identity::refused(error),
    };
    Check::found(TITLE, vec![finding])
}

fn not_enabled(seen: String) -> Finding {
    let fix = "open Cost Explorer once in the console of the payer account, which enables it; its \
               first data come within 24 hours";
    Finding::new("ce-not-enabled", seen, fix)
}
