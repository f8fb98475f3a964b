//! What is done before anybody asks. Once the lake has changed and stands still, its new files are
//! summed up, and the questions that were asked last are asked again, so that whoever comes next
//! finds their answers kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use billhook_engine::error::causes;
use billhook_lake::session::LakeSession;
use billhook_lake::table::FileEntry;
use chrono::NaiveDate;

use crate::api::{cost_values, costs, lines};
use crate::app::App;
use crate::fail::Fail;
use crate::heavy::Asked;
use crate::view::View;

/// Questions that are remembered.
const MOST: usize = 24;

/// How often the lake is looked at: a folder, and a bucket, where each look is paid for.
const NEAR: Duration = Duration::from_secs(3);
const FAR: Duration = Duration::from_mins(1);

/// Nobody is waited for who has not asked for so long.
const AWAY: Duration = Duration::from_hours(1);

/// A question about the lake as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Figures of a view.
    Costs(View),
    /// The first lines of a view.
    Lines(lines::Wanted),
    /// Values of a column.
    Values(cost_values::Wanted),
}

impl Wish {
    fn view(&self) -> &View {
        match self {
            Self::Costs(view) => view,
            Self::Lines(wanted) => &wanted.view,
            Self::Values(wanted) => &wanted.view,
        }
    }

    /// Asks again, and waits for the answer, which is kept. Was it not there yet?
    async fn renew(&self, app: &Arc<App>) -> Result<bool, Fail> {
        match self {
            Self::Costs(view) => waited(costs::begin(app, view).await?).await,
            Self::Lines(wanted) => waited(lines::begin(app, wanted).await?).await,
            Self::Values(wanted) => waited(cost_values::begin(app, wanted).await?).await,
        }
    }
}

async fn waited<T: Clone + Send + Sync + 'static>(asked: Asked<T>) -> Result<bool, Fail> {
    let is_new = matches!(asked, Asked::UnderWay(_));
    asked.wait().await?;
    Ok(is_new)
}

/// What was asked last, and when.
#[derive(Default)]
pub(crate) struct Wishes(Mutex<Last>);

#[derive(Default)]
struct Last {
    /// The newest first.
    all: VecDeque<Wish>,
    at: Option<Instant>,
}

impl Wishes {
    /// Remembers a question; none about the past, whose answer does not change, and no further
    /// page of a list, which goes on with the lake that it began with.
    pub(crate) fn note(&self, wish: Wish) {
        let view = wish.view();
        if view.as_of.is_some() || view.after.is_some() {
            return;
        }
        let mut asked = self.lock();
        asked.at = Some(Instant::now());
        asked.all.retain(|known| *known != wish);
        asked.all.truncate(MOST - 1);
        asked.all.push_front(wish);
    }

    /// The questions, if anybody was there lately.
    fn due(&self) -> Vec<Wish> {
        let asked = self.lock();
        if asked.at.is_none_or(|at| at.elapsed() > AWAY) {
            return Vec::new();
        }
        asked.all.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps summaries, and the answers to what was asked last, as new as the lake. Does not end.
pub(crate) async fn keep(app: Arc<App>) {
    let every = if app.home.lake.url.scheme() == "file" { NEAR } else { FAR };
    // The state of the lake and the day that were seen last; it is held by those who need it.
    let mut seen: (Weak<LakeSession>, NaiveDate) = (Weak::new(), app.today());
    let (mut is_begun, mut is_done) = (false, false);
    loop {
        tokio::time::sleep(every).await;
        let wishes = app.wishes.due();
        if wishes.is_empty() && is_begun {
            continue;
        }
        // Whoever asks is told why it cannot be read.
        let Ok(session) = app.sessions.peek().await else { continue };
        let now = (Arc::downgrade(&session), app.today());
        // Many a delivery is followed by the next one.
        if !(Weak::ptr_eq(&seen.0, &now.0) && seen.1 == now.1) {
            (seen, is_done) = (now, false);
            continue;
        }
        let has_all = sum_up(&app, &session).await;
        is_begun |= has_all;
        if is_done || !has_all {
            continue;
        }
        for wish in wishes {
            if matches!(wish.renew(&app).await, Ok(true)) {
                app.metrics.renewed();
            }
        }
        is_done = true;
    }
}

/// Makes the summaries that are missing, those of the newest months first. False when the lake has
/// changed meanwhile.
async fn sum_up(app: &Arc<App>, session: &Arc<LakeSession>) -> bool {
    let summaries = &app.sessions.summaries;
    if let Some(error) = summaries.trouble() {
        tracing::warn!(error = causes(&error), "a summary cannot be read; lines were");
    }
    let missing = |file: &&FileEntry| !summaries.has(file);
    let mut files: Vec<&FileEntry> = session.line_files().iter().filter(missing).collect();
    app.metrics.unsummed(files.len());
    if files.is_empty() {
        return true;
    }
    files.sort_by(|a, b| {
        let period = |file: &FileEntry| file.partition_value("x_BillingPeriod").to_owned();
        period(b).cmp(&period(a))
    });
    let mut left = files.len();
    for file in files {
        let (lake, file) = (app.home.lake.clone(), file.clone());
        let (own, path) = (Arc::clone(summaries), file.path.clone());
        let making = async move { own.make(&lake, &file).await };
        match app.sessions.queries.spawn(making).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(file = path, error = causes(&error), "no summary was made");
            }
            Err(_) => return false,
        }
        left -= 1;
        app.metrics.unsummed(left);
        let newest = app.sessions.peek().await;
        if !newest.is_ok_and(|newest| Arc::ptr_eq(&newest, session)) {
            return false;
        }
    }
    summaries.keep_only(session.line_files());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(query: &str) -> Wish {
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Wish::Costs(View::parse(&pairs).ok().unwrap())
    }

    fn texts(wishes: &Wishes) -> Vec<String> {
        wishes.due().iter().map(|wish| wish.view().query()).collect()
    }

    #[test]
    fn the_last_questions_are_remembered_once() {
        let wishes = Wishes::default();
        assert!(texts(&wishes).is_empty());
        wishes.note(wish("by=ServiceName"));
        wishes.note(wish("by=ResourceId"));
        wishes.note(wish("by=ServiceName"));
        let known = [wish("by=ServiceName"), wish("by=ResourceId")].map(|wish| wish.view().query());
        assert_eq!(texts(&wishes), known);
        for day in 2..=28 {
            wishes.note(wish(&format!("from=2026-09-01&to=2026-09-{day:02}")));
        }
        assert_eq!(texts(&wishes).len(), MOST);
        assert!(texts(&wishes)[0].contains("2026-09-28"), "{:?}", texts(&wishes));
    }

    #[test]
    fn the_past_is_not_asked_again() {
        let wishes = Wishes::default();
        wishes.note(wish("asof=2026-09-01T00:00:00Z"));
        assert!(texts(&wishes).is_empty());
    }
}
