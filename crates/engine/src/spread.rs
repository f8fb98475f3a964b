//! Files that no manifest describes and that may hold several billing periods: a delivery for each
//! period, of just those files that hold lines of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use billhook_sources::delivery::{Delivery, Readiness, SourceFile};
use billhook_sources::discover::{newest_of_each_month, revision};
use billhook_sources::focus_files::dataset;
use billhook_sources::table::{Mapping, Months, Part};
use object_store::ObjectStore;

use crate::EngineError;
use crate::ingest::{self, Options};

/// What was found out of deliveries.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    /// Those of one period each.
    pub(crate) deliveries: Vec<Delivery>,
    /// Identities of those whose period only their first line told: most files hold one month, and
    /// then they need not be read twice. Who meets another month asks [`divided`].
    pub(crate) guessed: BTreeSet<String>,
    /// Names of files that belong to none.
    pub(crate) superseded: Vec<String>,
}

/// Joins what belongs together and divides it by period. Other deliveries stay as they are.
///
/// # Errors
/// When a file cannot be fetched. One that cannot be read is told in its delivery's readiness.
pub(crate) async fn spread(
    store: &Arc<dyn ObjectStore>,
    deliveries: Vec<Delivery>,
    options: &Options,
) -> Result<Spread, EngineError> {
    let mut spread = Spread::default();
    let is_many = |delivery: &Delivery| {
        delivery.manifest.is_none()
            && delivery.readiness == Readiness::Ready
            && delivery.mapping.is_some_and(|mapping| mapping.many_periods)
    };
    let (many, others): (Vec<_>, Vec<_>) = deliveries.into_iter().partition(is_many);
    spread.deliveries = others;
    for mut delivery in dataset::join(many) {
        let Some(mapping) = delivery.mapping else { continue };
        let (files, superseded) = newest_of_each_month(delivery.files);
        spread.superseded.extend(superseded.into_iter().map(|old| old.meta.location.to_string()));
        delivery.files = files;
        // Of several files, or when one month is wanted, a guess could leave lines out.
        if delivery.files.len() == 1
            && options.period.is_none()
            && let Ok(first) = months(store, mapping, &delivery.files, options, true).await?
            && first.iter().all(|found| found.months.len() == 1)
        {
            spread.guessed.insert(delivery.identity.clone());
            spread.deliveries.extend(divide(&delivery, &first).into_iter().map(whole));
            continue;
        }
        match months(store, mapping, &delivery.files, options, false).await? {
            Ok(months) => spread.deliveries.extend(divide(&delivery, &months)),
            Err(why) => {
                delivery.readiness = Readiness::Damaged(why);
                spread.deliveries.push(delivery);
            }
        }
    }
    spread.deliveries.sort_by(|a, b| (&a.identity, &a.period).cmp(&(&b.identity, &b.period)));
    Ok(spread)
}

/// All of a guessed delivery's file, so that a line of another month is met.
fn whole(delivery: Delivery) -> Delivery {
    Delivery { part: None, ..delivery }
}

/// The deliveries of a file of which one was guessed, the file being read to its end.
///
/// # Errors
/// As [`spread`].
pub(crate) async fn divided(
    store: &Arc<dyn ObjectStore>,
    guess: &Delivery,
    options: &Options,
) -> Result<Vec<Delivery>, EngineError> {
    let Some(mapping) = guess.mapping else { return Ok(vec![guess.clone()]) };
    Ok(match months(store, mapping, &guess.files, options, false).await? {
        Ok(months) => divide(guess, &months),
        Err(why) => vec![Delivery { readiness: Readiness::Damaged(why), ..guess.clone() }],
    })
}

/// The periods of each file, or why one cannot be read.
async fn months(
    store: &Arc<dyn ObjectStore>,
    mapping: &'static Mapping,
    files: &[SourceFile],
    options: &Options,
    is_guess: bool,
) -> Result<Result<Vec<Months>, String>, EngineError> {
    let look = if is_guess { Months::at_first } else { Months::of };
    let mut all = Vec::new();
    for file in files {
        let input = ingest::fetch(&**store, file, &options.spool).await?;
        let (limits, name) = (options.limits, file.name.clone());
        let found = tokio::task::spawn_blocking(move || look(mapping, limits, input, &name)).await;
        match found {
            Ok(Ok(months)) => all.push(months),
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                return Ok(Err(format!("{error}{}", cause.unwrap_or_default())));
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    Ok(Ok(all))
}

/// A delivery for each period. The first takes the lines whose period cannot be read, too, and
/// with them refuses what is wrong with them.
fn divide(whole: &Delivery, months: &[Months]) -> Vec<Delivery> {
    let periods: BTreeSet<&String> = months.iter().flat_map(|found| &found.months).collect();
    if periods.is_empty() {
        let undated = months.iter().find_map(|found| found.undated.clone());
        let readiness = match undated {
            Some(why) => Readiness::Damaged(why),
            None => Readiness::Empty(
                "the file has no lines, and without a manifest its month is unknown".to_owned(),
            ),
        };
        return vec![Delivery { readiness, ..whole.clone() }];
    }
    let mut parts = BTreeMap::new();
    for (index, period) in periods.into_iter().enumerate() {
        let part = Part { undated: index == 0 };
        let belongs = |found: &Months| {
            found.months.contains(period) || (part.undated && found.undated.is_some())
        };
        let files: Vec<SourceFile> = whole
            .files
            .iter()
            .zip(months)
            .filter(|(_, found)| belongs(found))
            .map(|(file, _)| file.clone())
            .collect();
        let delivery = Delivery {
            period: period.clone(),
            revision: revision(&files),
            part: Some(part),
            files,
            ..whole.clone()
        };
        parts.insert(period.clone(), delivery);
    }
    parts.into_values().collect()
}
