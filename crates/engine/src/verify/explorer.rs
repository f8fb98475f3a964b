//! Cost Explorer: is it turned on, and may it be asked?

use billhook_aws::call::Trouble;
use billhook_aws::cost_explorer::{CostExplorer, Granularity, Question};
use billhook_aws::session::Session;
use chrono::{Days, Utc};

use super::{Check, Finding, Subject, identity, statements};

const TITLE: &str = "Cost Explorer";

/// Asks for yesterday, which AWS charges 0.01 USD for.
pub(super) async fn check(subject: &Subject<'_>, session: &Session) -> Check {
    if !subject.may_pay {
        return Check::skipped(TITLE, "not asked: it would cost 0.01 USD (--paid)");
    }
    let today = Utc::now().date_naive();
    let yesterday = today - Days::new(1);
    let question = Question {
        start: yesterday.to_string(),
        end: today.to_string(),
        granularity: Granularity::Daily,
        group_by: Vec::new(),
        record_type: None,
    };
    let Err(error) = CostExplorer::new(session).page(&question, None).await else {
        return Check::passed(TITLE, format!("answers for {yesterday}; it cost 0.01 USD"));
    };
    let seen = error.to_string();
    let finding = match error.trouble {
        Trouble::Denied if seen.contains("not enabled") => not_enabled(seen),
        Trouble::Denied => Finding::new(
            "ce-denied",
            seen,
            format!("the permissions that are needed:\n{}", statements(subject)),
        ),
        Trouble::Unavailable => not_enabled(seen),
        Trouble::Passing => Finding::new("throttled", seen, "try again in a few minutes"),
        _ => identity::refused(&error),
    };
    Check::found(TITLE, vec![finding])
}

fn not_enabled(seen: String) -> Finding {
    let fix = "open Cost Explorer once in the console of the payer account, which enables it; its \
               first data come within 24 hours";
    Finding::new("ce-not-enabled", seen, fix)
}
