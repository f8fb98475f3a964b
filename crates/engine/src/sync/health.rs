//! What a run says about the health of its connection, given what went before.

use billhook_registry::{Health, Outcome};

use super::{Loaded, trouble};
use crate::EngineError;
use crate::error::causes;
use crate::import::{Fate, Imported, Newest, exit_code};
use crate::verify::{self, Finding, Severity};

/// So many failed runs in a row are one too many, even for a trouble that passes.
const PATIENCE: usize = 3;

/// What went before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Past {
    /// How the connection was.
    pub(super) health: Option<Health>,
    /// So many runs in a row have failed for a trouble that may pass.
    pub(super) passing: usize,
    /// Has it ever loaded anything?
    pub(super) has_costs: bool,
}

/// What a run comes to.
#[derive(Debug)]
pub(super) struct Judgement {
    /// Exit code by the command-line contract.
    pub(super) code: u8,
    /// How the run ended.
    pub(super) outcome: Outcome,
    /// How the connection is; `None` when the run does not tell.
    pub(super) health: Option<Health>,
    /// Why.
    pub(super) findings: Vec<Finding>,
    /// Did it fail for a trouble that may pass?
    pub(super) is_passing: bool,
    /// Can a look at everything tell more of why it failed?
    pub(super) wants_look: bool,
}

impl Judgement {
    fn new(outcome: Outcome, health: Option<Health>, findings: Vec<Finding>) -> Self {
        Self { code: 0, outcome, health, findings, is_passing: false, wants_look: false }
    }

    /// Takes what a look at everything found not to work as the reason.
    pub(super) fn explain(&mut self, errors: Vec<Finding>, past: &Past) {
        if errors.is_empty() {
            return;
        }
        // A role that cannot be assumed for want of a network looks like a refusal until then.
        let is_unreachable = errors.iter().all(|finding| finding.code == "aws-unreachable");
        self.health = match (self.outcome, is_unreachable) {
            // It worked a moment ago.
            (Outcome::Ok | Outcome::Waiting, true) => return,
            (_, true) => Some(past.after_passing()),
            (_, false) => Some(Health::Broken),
        };
        self.is_passing = is_unreachable;
        self.findings = errors;
    }
}

/// What a run comes to.
pub(super) fn judge(loaded: &Result<Loaded, EngineError>, past: &Past) -> Judgement {
    match loaded {
        Ok(loaded) => judge_deliveries(&loaded.imported, past),
        Err(EngineError::Interrupted) => stopped(),
        Err(EngineError::Absent(seen)) => nothing_there(seen.clone(), past),
        Err(error) => {
            let is_passing = trouble::is_passing(error);
            let wants_look = !is_passing && trouble::is_about_place(error);
            let health = if is_passing { past.after_passing() } else { Health::Broken };
            let finding = failed("sync-failed", causes(error), error);
            let judged = Judgement::new(Outcome::Failed, Some(health), vec![finding]);
            Judgement { code: error.exit_code(), is_passing, wants_look, ..judged }
        }
    }
}

/// Is the newest delivery late? Old files of this machine are an archive, unless they are those of
/// the current month.
pub(super) fn late(newest: &Newest, is_remote: bool, now: i64) -> Option<Finding> {
    let is_current = newest.period >= billhook_sources::table::month_of(now);
    let is_meant = is_remote || is_current;
    is_meant.then(|| verify::late(&newest.period, newest.written_at, now)).flatten()
}

impl Past {
    /// How the connection is after one more failure that may pass: one that worked is given time.
    fn after_passing(&self) -> Health {
        match self.health {
            Some(Health::Healthy | Health::Waiting | Health::Degraded)
                if self.passing + 1 < PATIENCE =>
            {
                Health::Degraded
            }
            _ => Health::Broken,
        }
    }
}

fn judge_deliveries(imported: &[Imported], past: &Past) -> Judgement {
    if imported.is_empty() {
        let seen = "there are files, but none belongs to a delivery of this kind".to_owned();
        return nothing_there(seen, past);
    }
    let errors: Vec<(&Imported, &EngineError)> = imported
        .iter()
        .filter_map(|one| match &one.fate {
            Fate::Failed(error) => Some((one, error)),
            _ => None,
        })
        .collect();
    if errors.iter().any(|(_, error)| matches!(error, EngineError::Interrupted)) {
        return stopped();
    }
    if !errors.is_empty() {
        return refused(imported, &errors, past);
    }
    let waiting: Vec<Finding> = imported.iter().filter_map(waits).collect();
    if waiting.len() == imported.len() {
        return Judgement::new(Outcome::Waiting, Some(Health::Waiting), waiting);
    }
    Judgement::new(Outcome::Ok, Some(Health::Healthy), Vec::new())
}

/// Some deliveries were not loaded.
fn refused(imported: &[Imported], errors: &[(&Imported, &EngineError)], past: &Past) -> Judgement {
    let is_passing = errors.iter().all(|(_, error)| trouble::is_passing(error));
    let is_refusal = errors.iter().any(|(_, error)| trouble::is_refusal(error));
    let health = match (errors.len() == imported.len(), is_passing) {
        _ if is_refusal => Health::Broken,
        (false, _) => Health::Degraded,
        (true, true) => past.after_passing(),
        (true, false) => Health::Broken,
    };
    let findings = errors.iter().map(|(one, error)| {
        let seen = format!("{}: {}", one.period, causes(*error));
        failed("delivery-refused", seen, error)
    });
    let judged = Judgement::new(Outcome::Failed, Some(health), findings.collect());
    Judgement { code: exit_code(imported), is_passing, wants_look: is_refusal, ..judged }
}

fn failed(code: &'static str, seen: String, error: &EngineError) -> Finding {
    Finding {
        code,
        severity: Severity::Error,
        seen,
        expected: "deliveries that can be reached and read, and that add up".to_owned(),
        fix: error.fix().unwrap_or_default(),
    }
}

/// Cut short: that says nothing about the connection.
fn stopped() -> Judgement {
    let code = EngineError::Interrupted.exit_code();
    Judgement { code, ..Judgement::new(Outcome::Stopped, None, Vec::new()) }
}

/// Nothing to load: a new report has its first delivery within a day, an old one has lost them all.
fn nothing_there(seen: String, past: &Past) -> Judgement {
    let (health, severity) = if past.has_costs {
        (Health::Degraded, Severity::Warning)
    } else {
        (Health::Waiting, Severity::Waiting)
    };
    let finding = Finding {
        code: "nothing-there",
        severity,
        seen,
        expected: "files below the prefix".to_owned(),
        fix: "if the report is new, wait: AWS delivers within 24 hours. Else compare the prefix \
              with that of the report"
            .to_owned(),
    };
    Judgement::new(Outcome::Waiting, Some(health), vec![finding])
}

fn waits(one: &Imported) -> Option<Finding> {
    let Fate::Waiting(why) = &one.fate else { return None };
    Some(Finding {
        code: "delivery-waiting",
        severity: Severity::Waiting,
        seen: format!("{}: {why}", one.period),
        expected: "all files that the manifest names".to_owned(),
        fix: "nothing to do: AWS writes the manifest before all files are there".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day, microseconds.
    const DAY: i64 = 86_400_000_000;

    const WELL: Past = Past { health: Some(Health::Healthy), passing: 0, has_costs: true };
    const NEW: Past = Past { health: None, passing: 0, has_costs: false };

    fn one(period: &str, fate: Fate) -> Imported {
        Imported {
            connection: "acme".to_owned(),
            period: period.to_owned(),
            revision: "r".to_owned(),
            title: None,
            warnings: Vec::new(),
            fate,
        }
    }

    fn of(imported: Vec<Imported>, past: &Past) -> Judgement {
        judge(&Ok(Loaded { imported, newest: None, beside: None }), past)
    }

    fn store(text: &'static str) -> EngineError {
        let source = Box::new(std::io::Error::other(text));
        let source = object_store::Error::Generic { store: "S3", source };
        EngineError::Store { location: "s3://bills/cur".to_owned(), source }
    }

    fn denied() -> EngineError {
        store("Server returned non-2xx status code: 403 Forbidden: <Code>AccessDenied</Code>")
    }

    fn damaged() -> Fate {
        Fate::Failed(EngineError::Damaged("a.csv.gz: cut off".to_owned()))
    }

    fn codes(judged: &Judgement) -> Vec<&str> {
        judged.findings.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn what_is_loaded_or_unchanged_is_healthy() {
        let judged = of(vec![one("2026-08", Fate::Unchanged)], &NEW);
        assert_eq!((judged.health, judged.outcome), (Some(Health::Healthy), Outcome::Ok));
        let waiting = one("2026-09", Fate::Waiting("1 of 2 files".to_owned()));
        let judged = of(vec![one("2026-08", Fate::Unchanged), waiting], &NEW);
        assert_eq!(judged.health, Some(Health::Healthy));
    }

    #[test]
    fn what_aws_has_not_delivered_yet_is_waited_for() {
        let waiting = || one("2026-09", Fate::Waiting("1 of 2 files".to_owned()));
        let judged = of(vec![waiting()], &WELL);
        assert_eq!((judged.health, judged.code), (Some(Health::Waiting), 0));
        assert_eq!(codes(&judged), ["delivery-waiting"]);
        let empty = || Err(EngineError::Absent("s3://bills/cur: there is nothing here".to_owned()));
        for (past, health) in [(NEW, Health::Waiting), (WELL, Health::Degraded)] {
            for judged in [judge(&empty(), &past), of(Vec::new(), &past)] {
                assert_eq!((judged.health, judged.code), (Some(health), 0));
                assert_eq!(codes(&judged), ["nothing-there"]);
            }
        }
    }

    #[test]
    fn a_refused_delivery_breaks_only_when_there_is_no_other() {
        let judged = of(vec![one("2026-08", damaged())], &WELL);
        assert_eq!((judged.health, judged.code), (Some(Health::Broken), 4));
        let judged = of(vec![one("2026-08", damaged()), one("2026-07", Fate::Unchanged)], &WELL);
        assert_eq!((judged.health, judged.wants_look), (Some(Health::Degraded), false));
        assert!(judged.findings[0].seen.starts_with("2026-08: a.csv.gz"), "{judged:?}");
    }

    #[test]
    fn a_missing_permission_breaks_at_once() {
        let judged = judge(&Err(denied()), &WELL);
        assert_eq!((judged.health, judged.code), (Some(Health::Broken), 3));
        assert!(judged.wants_look && !judged.is_passing);
        let some = vec![one("2026-08", Fate::Failed(denied())), one("2026-07", Fate::Unchanged)];
        let judged = of(some, &WELL);
        assert_eq!((judged.health, judged.wants_look), (Some(Health::Broken), true));
    }

    #[test]
    fn what_passes_degrades_twice_and_breaks_the_third_time() {
        let passes = || Err(store("connection refused"));
        let past = |passing, health| Past { passing, health: Some(health), ..WELL };
        for (past, health) in [
            (past(0, Health::Healthy), Health::Degraded),
            (past(1, Health::Degraded), Health::Degraded),
            (past(2, Health::Degraded), Health::Broken),
            (past(0, Health::Broken), Health::Broken),
            (NEW, Health::Broken),
        ] {
            let judged = judge(&passes(), &past);
            assert_eq!(judged.health, Some(health), "{past:?}");
            assert!(judged.is_passing && !judged.wants_look);
            assert_eq!((judged.outcome, judged.code), (Outcome::Failed, 3));
        }
    }

    #[test]
    fn a_close_look_gives_the_reason() {
        let found = |code: &'static str| {
            let denied = denied();
            vec![failed(code, denied.to_string(), &denied)]
        };
        let mut judged = judge(&Err(denied()), &WELL);
        judged.explain(Vec::new(), &WELL);
        assert_eq!((judged.health, codes(&judged)), (Some(Health::Broken), vec!["sync-failed"]));
        judged.explain(found("list-denied"), &WELL);
        assert_eq!((judged.health, codes(&judged)), (Some(Health::Broken), vec!["list-denied"]));
        // There was no network to assume the role by.
        judged.explain(found("aws-unreachable"), &WELL);
        assert_eq!((judged.health, judged.is_passing), (Some(Health::Degraded), true));
        let mut judged = of(vec![one("2026-08", Fate::Unchanged)], &WELL);
        judged.explain(found("aws-unreachable"), &WELL);
        assert_eq!((judged.health, judged.is_passing), (Some(Health::Healthy), false));
        judged.explain(found("get-denied"), &WELL);
        assert_eq!(judged.health, Some(Health::Broken));
    }

    #[test]
    fn what_was_cut_short_tells_nothing() {
        let interrupted = || Fate::Failed(EngineError::Interrupted);
        for judged in [
            judge(&Err(EngineError::Interrupted), &WELL),
            of(vec![one("2026-08", Fate::Unchanged), one("2026-07", interrupted())], &WELL),
        ] {
            assert_eq!((judged.health, judged.outcome), (None, Outcome::Stopped));
        }
    }

    #[test]
    fn a_delivery_is_late_after_three_days_and_an_archive_never_is() {
        // 2026-09-21 14:13:20 UTC.
        let now = 1_790_000_000_000_000;
        let newest = |period: &str, days: i64| Newest {
            period: period.to_owned(),
            written_at: now - days * DAY - 1,
        };
        assert!(late(&newest("2026-09", 2), true, now).is_none());
        let found = late(&newest("2026-09", 4), true, now).unwrap();
        assert!(found.seen.contains("4 days"), "{}", found.seen);
        assert!(late(&newest("2026-08", 4), true, now).is_some());
        assert!(late(&newest("2026-09", 4), false, now).is_some());
        assert!(late(&newest("2026-08", 4), false, now).is_none());
    }
}
