//! A check: looks at everything that a saved connection needs, and writes down how it is.
//!
//! Unlike a run it loads nothing, so it needs no lease. It is written down among the runs, with
//! everything that was looked at, but does not put off the next run.

use billhook_registry::{Connection, Health, HealthRecord, Outcome, RunId};
use serde_json::{Value, json};

use super::Runner;
use crate::verify::{self, Check, Finding, Severity, Subject, Verdict};
use crate::{EngineError, access, directory, import};

/// What only loading can tell: a look at everything does not take it back.
const REFUSED: &str = "delivery-refused";

/// What ails a connection although everything works.
const LATE: &str = "delivery-late";

/// What came of a check.
#[derive(Debug)]
pub struct Checked {
    /// Its number among the runs of the connection.
    pub run: RunId,
    /// Everything that was looked at.
    pub verdict: Verdict,
    /// How the connection is now; `None` when the check does not tell.
    pub health: Option<Health>,
    /// Has the health, or the reasons for it, changed?
    pub is_news: bool,
}

impl Runner {
    /// Looks at everything that a connection needs, and writes down how it is. `trigger` says who
    /// wants it; `may_pay`, whether requests may be made that AWS charges for; `hear` is told of
    /// each part of it, in their order, before the next one begins.
    ///
    /// # Errors
    /// When the control database fails, or the connection is gone. What is wrong with the
    /// connection itself is what the check tells.
    pub async fn check(
        &self,
        connection: &Connection,
        trigger: &str,
        may_pay: bool,
        hear: &mut (dyn FnMut(&Check) + Send),
    ) -> Result<Checked, EngineError> {
        let began = (self.now)();
        let access = self.registry.access(&connection.id)?;
        let regions = directory::regions(&connection.settings);
        let subject = Subject {
            kind: access::kind(&connection.kind)?,
            location: connection.location.as_deref(),
            access: &access,
            s3: self.s3.clone(),
            may_pay,
        };
        let verdict = verify::verify_heard(&subject, &regions, hear).await?;
        let before = self.registry.health(&connection.id)?;
        let has_costs = import::accounts(&self.home, connection.name.as_str())
            .await
            .is_ok_and(|accounts| !accounts.is_empty());
        let found: Vec<Finding> = verdict.findings().cloned().collect();
        let judged = judge(&found, before.as_ref(), has_costs);
        let outcome = match verdict.health {
            Health::Broken => Outcome::Failed,
            Health::Waiting => Outcome::Waiting,
            _ => Outcome::Ok,
        };
        let summary = json!({ "check": true, "looked": true, "checks": verdict.checks });
        let (now, findings) = ((self.now)(), json!(found));
        let run = self.registry.start_run(&connection.id, trigger, began)?;
        self.registry.finish_run(run, now, outcome, &summary, &findings)?;
        let (mut health, mut is_news) = (None, false);
        if let Some((word, reasons)) = judged {
            is_news = self.registry.set_health(&connection.id, word, &json!(reasons), now)?;
            health = Some(word);
        }
        Ok(Checked { run, verdict, health, is_news })
    }
}

/// How a connection is after a check, and why; `None` when it is as it was before.
fn judge(
    found: &[Finding],
    before: Option<&HealthRecord>,
    has_costs: bool,
) -> Option<(Health, Vec<Value>)> {
    let of = |severity: Severity| found.iter().filter(move |finding| finding.severity == severity);
    let told = |finding: &Finding| json!(finding);
    let errors: Vec<&Finding> = of(Severity::Error).collect();
    let was = before.map(|record| record.health);
    if !errors.is_empty() {
        // Without a network nothing was seen of the connection itself.
        let is_unreachable = errors.iter().all(|finding| finding.code == "aws-unreachable");
        let was_usable = matches!(was, Some(Health::Healthy | Health::Waiting | Health::Degraded));
        let health = if is_unreachable && was_usable { Health::Degraded } else { Health::Broken };
        return Some((health, errors.into_iter().map(told).collect()));
    }
    let refused = refused(before);
    if let Some(was) = was.filter(|_| !refused.is_empty()) {
        return Some((was, refused));
    }
    let waiting: Vec<&Finding> = of(Severity::Waiting).collect();
    let ailing: Vec<&Finding> = if has_costs {
        // What has delivered before is not new: that nothing is there any more is a loss.
        let is_lost = |finding: &&&Finding| finding.code == "nothing-there";
        let late = found.iter().filter(|finding| finding.code == LATE);
        waiting.iter().filter(is_lost).copied().chain(late).collect()
    } else {
        Vec::new()
    };
    if !ailing.is_empty() {
        return Some((Health::Degraded, ailing.into_iter().map(told).collect()));
    }
    if waiting.iter().any(|finding| finding.code == "throttled") && before.is_some() {
        return None;
    }
    if !waiting.is_empty() && !has_costs {
        return Some((Health::Waiting, waiting.into_iter().map(told).collect()));
    }
    Some((Health::Healthy, Vec::new()))
}

/// Deliveries that were refused and have not been loaded since.
fn refused(before: Option<&HealthRecord>) -> Vec<Value> {
    let findings = before.and_then(|record| record.findings.as_array());
    let findings = findings.into_iter().flatten();
    findings.filter(|finding| finding["code"].as_str() == Some(REFUSED)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &'static str) -> Finding {
        Finding::new(code, "seen", "fix")
    }

    fn record(health: Health, codes: &[&str]) -> HealthRecord {
        let findings: Vec<Value> = codes.iter().map(|code| json!({ "code": code })).collect();
        HealthRecord { health, findings: json!(findings), since: 0, checked_at: 0 }
    }

    fn told(judged: Option<(Health, Vec<Value>)>) -> Option<(Health, Vec<String>)> {
        let (health, reasons) = judged?;
        let code = |reason: Value| reason["code"].as_str().unwrap_or_default().to_owned();
        Some((health, reasons.into_iter().map(code).collect()))
    }

    #[test]
    fn what_does_not_work_is_broken_and_what_was_mended_is_well() {
        let broken = record(Health::Broken, &["kms-denied"]);
        let judged = judge(&[found("kms-denied"), found("zip-compression")], Some(&broken), true);
        assert_eq!(told(judged), Some((Health::Broken, vec!["kms-denied".to_owned()])));
        assert_eq!(told(judge(&[], Some(&broken), true)), Some((Health::Healthy, Vec::new())));
        // A warning alone leaves it well.
        let warned = judge(&[found("no-refresh")], Some(&broken), true);
        assert_eq!(told(warned), Some((Health::Healthy, Vec::new())));
    }

    #[test]
    fn what_was_refused_stays_so_until_it_is_loaded() {
        let degraded = record(Health::Degraded, &["delivery-refused"]);
        let judged = judge(&[], Some(&degraded), true);
        assert_eq!(told(judged), Some((Health::Degraded, vec!["delivery-refused".to_owned()])));
    }

    #[test]
    fn what_has_not_delivered_yet_is_waited_for() {
        let judged = judge(&[found("nothing-there")], None, false);
        assert_eq!(told(judged), Some((Health::Waiting, vec!["nothing-there".to_owned()])));
        let judged = judge(&[found("nothing-there")], None, true);
        assert_eq!(told(judged), Some((Health::Degraded, vec!["nothing-there".to_owned()])));
        let judged = judge(&[found("delivery-waiting")], None, true);
        assert_eq!(told(judged), Some((Health::Healthy, Vec::new())));
        let well = record(Health::Healthy, &[]);
        assert_eq!(told(judge(&[found("throttled")], Some(&well), true)), None);
    }

    #[test]
    fn without_a_network_one_that_worked_is_given_time() {
        for (was, health) in [(Health::Healthy, Health::Degraded), (Health::Broken, Health::Broken)]
        {
            let judged = judge(&[found("aws-unreachable")], Some(&record(was, &[])), true);
            assert_eq!(told(judged), Some((health, vec!["aws-unreachable".to_owned()])));
        }
    }
}
