//! Findings: what a check or a run can say, and what each means.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use billhook_engine::verify::{Code, FAULTS, Severity};
use billhook_engine::{reconcile, sync, verify};
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use crate::app::App;
use crate::fail::Fail;
use crate::routes::{Need, Route, get};

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/findings", Need::Viewer, findings),
        get("/api/v1/findings/{code}", Need::Viewer, finding),
    ]
}

/// Something that a check or a run found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FindingAnswer {
    /// Names its page under `/help/findings`.
    pub(crate) code: String,
    /// `error`, `warning`, `waiting` or `note`.
    pub(crate) severity: String,
    /// What it is, in a few words.
    pub(crate) title: String,
    /// What was seen.
    pub(crate) seen: String,
    /// What is expected.
    pub(crate) expected: String,
    /// The exact mend.
    pub(crate) fix: String,
}

impl FindingAnswer {
    /// Findings as the control database has them.
    pub(crate) fn all(findings: &Value) -> Vec<Self> {
        findings.as_array().into_iter().flatten().map(Self::of).collect()
    }

    fn of(finding: &Value) -> Self {
        let text = |key: &str| {
            finding.get(key).and_then(Value::as_str).unwrap_or_default().trim_end().to_owned()
        };
        let code = text("code");
        let title = known(&code).map_or_else(|| code.clone(), |known| known.title.to_owned());
        let (severity, seen) = (text("severity"), text("seen"));
        Self { severity, title, seen, expected: text("expected"), fix: text("fix"), code }
    }

    /// The severity as a state of pages.
    pub(crate) fn mark(&self) -> &'static str {
        match self.severity.as_str() {
            "error" => "broken",
            "warning" => "degraded",
            "waiting" => "waiting",
            _ => "paused",
        }
    }

    /// The first line of the mend.
    pub(crate) fn mend(&self) -> &str {
        self.fix.lines().next().unwrap_or_default()
    }

    /// The other lines of the mend: a text to be pasted.
    pub(crate) fn paste(&self) -> &str {
        self.fix.split_once('\n').map_or("", |(_, rest)| rest)
    }
}

/// What a code means.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CodeAnswer {
    /// The code.
    pub(crate) code: &'static str,
    /// `error`, `warning`, `waiting` or `note`.
    pub(crate) severity: &'static str,
    /// What it is, in a few words.
    pub(crate) title: &'static str,
    /// What is expected instead.
    pub(crate) expected: &'static str,
    /// What it comes from.
    pub(crate) about: &'static str,
    /// What can be wrong, so that it is found.
    pub(crate) faults: Vec<&'static str>,
}

impl CodeAnswer {
    fn of(code: &'static Code) -> Self {
        let faults = FAULTS.iter().filter(|fault| fault.code == code.code);
        Self {
            code: code.code,
            severity: match code.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Waiting => "waiting",
                Severity::Note => "note",
            },
            title: code.title,
            expected: code.expected,
            about: code.about,
            faults: faults.map(|fault| fault.wrong).collect(),
        }
    }

    /// How bad it is: the state of pages.
    pub(crate) fn mark(&self) -> &'static str {
        match self.severity {
            "error" => "broken",
            "warning" => "degraded",
            "waiting" => "waiting",
            _ => "paused",
        }
    }

    /// How bad it is, in words.
    pub(crate) fn words(&self) -> &'static str {
        match self.severity {
            "error" => "does not work",
            "warning" => "works, with something missing or at risk",
            "waiting" => "nothing is wrong, wait",
            _ => "good to know",
        }
    }
}

/// All codes, in the order in which they can be found.
pub(crate) fn answer() -> Vec<CodeAnswer> {
    all().map(CodeAnswer::of).collect()
}

/// What a code means.
///
/// # Errors
/// When there is no such code.
pub(crate) fn answer_one(code: &str) -> Result<CodeAnswer, Fail> {
    let found = known(code).map(CodeAnswer::of);
    found.ok_or_else(|| {
        Fail::missing(format!("There is no finding {code}."), "Look through the list of them.")
            .linked("All findings", "/help/findings")
    })
}

fn all() -> impl Iterator<Item = &'static Code> {
    verify::CODES.iter().chain(sync::CODES).chain(reconcile::CODES)
}

/// The code, by its name in any case.
fn known(code: &str) -> Option<&'static Code> {
    all().find(|known| known.code.eq_ignore_ascii_case(code))
}

/// What checks, runs and comparisons can find.
#[utoipa::path(
    get,
    path = "/api/v1/findings",
    tag = "connections",
    responses((status = 200, description = "All codes", body = Vec<CodeAnswer>))
)]
async fn findings(_: State<Arc<App>>) -> Json<Vec<CodeAnswer>> {
    Json(answer())
}

/// What a code means.
#[utoipa::path(
    get,
    path = "/api/v1/findings/{code}",
    tag = "connections",
    params(("code" = String, Path, description = "The code of a finding")),
    responses(
        (status = 200, description = "The code", body = CodeAnswer),
        (status = 404, description = "There is no such code")
    )
)]
async fn finding(_: State<Arc<App>>, Path(code): Path<String>) -> Result<Json<CodeAnswer>, Fail> {
    answer_one(&code).map(Json)
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(findings, finding))]
pub(crate) struct Doc;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_finding_tells_its_mend_apart_from_what_is_to_be_pasted() {
        let findings = json!([{
            "code": "kms-denied",
            "severity": "error",
            "seen": "403",
            "expected": "kms:Decrypt on the bucket's key",
            "fix": "add this statement to the permissions:\n{\n}\n",
        }]);
        let all = FindingAnswer::all(&findings);
        assert_eq!(all[0].title, "The files may not be decrypted");
        assert_eq!(all[0].mend(), "add this statement to the permissions:");
        assert_eq!((all[0].paste(), all[0].mark()), ("{\n}", "broken"));
        assert!(FindingAnswer::all(&Value::Null).is_empty());
    }

    #[test]
    fn every_code_has_its_page() {
        for code in answer() {
            assert_eq!(answer_one(code.code).unwrap().title, code.title);
        }
        assert!(answer_one("sync-failed").is_ok() && answer_one("KMS-DENIED").is_ok());
        assert!(answer_one("nonsense").is_err());
    }
}
