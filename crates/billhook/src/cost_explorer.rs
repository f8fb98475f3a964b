//! `billhook import cost-explorer:`.

use billhook_aws::cost_explorer::{CostExplorer, Granularity};
use billhook_aws::session::{self, Session, Source};
use billhook_engine::cost_explorer::{self, Outcome, REQUEST_BUDGET, Settings};
use billhook_engine::ingest::Options;
use billhook_engine::{EngineError, Home};
use billhook_sources::cost_explorer::MAPPING;
use billhook_sources::delivery::connection_name;
use clap::{Args, ValueEnum};

use crate::context::{Context, say};
use crate::import::{exit_code, tell};

/// What stands for Cost Explorer where a place is expected; a profile may follow.
const PLACE: &str = "cost-explorer:";

/// Refuses to look for Cost Explorer's costs among files: its kind is implied by its location.
///
/// # Errors
/// [`EngineError::Usage`].
pub(crate) fn check_kinds(kinds: &[String], locations: &[String]) -> Result<(), EngineError> {
    let kind = MAPPING.kind;
    let files = locations.iter().find(|location| !location.starts_with(PLACE));
    let has_explorer = locations.iter().any(|location| location.starts_with(PLACE));
    let is_only = kinds.iter().all(|other| other == kind);
    match files {
        Some(place) if kinds.iter().any(|other| other == kind) && (is_only || !has_explorer) => {
            Err(EngineError::Usage(format!(
                "--kind {kind}: {place} is a place of files, and no file is of this kind; give \
                 `{PLACE}` or `{PLACE}PROFILE` as the location: `billhook import {PLACE}`"
            )))
        }
        _ => Ok(()),
    }
}

/// Options of imports from Cost Explorer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cost Explorer")]
pub(crate) struct ExplorerArgs {
    /// Time buckets. Hours exist for the last 14 days only and must be turned on in the preferences
    /// of Cost Explorer; the days before them are read by the day
    #[arg(long, value_enum)]
    granularity: Option<By>,
    /// Months of history before the current one, at most 13 (default: 13). Those in the lake are
    /// not asked for again, but for the last two, which AWS restates
    #[arg(long, value_name = "N")]
    months: Option<u32>,
    /// Ask for all months again, those in the lake too
    #[arg(long)]
    refetch_all: bool,
    /// Account that gets the bill (default: the one that the credentials belong to)
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Requests that may be made in a day (UTC), for 0.01 USD each
    #[arg(long, value_name = "N", default_value_t = REQUEST_BUDGET)]
    request_budget: u64,
}

/// Cost Explorer's granularities.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// By the day
    Daily,
    /// By the hour
    Hourly,
}

/// Cost Explorer as a place.
pub(crate) struct Explorer {
    client: CostExplorer,
    settings: Settings,
}

impl ExplorerArgs {
    /// Cost Explorer, when that is what `location` means.
    ///
    /// # Errors
    /// When the options make no sense or there are no credentials.
    pub(crate) async fn open(
        &self,
        location: &str,
        name: Option<&str>,
        context: &Context,
    ) -> Result<Option<Explorer>, EngineError> {
        let Some(profile) = location.strip_prefix(PLACE) else { return Ok(None) };
        let usual = connection_name(&format!("cost-explorer-{profile}"));
        let granularity = match self.granularity {
            None | Some(By::Daily) => Granularity::Daily,
            Some(By::Hourly) => Granularity::Hourly,
        };
        let settings = Settings {
            connection: name.map_or(usual, str::to_owned),
            written: location.to_owned(),
            granularity,
            months: self.months,
            refetch_all: self.refetch_all,
            account: self.account.clone(),
            request_budget: self.request_budget,
            today: || chrono::Utc::now().date_naive(),
        };
        cost_explorer::check(&settings)?;
        let source = match profile {
            "" => Source::Ambient,
            name => Source::Profile(name.to_owned()),
        };
        let place = session::Place { region: context.s3.region.clone(), endpoint: None };
        let session = Session::open(&source, &place).await;
        let session = session.map_err(|source| EngineError::CostExplorer {
            action: "costs".to_owned(),
            is_hourly: false,
            source,
        })?;
        Ok(Some(Explorer { client: CostExplorer::new(&session), settings }))
    }

    /// Refuses options that mean nothing for the places at hand.
    ///
    /// # Errors
    /// [`EngineError::Usage`].
    pub(crate) fn check(&self, has_explorer: bool) -> Result<(), EngineError> {
        let is_given = self.granularity.is_some()
            || self.months.is_some()
            || self.refetch_all
            || self.account.is_some()
            || self.request_budget != REQUEST_BUDGET;
        if is_given && !has_explorer {
            return Err(EngineError::Usage(format!(
                "--granularity, --months, --refetch-all, --account and --request-budget are for \
                 Cost Explorer: `billhook import {PLACE}`"
            )));
        }
        Ok(())
    }
}

impl Explorer {
    /// Imports, tells what became of it and what it cost, and gives the exit code.
    ///
    /// # Errors
    /// When the home cannot be used.
    pub(crate) async fn import(&self, home: &Home, options: &Options) -> Result<u8, EngineError> {
        let outcome =
            cost_explorer::import(home, &self.client, &self.settings, options, tell).await?;
        if let Some((month, why)) = &outcome.unavailable {
            say(&format!("{}: AWS has no costs of {month} and before ({why})", self.name()));
        }
        say(&format!("{}: {}", self.name(), price(&outcome, self.settings.request_budget)));
        Ok(exit_code(&outcome.imported))
    }

    fn name(&self) -> &str {
        &self.settings.connection
    }
}

/// `27 requests, 0.27 USD (27 of 200 today)`.
pub(crate) fn price(outcome: &Outcome, budget: u64) -> String {
    let Outcome { requests, requests_today, from_cache, .. } = outcome;
    let plural = if *requests == 1 { "" } else { "s" };
    let kept = match from_cache {
        0 => String::new(),
        1 => ", 1 answer kept from before".to_owned(),
        n => format!(", {n} answers kept from before"),
    };
    format!(
        "{requests} request{plural}, {}.{:02} USD ({requests_today} of {budget} today){kept}",
        requests / 100,
        requests % 100,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_kind_is_for_its_location_alone() {
        let check = |kinds: &[&str], locations: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
            check_kinds(&owned(kinds), &owned(locations)).map_err(|error| error.to_string())
        };
        let both = ["bills", "cost-explorer:finance"];
        for (kinds, locations) in [
            (&["cost_explorer"][..], &both[1..]),
            (&["cur"], &both[..1]),
            (&["cur"], &both),
            (&["cur", "cost_explorer"], &both),
            (&[], &both),
        ] {
            assert_eq!(check(kinds, locations), Ok(()), "{kinds:?} {locations:?}");
        }
        for (kinds, locations) in [
            (&["cost_explorer"][..], &both[..1]),
            (&["cost_explorer"], &both),
            (&["cost_explorer", "cur"], &["s3://bills"]),
        ] {
            let text = check(kinds, locations).unwrap_err();
            assert!(text.contains("`billhook import cost-explorer:`"), "{text}");
        }
    }

    #[test]
    fn requests_have_a_price() {
        let outcome = |requests, from_cache| Outcome {
            requests,
            from_cache,
            requests_today: 127,
            ..Outcome::default()
        };
        assert_eq!(price(&outcome(27, 0), 200), "27 requests, 0.27 USD (127 of 200 today)");
        let kept = "1 request, 0.01 USD (127 of 200 today), 2 answers kept from before";
        assert_eq!(price(&outcome(1, 2), 200), kept);
    }
}
