//! What is told of a connection.

use billhook_engine::deliveries::Sums;
use billhook_registry::{Access, Base, Credentials, Run, Sealed};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::ConnectionRow;
use crate::api::findings::FindingAnswer;
use crate::api::{Amount, Instant};
use crate::jobs::JobView;

/// An amount and its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CurrencyAmount {
    /// Currency code.
    pub(crate) currency: String,
    /// The amount.
    pub(crate) amount: Amount,
}

impl CurrencyAmount {
    pub(super) fn all(sums: &Sums) -> Vec<Self> {
        let one = |(currency, units): (&String, &i128)| Self {
            currency: currency.clone(),
            amount: Amount(*units),
        };
        sums.iter().map(one).collect()
    }

    /// As pages show it.
    pub(crate) fn shown(&self) -> String {
        self.amount.shown(&self.currency)
    }

    /// All digits.
    pub(crate) fn exact(&self) -> String {
        self.amount.exact()
    }
}

/// Everything about a connection.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ConnectionAnswer {
    /// What the list tells of it.
    pub(crate) connection: ConnectionRow,
    /// When it was added.
    pub(crate) created_at: Instant,
    /// Since when it is paused.
    pub(crate) paused_since: Option<Instant>,
    /// Who Billhook is towards AWS. No secret is in it.
    pub(crate) access: AccessAnswer,
    /// Everything that was looked at last.
    pub(crate) last_check: Option<CheckAnswer>,
    /// How it has been, the newest first.
    pub(crate) health_history: Vec<HealthAnswer>,
    /// Its months, the newest first.
    pub(crate) months: Vec<MonthAnswer>,
    /// How many deliveries were loaded.
    pub(crate) deliveries: usize,
    /// What its reports can tell.
    pub(crate) abilities: Vec<AbilityAnswer>,
    /// Requests to Cost Explorer that all connections have made today (UTC), for those that ask it.
    pub(crate) requests_today: Option<u64>,
    /// How many of them a day may have.
    pub(crate) requests_limit: Option<u64>,
    /// What is at work on it in this process.
    pub(crate) work: Option<JobView>,
}

/// Who Billhook is towards AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AccessAnswer {
    /// `access_key`, `role`, `profile`, `ambient` or `anonymous`.
    pub(crate) way: &'static str,
    /// Last characters of the key's id.
    pub(crate) key_ends: Option<String>,
    /// ARN of the role.
    pub(crate) role_arn: Option<String>,
    /// What the role's trust policy asks for. Not a secret.
    pub(crate) external_id: Option<String>,
    /// Profile of AWS's configuration files.
    pub(crate) profile: Option<String>,
    /// Region.
    pub(crate) region: Option<String>,
    /// Endpoint other than AWS's own.
    pub(crate) endpoint: Option<String>,
    /// When it was last set, as far as the audit log tells.
    pub(crate) set_at: Option<Instant>,
    /// By whom.
    pub(crate) set_by: Option<String>,
}

impl AccessAnswer {
    pub(super) fn of(access: &Access<Sealed>) -> Self {
        let mut answer = Self {
            way: "ambient",
            key_ends: None,
            role_arn: None,
            external_id: None,
            profile: None,
            region: access.region.clone(),
            endpoint: access.endpoint.clone(),
            set_at: None,
            set_by: None,
        };
        match &access.credentials {
            Credentials::AccessKey(key) => {
                (answer.way, answer.key_ends) = ("access_key", Some(end_of(&key.key_id)));
            }
            Credentials::Role(role) => {
                answer.way = "role";
                answer.role_arn = Some(role.arn.clone());
                answer.external_id = Some(role.external_id.clone());
                match &role.base {
                    Base::AccessKey(key) => answer.key_ends = Some(end_of(&key.key_id)),
                    Base::Profile { name } => answer.profile = Some(name.clone()),
                    Base::Ambient => {}
                }
            }
            Credentials::Profile { name } => {
                (answer.way, answer.profile) = ("profile", Some(name.clone()));
            }
            Credentials::Ambient => {}
            Credentials::Anonymous => answer.way = "anonymous",
        }
        answer
    }

    /// The way in words.
    pub(crate) fn words(&self) -> String {
        let key = self.key_ends.as_ref().map(|end| format!("access key that ends in {end}"));
        let profile = self.profile.as_ref().map(|name| format!("profile {name} of the server"));
        let ambient = || "what the server already has".to_owned();
        let base = key.or(profile).unwrap_or_else(ambient);
        match self.way {
            "role" => {
                format!("role {}, by {base}", self.role_arn.as_deref().unwrap_or_default())
            }
            "anonymous" => "nobody: requests are not signed".to_owned(),
            _ => base,
        }
    }
}

/// The last characters of an id, enough to tell keys apart.
fn end_of(id: &str) -> String {
    let skipped = id.chars().count().saturating_sub(4);
    format!("…{}", id.chars().skip(skipped).collect::<String>())
}

/// A check that was made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CheckAnswer {
    /// Its number among the runs.
    pub(crate) run: i64,
    /// When it was made.
    pub(crate) at: Instant,
    /// Who wanted it.
    pub(crate) by: String,
    /// How long it took, microseconds.
    pub(crate) took_micros: i64,
    /// Everything that was looked at, in order.
    pub(crate) checks: Vec<CheckLine>,
}

/// Something that was looked at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CheckLine {
    /// What was looked at.
    pub(crate) title: String,
    /// What was found out when it is well, or why it was not looked at.
    pub(crate) seen: String,
    /// Was it left out, for want of something before it?
    pub(crate) is_skipped: bool,
    /// What is not well.
    pub(crate) findings: Vec<FindingAnswer>,
}

impl CheckLine {
    /// How it is: a state of pages.
    pub(crate) fn mark(&self) -> &'static str {
        let has = |mark| self.findings.iter().any(|finding| finding.mark() == mark);
        if self.is_skipped {
            return "paused";
        }
        let marks = ["broken", "waiting", "degraded"];
        marks.into_iter().find(|mark| has(*mark)).unwrap_or("healthy")
    }

    /// The same in a word.
    pub(crate) fn word(&self) -> &'static str {
        match self.mark() {
            "paused" => "not run",
            "broken" => "error",
            "waiting" => "waiting",
            "degraded" => "warning",
            _ => "passed",
        }
    }
}

impl CheckAnswer {
    /// The check that a run was; `None` when it was none.
    pub(crate) fn of(run: &Run) -> Option<Self> {
        let checks = run.summary.get("checks")?.as_array()?;
        let line = |check: &Value| {
            let text =
                |key: &str| check.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            CheckLine {
                title: text("title"),
                seen: text("seen"),
                is_skipped: check.get("is_skipped").and_then(Value::as_bool).unwrap_or_default(),
                findings: check.get("findings").map(FindingAnswer::all).unwrap_or_default(),
            }
        };
        let finished_at = run.finished_at.unwrap_or(run.started_at);
        Some(Self {
            run: run.id.number(),
            at: Instant(finished_at),
            by: run.trigger.clone(),
            took_micros: finished_at.saturating_sub(run.started_at),
            checks: checks.iter().map(line).collect(),
        })
    }

    /// `31 checks: 30 passed, 1 warning`.
    pub(crate) fn summary(&self) -> String {
        let mut parts = Vec::new();
        for (word, one, many) in [
            ("passed", "passed", "passed"),
            ("error", "error", "errors"),
            ("warning", "warning", "warnings"),
            ("waiting", "waiting", "waiting"),
            ("not run", "not run", "not run"),
        ] {
            match self.checks.iter().filter(|check| check.word() == word).count() {
                0 => {}
                1 => parts.push(format!("1 {one}")),
                n => parts.push(format!("{n} {many}")),
            }
        }
        let checks = if self.checks.len() == 1 { "check" } else { "checks" };
        format!("{} {checks}: {}", self.checks.len(), parts.join(", "))
    }

    /// What is not well beside the reasons of the health.
    pub(crate) fn findings(&self) -> Vec<FindingAnswer> {
        self.checks.iter().flat_map(|check| check.findings.iter().cloned()).collect()
    }
}

/// How a connection was over a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HealthAnswer {
    /// Its health.
    pub(crate) health: &'static str,
    /// Since when.
    pub(crate) since: Instant,
    /// Until when; nothing when it still is.
    pub(crate) until: Option<Instant>,
    /// Codes of the findings.
    pub(crate) codes: Vec<String>,
}

/// A month of a connection, as its last delivery left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MonthAnswer {
    /// YYYY-MM.
    pub(crate) period: String,
    /// First day.
    pub(crate) from: String,
    /// First day after it.
    pub(crate) to: String,
    /// `open`, `estimated`, `final` or `reopened`.
    pub(crate) state: String,
    /// How many deliveries it had.
    pub(crate) deliveries: usize,
    /// When the last one was loaded.
    pub(crate) recorded_at: Instant,
    /// Σ `BilledCost`.
    pub(crate) billed: Vec<CurrencyAmount>,
    /// Do its rows count in `costs`?
    pub(crate) counts: bool,
}

impl MonthAnswer {
    /// The state as one of pages.
    pub(crate) fn mark(&self) -> &'static str {
        mark_of(&self.state)
    }
}

/// The state of a month as one of pages.
pub(crate) fn mark_of(state: &str) -> &'static str {
    match state {
        "final" => "healthy",
        "reopened" => "degraded",
        _ => "waiting",
    }
}

/// Something that reports can tell or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AbilityAnswer {
    /// What.
    pub(crate) name: &'static str,
    /// Can they?
    pub(crate) has: bool,
    /// Why, or why not.
    pub(crate) why: String,
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DeliveryAnswer {
    /// When it was loaded.
    pub(crate) recorded_at: Instant,
    /// Billing period, YYYY-MM.
    pub(crate) period: String,
    /// First day of it.
    pub(crate) from: String,
    /// First day after it.
    pub(crate) to: String,
    /// Revision.
    pub(crate) revision: String,
    /// The revision that it replaced.
    pub(crate) previous: Option<String>,
    /// State of the month then.
    pub(crate) state: String,
    /// hourly, daily, monthly or unknown.
    pub(crate) granularity: String,
    /// Where its first file lay.
    pub(crate) location: String,
    /// Files.
    pub(crate) files: u64,
    /// Bytes of text in them.
    pub(crate) text_bytes: u64,
    /// Rows as read.
    pub(crate) line_items: u64,
    /// Rows stored, second rows and adjustments included.
    pub(crate) stored_rows: u64,
    /// Of these, rows that FOCUS leaves out.
    pub(crate) excluded_rows: u64,
    /// Rows set aside because they cannot be read.
    pub(crate) quarantined_rows: u64,
    /// Σ `BilledCost`.
    pub(crate) billed: Vec<CurrencyAmount>,
    /// By how much it changed Σ `BilledCost` of the month.
    pub(crate) changed: Vec<CurrencyAmount>,
    /// Sums of the source's own columns.
    pub(crate) sums: Vec<ColumnSum>,
    /// Columns that nobody knows; they are kept in `x_Extra`.
    pub(crate) unknown_columns: Vec<String>,
}

impl DeliveryAnswer {
    /// The state of the month as one of pages.
    pub(crate) fn mark(&self) -> &'static str {
        mark_of(&self.state)
    }
}

/// The sum of a column of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ColumnSum {
    /// The column.
    pub(crate) column: String,
    /// Currency code.
    pub(crate) currency: String,
    /// The sum, as read and as stored.
    pub(crate) amount: Amount,
}

impl ColumnSum {
    /// As pages show it.
    pub(crate) fn shown(&self) -> String {
        self.amount.shown(&self.currency)
    }

    /// All digits.
    pub(crate) fn exact(&self) -> String {
        self.amount.exact()
    }
}

/// A run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RunAnswer {
    /// Its number.
    pub(crate) id: i64,
    /// `sync` or `check`.
    pub(crate) what: &'static str,
    /// The only month that was wanted.
    pub(crate) period: Option<String>,
    /// What or who started it.
    pub(crate) started_by: String,
    /// When it began.
    pub(crate) started_at: Instant,
    /// When it ended.
    pub(crate) finished_at: Option<Instant>,
    /// `ok`, `waiting`, `failed`, `stopped` or `running`.
    pub(crate) outcome: &'static str,
    /// How many deliveries were looked at.
    pub(crate) deliveries: Option<u64>,
    /// How many of them were loaded.
    pub(crate) loaded: Option<u64>,
    /// What it found.
    pub(crate) findings: Vec<FindingAnswer>,
}

impl RunAnswer {
    pub(super) fn of(run: &Run) -> Self {
        let count = |key: &str| run.summary.get(key).and_then(Value::as_u64);
        let period = run.summary.get("period").and_then(Value::as_str);
        Self {
            id: run.id.number(),
            what: if run.summary.get("check").is_some() { "check" } else { "sync" },
            period: period.map(str::to_owned),
            started_by: run.trigger.clone(),
            started_at: Instant(run.started_at),
            finished_at: run.finished_at.map(Instant),
            outcome: run.outcome.map_or("running", |outcome| outcome.as_str()),
            deliveries: count("deliveries"),
            loaded: count("loaded"),
            findings: FindingAnswer::all(&run.findings),
        }
    }

    /// The outcome as a state of pages.
    pub(crate) fn mark(&self) -> &'static str {
        match self.outcome {
            "ok" => "healthy",
            "failed" => "broken",
            "stopped" => "paused",
            _ => "waiting",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_only_its_end_is_told() {
        assert_eq!(end_of("AKIAIOSFODNN7QX2"), "…7QX2");
        assert_eq!(end_of("A"), "…A");
    }
}
