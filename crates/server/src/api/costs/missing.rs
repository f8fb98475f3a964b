//! What a view leaves out, and what there would be without one of its conditions.

use billhook_engine::EngineError;
use billhook_engine::period::DayRange;
use billhook_engine::report::{Granularity, Report, quarantined_in, report_in};
use billhook_lake::session::LakeSession;
use chrono::NaiveDate;

use crate::api::Amount;
use crate::api::costs::{Costs, NotInView, Without, chosen, months};
use crate::fail::Fail;
use crate::format;
use crate::view::{How, View};

/// What the figures leave out: other currencies, what another connection covers, what FOCUS folds
/// away, and what could not be read.
pub(super) async fn left_out(
    session: &LakeSession,
    view: &View,
    report: &Report,
    costs: &Costs,
) -> Result<Vec<NotInView>, Fail> {
    let mut found = Vec::new();
    for other in costs.currencies.iter().filter(|other| other.currency != costs.currency) {
        let there = View { currency: Some(other.currency.clone()), ..view.first_page() };
        found.push(NotInView {
            what: format!("Costs in {}, which are never converted", other.currency),
            count: other.rows,
            amount: Some(other.total),
            currency: other.currency.clone(),
            href: there.url("/costs"),
        });
    }
    for left in &report.left_out {
        found.push(NotInView {
            what: format!(
                "{} of {}: another connection covers the same bill",
                format::month(&left.billing_period),
                left.connection
            ),
            count: left.rows,
            amount: Some(Amount(left.amount)),
            currency: left.currency.clone(),
            href: "/settings/authority".to_owned(),
        });
    }
    for excluded in &report.excluded {
        let mut there = view.with(How::Is, "x_FocusExclusion", &excluded.reason);
        there.scope = billhook_engine::report::Scope::All;
        there.currency = Some(excluded.currency.clone());
        found.push(NotInView {
            what: format!("Folded away by FOCUS ({}), x_UnblendedCost", excluded.reason),
            count: excluded.rows,
            amount: Some(Amount(excluded.unblended_cost)),
            currency: excluded.currency.clone(),
            href: there.url("/costs"),
        });
    }
    let (first, last) = months(report.range);
    for set_aside in quarantined_in(session).await? {
        if set_aside.period < first || set_aside.period > last {
            continue;
        }
        let (connection, month) = (&set_aside.connection, &set_aside.period);
        found.push(NotInView {
            what: format!(
                "Records of {connection}, {}, that cannot be read (in quarantine)",
                format::month(month)
            ),
            count: set_aside.records,
            amount: None,
            currency: String::new(),
            href: format!("/costs/quarantine?connection={connection}&period={month}"),
        });
    }
    Ok(found)
}

/// What there is without each of the conditions, where that is anything.
pub(super) async fn without(
    session: &LakeSession,
    view: &View,
    range: DayRange,
    today: NaiveDate,
) -> Result<Vec<Without>, Fail> {
    let mut found = Vec::new();
    for filter in &view.filters {
        let there = view.without(filter);
        let mut request = there.request(range, today);
        request.by = Vec::new();
        request.granularity = Granularity::Total;
        request.compare = None;
        let report = match Box::pin(report_in(session, &request)).await {
            Ok(report) => report,
            Err(EngineError::Nothing(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let Some(section) = chosen(&report, &there) else { continue };
        found.push(Without {
            condition: filter.label(),
            lines: section.total.now.rows,
            amount: Amount(section.total.now.total),
            currency: section.currency.clone(),
            href: there.url("/costs"),
        });
    }
    Ok(found)
}
