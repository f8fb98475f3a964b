//! One resource's use of one thing, hour by hour.

use std::sync::Arc;

use super::account::{self, Account, Payer, Resource};
use super::catalogue;
use super::sku::{self, Sku};
use super::template::{Shape, Template};
use super::{Anomaly, Scale};
use crate::calendar::{Hour, Interval};
use crate::decimal::Decimal;
use crate::random;

/// A run of usage lines that differ only in hour and amount.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) account: Arc<Account>,
    pub(super) sku: Arc<Sku>,
    pub(super) resource: Option<Arc<Resource>>,
    pub(super) template: &'static Template,
    /// Long name of the region, as EC2 Instance Savings Plans write it.
    pub(super) location: &'static str,
    /// Own chance of the series.
    seed: u64,
}

impl Series {
    /// What `step` used; none when nothing ran. A line for several hours at once has their whole
    /// amount; a ledger by the day leaves the days between out, to stay small.
    pub(super) fn amount(&self, step: Interval, month_index: u32) -> Option<Decimal> {
        let every = self.template.every;
        let offset = (self.seed % 1_000).cast_signed();
        let (slot, hours) = if step.hours() == 1 {
            (step.start.0, every)
        } else {
            (step.start.day_number(), step.hours())
        };
        if (slot + offset) % every != 0 {
            return None;
        }
        let mean = self.template.mean;
        let amount = match self.template.shape {
            Shape::Steady => mean.times_whole(hours),
            Shape::Working => mean.times_whole(count(step, is_working)),
            Shape::Chance(percent) => mean.times_whole(count(step, |hour| {
                let bits = random::hash_number(self.seed, hour.0.cast_unsigned());
                random::below(bits, 100) < percent
            })),
            // A day at once takes after its noon.
            Shape::Varying => {
                let middle = step.start.plus(step.hours() / 2);
                self.varying(middle, month_index).times_whole(hours)
            }
        };
        (!amount.is_zero()).then(|| amount.round(10))
    }

    /// The mean, moved by the hour of the day, the weekend, chance (±40 %) and 4 % growth a month.
    fn varying(&self, hour: Hour, month_index: u32) -> Decimal {
        // Percent of the mean by hour of the day: quiet nights, busy evenings.
        const COURSE: [i64; 24] = [
            58, 49, 43, 40, 42, 51, 66, 84, 99, 108, 114, 118, 121, 119, 117, 116, 118, 124, 133,
            141, 138, 122, 98, 75,
        ];
        let at = usize::try_from(hour.of_day()).unwrap_or(0);
        let course = COURSE.get(at).copied().unwrap_or(100);
        let weekend = if hour.is_weekend() { 72 } else { 100 };
        let chance = random::below(random::hash_number(self.seed, hour.0.cast_unsigned()), 800_000);
        let growth = 100 + 4 * i64::from(month_index);
        let weight = course * weekend * growth * (600_000 + chance.cast_signed());
        // Three percentages and a share of a million.
        self.template.mean.ratio(weight / 1_000, 1_000_000_000, 10)
    }

    /// The charged price in `hour`: the list price, or for spot what the day's market asks.
    pub(super) fn rate(&self, hour: Hour) -> Decimal {
        if !self.template.spot {
            return self.sku.rate;
        }
        let day = random::hash_number(self.seed >> 32, hour.day_number().cast_unsigned());
        self.sku.rate.ratio(88 + random::below(day, 25).cast_signed(), 100, 6)
    }

    /// The amount during `anomaly`.
    pub(super) fn raised(&self, anomaly: &Anomaly, step: Interval, amount: Decimal) -> Decimal {
        let hit = self.account.id == anomaly.account_id
            && self.sku.product.code == anomaly.product_code
            && step.within(anomaly.interval).hours() > 0;
        if hit { amount.times_whole(anomaly.factor) } else { amount }
    }
}

/// From 07:00 to 19:00 UTC on weekdays.
fn is_working(hour: Hour) -> bool {
    !hour.is_weekend() && (7..19).contains(&hour.of_day())
}

fn count(step: Interval, holds: impl Fn(Hour) -> bool) -> i64 {
    (0..step.hours()).map(|at| i64::from(holds(step.start.plus(at)))).sum()
}

/// All that `payer` uses.
pub(super) fn all(seed: u64, payer: &Payer, scale: Scale) -> Vec<Series> {
    let mut series = Vec::new();
    for (at, template) in catalogue::templates().enumerate() {
        for account in &payer.accounts {
            let fleet = template.fleet.iter().find(|(role, _)| *role == account.role);
            // Globex is half the size of Acme.
            let share = |count: u32| if payer.index == 0 { count } else { count.div_ceil(2) };
            let count = fleet.map_or(0, |(_, count)| scale.fleet(share(*count)));
            // Without a resource two lines of an hour could not be told apart.
            let count = if template.resource.is_empty() { count.min(1) } else { count };
            let sku = template.sku(sku::region(account.region));
            for number in 1..=count {
                let own = format!("{}/{at}/{number}", account.id);
                series.push(Series {
                    resource: resource(seed, payer, account, template, number),
                    account: Arc::clone(account),
                    sku: Arc::clone(&sku),
                    template,
                    location: sku::region(account.region).location,
                    seed: random::hash(seed, &own),
                });
            }
        }
    }
    series
}

/// The `number`th resource of `template` in `account`. Templates with the same slug and id pattern
/// meter the same resource.
fn resource(
    seed: u64,
    payer: &Payer,
    account: &Account,
    template: &Template,
    number: u32,
) -> Option<Arc<Resource>> {
    if template.resource.is_empty() {
        return None;
    }
    let slug = template.slug;
    let own = format!("{}/{slug}/{number}/{}", account.id, template.resource);
    let bits = random::hash(seed, &own);
    let zone = ["a", "b", "c"][usize::try_from(bits % 3).unwrap_or(0)];
    let id = template
        .resource
        .replace("{region}", account.region)
        .replace("{account}", account.id)
        .replace("{name}", &format!("{slug}-{number:02}"))
        .replace("{hex}", &random::text(bits, random::HEX, 16));
    let availability_zone =
        if template.zonal { format!("{}{zone}", account.region) } else { String::new() };
    let tags = account::tags(seed, payer, account, slug, number);
    Some(Arc::new(Resource { id, availability_zone, tags }))
}
