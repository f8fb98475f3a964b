//! What a happening tells: its events by their number, made when they are asked for.

use std::collections::BTreeMap;

use billhook_lake::session::LakeSession;
use billhook_lake::spec::{CHANGE_KEYS, CHANGE_SUMS};
use billhook_registry::{ConnectionName, Happening, Registry};
use billhook_stream::deliver::Place;
use billhook_stream::event::Event;
use billhook_stream::facts::{
    self, Amounts, CostChange, DeliveryFacts, DriftFacts, HealthFacts, Origin, StateFacts,
};
use billhook_stream::settings::{Format, Granularity, SinkSettings};

use super::changes::{self, Change, Rows, Span, Sums};
use super::deliveries::{Deliveries, Delivery};
use super::figures::SETTLING_DAYS;
use super::{noting, vanus};
use crate::EngineError;

/// Records of health that are looked back at.
const RECORDS: u32 = 10_000;

/// One state of the lake, and what of it is asked for again and again.
pub(super) struct View {
    pub(super) session: LakeSession,
    pub(super) deliveries: Deliveries,
    /// By connection: days after which a day's costs are expected to stand.
    pub(super) settling: BTreeMap<String, u32>,
    /// Everything that a happening up to this position tells is in it.
    pub(super) horizon: i64,
}

/// The events of a happening.
#[derive(Default)]
pub(super) struct Told {
    /// Those before the costs. Where there is none, something later tells it.
    head: Vec<Option<Event>>,
    costs: Option<Costs>,
}

/// What a delivery tells of costs.
struct Costs {
    delivery: Delivery,
    /// The one of the same slice that it replaced.
    replaced: Option<Delivery>,
    origin: Origin,
    granularity: Granularity,
    settling_days: u32,
    spans: Vec<Span>,
    /// The rows of one of the spans.
    rows: Option<Rows>,
}

impl Told {
    /// A change of health; nothing when its connection is gone.
    ///
    /// # Errors
    /// When the control database fails.
    pub(super) fn health(registry: &Registry, happening: &Happening) -> Result<Self, EngineError> {
        let Ok(name) = happening.connection.parse::<ConnectionName>() else {
            return Ok(Self::default());
        };
        let Some(connection) = registry.connection(&name)? else { return Ok(Self::default()) };
        let records = registry.health_history(&connection.id, RECORDS)?;
        let found = noting::changed(&records).find(|(_, now)| now.since == happening.recorded_at);
        let head = found.map(|(before, now)| {
            facts::health_changed(&HealthFacts {
                key: connection.id.to_string(),
                connection: happening.connection.clone(),
                old: before.map(|before| before.health.as_str().to_owned()),
                new: now.health.as_str().to_owned(),
                since: now.since,
                findings: now.findings.clone(),
            })
        });
        Ok(Self { head: vec![head], costs: None })
    }

    /// A delivery; nothing when the lake does not know it. Costs are looked up only when they are
    /// wanted.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(super) async fn delivery(
        view: &View,
        happening: &Happening,
        settings: &SinkSettings,
        wants_costs: bool,
    ) -> Result<Self, EngineError> {
        let Some(delivery) = view.deliveries.find(happening) else { return Ok(Self::default()) };
        let origin = origin(delivery);
        let granularity = settings.granularity;
        if settings.format == Format::Vanus {
            let head = vanus::events(&view.session, delivery, &origin, granularity).await?;
            return Ok(Self { head, costs: None });
        }
        let head = head(&view.deliveries, delivery, &origin).into_iter().map(Some).collect();
        if !wants_costs {
            return Ok(Self { head, costs: None });
        }
        let costs = Costs {
            spans: changes::spans(&view.session, delivery, granularity).await?,
            granularity,
            replaced: view.deliveries.replaced_by(delivery).cloned(),
            settling_days: *view.settling.get(&delivery.connection).unwrap_or(&SETTLING_DAYS),
            delivery: delivery.clone(),
            origin,
            rows: None,
        };
        Ok(Self { head, costs: Some(costs) })
    }

    /// How many events there are.
    pub(super) fn count(&self) -> i64 {
        let spans = self.costs.iter().flat_map(|costs| &costs.spans);
        let rows: usize = spans.map(|span| span.rows).sum();
        i64::try_from(self.head.len().saturating_add(rows)).unwrap_or(i64::MAX)
    }

    /// The event of a number, counted from 0, with its place.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(super) async fn event(
        &mut self,
        view: Option<&View>,
        number: i64,
        place: Place,
    ) -> Result<Option<Event>, EngineError> {
        let Ok(number) = usize::try_from(number) else { return Ok(None) };
        if let Some(event) = self.head.get(number) {
            return Ok(event.clone().map(|event| event.at(place)));
        }
        let (Some(costs), Some(view)) = (&mut self.costs, view) else { return Ok(None) };
        let event = costs.event(&view.session, number.saturating_sub(self.head.len())).await?;
        Ok(event.map(|event| event.at(place)))
    }
}

impl Costs {
    /// The event of a row, by its number among those of the delivery.
    async fn event(
        &mut self,
        session: &LakeSession,
        number: usize,
    ) -> Result<Option<Event>, EngineError> {
        let is_in = |span: &Span| number.checked_sub(span.start).is_some_and(|at| at < span.rows);
        if self.rows.as_ref().is_none_or(|rows| !is_in(&rows.span)) {
            let Some(span) = self.spans.iter().copied().find(is_in) else { return Ok(None) };
            // What was read before is given back first.
            self.rows = None;
            let replaced = self.replaced.as_ref();
            let read = changes::read(session, &self.delivery, replaced, self.granularity, span);
            self.rows = Some(Box::pin(read).await?);
        }
        let row =
            self.rows.as_ref().and_then(|rows| rows.get(number.checked_sub(rows.span.start)?));
        Ok(row.map(|row| facts::cost(&self.origin, &self.change(row))))
    }

    fn change(&self, row: Change) -> CostChange {
        let Change { time, keys, sums, is_first, moved_before } = row;
        let mut keys: BTreeMap<&str, Option<String>> = CHANGE_KEYS.into_iter().zip(keys).collect();
        let mut key = |name: &str| keys.remove(name).flatten();
        let amounts = |name: &str| {
            let place = CHANGE_SUMS.iter().position(|sum| *sum == name);
            let sums = place.and_then(|place| sums.get(place)).copied().unwrap_or_default();
            amounts(sums, is_first)
        };
        CostChange {
            time,
            billing_account: key("BillingAccountId"),
            currency: key("BillingCurrency"),
            sub_account: key("SubAccountId"),
            service: key("ServiceName"),
            category: key("ChargeCategory"),
            billed: amounts("BilledCost"),
            effective: amounts("EffectiveCost"),
            unblended: amounts("x_UnblendedCost"),
            is_estimated: facts::is_estimated(
                self.delivery.recorded_at,
                time.date(),
                self.settling_days,
                moved_before,
            ),
        }
    }
}

/// Exact decimal texts. What never had a figure has no old one.
fn amounts(sums: Sums, is_first: bool) -> Amounts {
    Amounts {
        old: (!is_first).then(|| billhook_money::format(sums.old)),
        new: billhook_money::format(sums.new),
        difference: billhook_money::format(sums.difference),
    }
}

/// The delivery that events come from. A payer is named when there is only one.
pub(super) fn origin(delivery: &Delivery) -> Origin {
    let payer = match delivery.accounts.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    Origin {
        connection: delivery.connection.clone(),
        period: delivery.period.clone(),
        revision: delivery.revision.clone(),
        previous: delivery.previous.clone(),
        recorded_at: delivery.recorded_at,
        state: delivery.state.clone(),
        payer,
    }
}

/// The events about the delivery itself.
fn head(deliveries: &Deliveries, delivery: &Delivery, origin: &Origin) -> Vec<Event> {
    let mut head = vec![facts::delivery_loaded(origin, &loaded(delivery))];
    let unknown = &delivery.unknown_columns;
    if let Some(before) = deliveries.preceding(delivery) {
        let without = |all: &[String], known: &[String]| -> Vec<String> {
            all.iter().filter(|column| !known.contains(column)).cloned().collect()
        };
        let added = without(unknown, &before.unknown_columns);
        let removed = without(&before.unknown_columns, unknown);
        if !added.is_empty() || !removed.is_empty() {
            let drift = DriftFacts { unknown: unknown.clone(), added, removed };
            head.push(facts::schema_drifted(origin, &drift));
        }
    }
    let old = deliveries.replaced_by(delivery).map(|before| before.state.clone());
    if old.as_deref() != Some(delivery.state.as_str()) {
        head.push(facts::state_changed(origin, &StateFacts { old }));
    }
    head
}

fn loaded(delivery: &Delivery) -> DeliveryFacts {
    DeliveryFacts {
        kind: delivery.kind.clone(),
        granularity: delivery.granularity.clone(),
        billing_accounts: delivery.accounts.clone(),
        line_items: delivery.line_items.unsigned_abs(),
        stored_rows: delivery.stored_rows.unsigned_abs(),
        excluded_rows: delivery.excluded_rows.unsigned_abs(),
        quarantined_rows: delivery.quarantined_rows.unsigned_abs(),
        files: delivery.files.unsigned_abs(),
        billed_costs: delivery.billed.clone(),
        sums: delivery.sums.clone(),
    }
}
