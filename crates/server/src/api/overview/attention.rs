//! What needs somebody: gone when it is solved, with nothing to dismiss.

use billhook_engine::history::{Restated, Slice};
use billhook_registry::{Health, SinkRecord};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::Instant;
use crate::api::history::delivery_href;
use crate::format;
use crate::pulse::{Felt, Pulse};

/// Restatements are told of for so long, microseconds.
const TOLD_FOR: i64 = 7 * 86_400_000_000;

/// What a run calls a delivery that the gate did not let through.
const REFUSED: &str = "delivery-refused";

/// Something that needs somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Attention {
    /// `connection`, `delivery`, `restatement` or `dead_letters`.
    pub(crate) kind: &'static str,
    /// `broken` or `degraded`.
    pub(crate) state: &'static str,
    /// What it is about: the name of a connection or a sink.
    pub(crate) subject: String,
    /// What is so, in a few words.
    pub(crate) what: String,
    /// Why, in the words of the finding.
    pub(crate) why: String,
    /// Since when.
    pub(crate) since: Option<Instant>,
    /// Where it is mended or looked at.
    pub(crate) href: String,
    /// What is there, in words of a link.
    pub(crate) link: &'static str,
}

/// Everything that needs somebody, the worst first.
pub(super) fn of(pulse: &Pulse, slices: &[Slice], now: i64) -> Vec<Attention> {
    let mut all: Vec<Attention> = pulse.connections.iter().flat_map(of_connection).collect();
    all.extend(pulse.sinks.iter().filter_map(of_sink));
    all.sort_by_key(|one| one.state != "broken");
    let since = now.saturating_sub(TOLD_FOR);
    let counting = slices.iter().filter(|slice| slice.counts);
    let mut restated: Vec<Restated> =
        counting.flat_map(|slice| slice.restated_since(since)).collect();
    restated.retain(Restated::is_large);
    restated.sort_by_key(|one| std::cmp::Reverse(one.recorded_at));
    all.extend(restated.iter().map(of_restatement));
    all
}

fn of_connection(felt: &Felt) -> Vec<Attention> {
    let state = match felt.word() {
        Some(Health::Broken) => "broken",
        Some(Health::Degraded) => "degraded",
        _ => return Vec::new(),
    };
    let Some(record) = &felt.health else { return Vec::new() };
    let name = felt.connection.name.to_string();
    let item = |kind, what: &str, why: String| Attention {
        kind,
        state,
        subject: name.clone(),
        what: what.to_owned(),
        why,
        since: Some(Instant(record.since)),
        href: format!("/connections/{name}"),
        link: "Show fix",
    };
    let seen = |finding: &Value, key: &str| {
        finding.get(key).and_then(Value::as_str).unwrap_or_default().trim_end().to_owned()
    };
    let first = felt.reason().map(|(_, seen, _)| seen.trim_end().to_owned());
    let mut all = vec![item("connection", state, first.clone().unwrap_or_default())];
    let findings = record.findings.as_array().map(Vec::as_slice).unwrap_or_default();
    for finding in findings.iter().filter(|finding| seen(finding, "code") == REFUSED) {
        let why = seen(finding, "seen");
        if first.as_ref() != Some(&why) {
            all.push(item("delivery", "delivery refused", why));
        }
    }
    all
}

fn of_sink(sink: &SinkRecord) -> Option<Attention> {
    let letters = u64::try_from(sink.dead_letters).ok().filter(|letters| *letters > 0)?;
    let events = if letters == 1 { "event was" } else { "events were" };
    Some(Attention {
        kind: "dead_letters",
        state: "broken",
        subject: sink.name.clone(),
        what: "dead letters".to_owned(),
        why: format!("{} {events} never taken by the receiver.", format::grouped(letters)),
        since: None,
        href: format!("/streams/{}/dead", sink.name),
        link: "Show them",
    })
}

fn of_restatement(one: &Restated) -> Attention {
    let change = format::change(one.change(), &one.currency);
    let percent = format::percent(one.new, one.old);
    let percent = if percent.is_empty() { percent } else { format!(" ({percent})") };
    Attention {
        kind: "restatement",
        state: "degraded",
        subject: one.connection.clone(),
        what: format!("{} restated", format::month(&one.period)),
        why: format!("{change} {}{percent}", one.currency),
        since: Some(Instant(one.recorded_at)),
        href: delivery_href(&one.connection, &one.period, &one.revision),
        link: "See what changed",
    }
}

#[cfg(test)]
mod tests {
    use billhook_engine::history::Step;

    use super::*;
    use crate::pulse::Freshness;

    #[test]
    fn large_restatements_of_the_last_week_are_told_of() {
        let unit = billhook_money::ONE;
        let step = |state: &str, recorded_at: i64, billed: i128| Step {
            revision: format!("r{recorded_at}"),
            recorded_at,
            state: state.to_owned(),
            billed: [("USD".to_owned(), billed)].into(),
        };
        let slice = |counts| Slice {
            connection: "acme".to_owned(),
            period: "2026-10".to_owned(),
            counts,
            steps: vec![
                step("final", 1, 76_940 * unit),
                step("reopened", 2, 76_528 * unit),
                step("reopened", TOLD_FOR + 2, 76_527 * unit),
            ],
        };
        let pulse = Pulse {
            connections: Vec::new(),
            sinks: Vec::new(),
            through: None,
            freshness: Freshness::Fresh,
            outage: None,
        };
        let found = of(&pulse, &[slice(true), slice(false)], TOLD_FOR + 2);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "Oct 2026 restated");
        assert_eq!(found[0].why, "\u{2212}412.00 USD (\u{2212}0.5 %)");
        assert_eq!(found[0].href, "/history/acme/2026-10/r2");
        assert!(of(&pulse, &[slice(true)], TOLD_FOR + 3).is_empty());
    }
}
