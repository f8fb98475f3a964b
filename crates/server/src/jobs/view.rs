//! A job, as others see it.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::QUESTION;
use crate::api::Instant;
use crate::format;

/// Names a job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, ToSchema)]
pub(crate) struct JobId(pub(super) String);

impl JobId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobState {
    /// It is at work.
    Running,
    /// It was told to stop and has not ended yet.
    Stopping,
    /// It did what it was to do.
    Done,
    /// It failed.
    Failed,
    /// It was stopped.
    Stopped,
}

/// A line that a job told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct JobLine {
    /// When.
    pub(crate) at: Instant,
    /// What.
    pub(crate) text: String,
}

/// How far a job is with what it does now.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct JobStep {
    /// What it does now: a delivery, say.
    pub(crate) title: String,
    /// So much is done.
    pub(crate) done: u64,
    /// Of so much, when that is known.
    pub(crate) of: Option<u64>,
    /// What is counted: `bytes`, `files`, `months`.
    pub(crate) unit: String,
    /// Rows that were read meanwhile.
    pub(crate) rows: u64,
    /// Seconds since it began.
    pub(crate) seconds: u64,
    /// Seconds that it may still take, when that can be told.
    pub(crate) seconds_left: Option<u64>,
}

/// A job, as it is at one moment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct JobView {
    /// Its id.
    pub(crate) id: JobId,
    /// What it does: `check`, `sync`, `verify`, `question`.
    pub(crate) kind: &'static str,
    /// To what.
    pub(crate) subject: String,
    /// Who started it.
    pub(crate) who: String,
    /// When it began.
    pub(crate) started_at: Instant,
    /// When it ended.
    pub(crate) finished_at: Option<Instant>,
    /// How it is.
    pub(crate) state: JobState,
    /// How far it is with what it does now.
    pub(crate) step: Option<JobStep>,
    /// What it told so far.
    pub(crate) lines: Vec<JobLine>,
    /// So many earlier lines are not kept.
    pub(crate) lines_dropped: usize,
    /// What came of it.
    pub(crate) answer: Option<Value>,
    /// Where the answer to a question is, once it is done.
    pub(crate) href: Option<String>,
    /// Why it failed.
    pub(crate) why: Option<String>,
    /// What to do about it.
    pub(crate) fix: Option<String>,
}

impl JobView {
    /// Is it over?
    pub(crate) fn is_over(&self) -> bool {
        self.finished_at.is_some()
    }

    /// The state as one of pages.
    pub(crate) fn mark(&self) -> &'static str {
        match self.state {
            JobState::Running | JobState::Stopping => "waiting",
            JobState::Done => "healthy",
            JobState::Failed => "broken",
            JobState::Stopped => "paused",
        }
    }

    /// The state in a word.
    pub(crate) fn word(&self) -> &'static str {
        match self.state {
            JobState::Running => "running",
            JobState::Stopping => "stopping",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Stopped => "stopped",
        }
    }

    /// Is it a question that somebody asked of the lake?
    pub(crate) fn is_question(&self) -> bool {
        self.kind == QUESTION
    }

    /// How far it is, in a line: `acme 2026-10 · 12.3 MiB of 40.0 MiB · 412,000 rows · 38 s · about
    /// 1 min 0 s left`; empty when it does nothing that can be counted.
    pub(crate) fn progress(&self) -> String {
        let Some(step) = &self.step else { return String::new() };
        let mut parts = Vec::new();
        if !step.title.is_empty() {
            parts.push(step.title.clone());
        }
        let amount = |number: u64| {
            if step.unit == "bytes" {
                format::bytes(number)
            } else {
                format!("{} {}", format::grouped(number), step.unit)
            }
        };
        let counted = match step.of {
            Some(of) if step.unit == "bytes" => format!("{} of {}", amount(step.done), amount(of)),
            Some(of) => format!("{} of {}", format::grouped(step.done), amount(of)),
            None => amount(step.done),
        };
        parts.push(if self.is_question() { format!("Reading {counted}") } else { counted });
        if step.rows > 0 {
            parts.push(format!("{} rows", format::grouped(step.rows)));
        }
        parts.push(seconds(step.seconds));
        parts.push(match step.seconds_left {
            Some(left) => format!("about {} left", seconds(left)),
            None => "time left unknown".to_owned(),
        });
        parts.join(" · ")
    }
}

fn seconds(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}
