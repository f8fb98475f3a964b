//! The audit log: who changed what. It is only read here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use billhook_registry::{AuditEntry, AuditFilter};
use chrono::{Days, NaiveDate, NaiveTime};
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::{Instant, Page};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, get};

/// Entries of an answer when nothing is said, and at most.
const LIMIT: u32 = 100;
const MOST: u32 = 1_000;

/// The call.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/api/v1/audit", Need::Admin, list_call)]
}

/// A change that somebody made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AuditLine {
    /// Its number; later ones have greater ones.
    pub(crate) number: i64,
    /// When it was made.
    pub(crate) at: Instant,
    /// Who made it.
    pub(crate) who: String,
    /// The address from which they did.
    pub(crate) from: Option<String>,
    /// What they did, such as `connection.paused`.
    pub(crate) action: String,
    /// To what they did it.
    pub(crate) subject: String,
    /// How it was before; nothing when it was not there. Secrets are told as `changed`.
    #[schema(value_type = Option<Object>)]
    pub(crate) before: Option<Value>,
    /// How it was afterwards; nothing when it was not there any more.
    #[schema(value_type = Option<Object>)]
    pub(crate) after: Option<Value>,
}

impl From<AuditEntry> for AuditLine {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { number, at, who, from, action, subject, before, after } = entry;
        Self { number, at: Instant(at), who, from, action, subject, before, after }
    }
}

/// Which entries are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) filter: AuditFilter,
    /// Only those with lower numbers.
    pub(crate) after: Option<i64>,
    /// At most so many.
    pub(crate) limit: Option<u32>,
}

impl Wanted {
    /// Reads the parameters `who`, `subject`, `day`, `from`, `to` (exclusive), `after`, `limit`.
    /// Empty ones are as if they were not there.
    ///
    /// # Errors
    /// [`Fail`] for any other, and for values that make no sense.
    pub(crate) fn parse(pairs: &[(String, String)]) -> Result<Self, Fail> {
        let mut wanted = Self::default();
        let filter = &mut wanted.filter;
        for (name, value) in pairs {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            match name.as_str() {
                "who" => filter.who = Some(value.to_owned()),
                "subject" => filter.subject = Some(value.to_owned()),
                "day" => {
                    let day = day(name, value)?;
                    filter.from = Some(midnight(day));
                    filter.to = day.checked_add_days(Days::new(1)).map(midnight);
                }
                "from" => filter.from = Some(midnight(day(name, value)?)),
                "to" => filter.to = Some(midnight(day(name, value)?)),
                "after" => wanted.after = Some(number(name, value)?),
                "limit" => {
                    let limit: u32 = number(name, value)?;
                    wanted.limit = Some(limit.clamp(1, MOST));
                }
                "fragment" => {}
                _ => {
                    return Err(Fail::bad(format!(
                        "{name:?} is no parameter of the audit log; there are who, subject, day, \
                         from, to, after and limit"
                    )));
                }
            }
        }
        Ok(wanted)
    }
}

fn day(name: &str, text: &str) -> Result<NaiveDate, Fail> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map_err(|_| Fail::bad(format!("{name}={text:?} is no day: write 2026-11-19")))
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, Fail> {
    text.parse().map_err(|_| Fail::bad(format!("{name}={text:?} is no number")))
}

fn midnight(day: NaiveDate) -> i64 {
    day.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
}

/// Entries, the newest first.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn answer(app: &App, wanted: &Wanted) -> Result<Page<AuditLine>, Fail> {
    let (filter, after) = (wanted.filter.clone(), wanted.after);
    let limit = wanted.limit.unwrap_or(LIMIT);
    // One more than wanted tells whether there are others.
    let mut entries = app
        .ask_registry(move |registry| registry.audit(&filter, after, limit.saturating_add(1)))
        .await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = entries.len() > wanted;
    entries.truncate(wanted);
    let last = entries.last().filter(|_| has_more);
    let next = last.map(|entry| entry.number.to_string());
    Ok(Page { items: entries.into_iter().map(AuditLine::from).collect(), next })
}

/// Who changed what, the newest first
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "people",
    params(
        ("who" = Option<String>, Query, description = "Only changes of this person"),
        ("subject" = Option<String>, Query, description = "Only changes of this thing"),
        ("day" = Option<String>, Query, description = "Only those of a day (UTC), YYYY-MM-DD"),
        ("from" = Option<String>, Query, description = "From this day on"),
        ("to" = Option<String>, Query, description = "Before this day"),
        ("after" = Option<String>, Query, description = "`next` of the answer before"),
        ("limit" = Option<u32>, Query, description = "At most so many: 100, up to 1000"),
    ),
    responses((status = 200, description = "Changes.", body = Page<AuditLine>))
)]
async fn list_call(State(app): State<Arc<App>>, ask: Ask) -> Result<Json<Page<AuditLine>>, Fail> {
    answer(&app, &Wanted::parse(&ask.query())?).await.map(Json)
}

#[derive(OpenApi)]
#[openapi(paths(list_call))]
pub(crate) struct Doc;

#[cfg(test)]
mod tests {
    use super::Wanted;

    fn wanted(name: &str, value: &str) -> Option<Wanted> {
        Wanted::parse(&[(name.to_owned(), value.to_owned())]).ok()
    }

    #[test]
    fn a_day_ends_where_the_next_begins() {
        let filter = wanted("day", "1970-01-02").unwrap().filter;
        assert_eq!((filter.from, filter.to), (Some(86_400_000_000), Some(172_800_000_000)));
        assert_eq!(wanted("who", " "), Some(Wanted::default()));
        assert_eq!(wanted("limit", "100000").unwrap().limit, Some(1_000));
        assert_eq!(wanted("day", "yesterday"), None);
        assert_eq!(wanted("whom", "tom"), None);
    }
}
