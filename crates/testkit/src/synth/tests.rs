//! The ledger's sums close, to the last digit.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{BillType, Commitment, Kind, Line, Organisation, Payer, Scale};
use crate::calendar::{Date, Month};
use crate::decimal::Decimal;

const TODAY: Date = Date::new(2026, 8, 19);

/// The small organisation by the day, and two months of it by the hour.
fn organisations() -> [Organisation; 2] {
    let hourly = Organisation::new(9, Month::new(2026, 7), 2, Date::new(2026, 8, 4), Scale::Demo);
    [Organisation::ending(1, TODAY, Scale::Small), hourly]
}

fn each_ledger(mut check: impl FnMut(&Organisation, &Payer, Month, &[Line])) {
    for organisation in organisations() {
        for payer in organisation.payers() {
            for month in organisation.months() {
                for version in 1..=organisation.versions(payer, month) {
                    let lines = organisation.ledger(payer, month, version);
                    assert!(lines.len() > 50, "{} {month}: {}", payer.id, lines.len());
                    check(&organisation, payer, month, &lines);
                }
            }
        }
    }
}

#[test]
fn cost_is_rate_times_amount() {
    each_ledger(|_, _, _, lines| {
        let mut checked = 0;
        for line in lines {
            assert_eq!(line.amount, line.amount.round(10));
            assert_eq!(line.cost, line.cost.round(10));
            if let Some(rate) = line.rate
                && matches!(line.kind, Kind::Usage | Kind::SavingsPlanCoveredUsage | Kind::RiFee)
            {
                assert_eq!(line.cost, rate.times(line.amount, 10), "{line:?}");
                checked += 1;
            }
        }
        assert!(checked > 50);
    });
}

#[test]
fn negations_cancel_covered_usage_exactly() {
    let mut steps = 0;
    each_ledger(|_, _, _, lines| {
        let mut sums: BTreeMap<_, Decimal> = BTreeMap::new();
        let kinds = [Kind::SavingsPlanCoveredUsage, Kind::SavingsPlanNegation];
        for line in lines.iter().filter(|line| kinds.contains(&line.kind)) {
            let zone = line.resource.as_ref().map(|own| own.availability_zone.as_str());
            let sku = (line.sku.operation.as_str(), line.sku.usage_type.as_str());
            let key = (line.interval, line.commitment.arn(), line.account.id, sku, zone);
            *sums.entry(key).or_default() += line.cost;
        }
        assert!(sums.values().all(|sum| sum.is_zero()));
        steps += sums.len();
    });
    assert!(steps > 1_000);
}

#[test]
fn plans_spend_their_commitment() {
    let (mut full, mut partial) = (0, 0);
    each_ledger(|_, _, _, lines| {
        let mut used: BTreeMap<_, Decimal> = BTreeMap::new();
        for line in lines {
            if let Commitment::PlanUsage { plan, effective, .. } = &line.commitment {
                *used.entry((line.interval, plan.arn.as_str())).or_default() += *effective;
            }
        }
        for line in lines {
            if let Commitment::PlanFee { plan, total, used: own, upfront } = &line.commitment {
                let sum = used.remove(&(line.interval, plan.arn.as_str())).unwrap_or_default();
                assert_eq!(*own, sum);
                assert!(sum <= *total);
                assert_eq!(*total, plan.hourly.times_whole(line.usage.hours()));
                assert_eq!(line.cost, *total - *upfront);
                if sum == *total { full += 1 } else { partial += 1 }
            }
        }
        assert!(used.is_empty(), "usage without an hour of its plan");
    });
    assert!(partial > 100, "{full} {partial}");
}

#[test]
fn reservations_amortize_to_their_fees() {
    let (mut months, mut unused) = (0, 0);
    each_ledger(|_, payer, _, lines| {
        for fee in lines {
            let Commitment::ReservationFee(reservation, month) = &fee.commitment else { continue };
            let [mut hours, mut gross, mut net] = [Decimal::ZERO; 3];
            for line in lines {
                if let Commitment::ReservationUsage { reservation: own, upfront, recurring } =
                    &line.commitment
                    && own.arn == reservation.arn
                {
                    hours += line.amount;
                    gross += upfront.gross + recurring.gross;
                    net += upfront.net + recurring.net;
                    assert_eq!(line.rate, Some(Decimal::ZERO));
                    assert!(line.cost.is_zero());
                }
            }
            assert_eq!(hours + month.unused_hours, month.hours);
            gross += month.unused_upfront.gross + month.unused_recurring.gross;
            assert_eq!(gross, month.upfront.gross + fee.cost);
            net += month.unused_upfront.net + month.unused_recurring.net;
            assert_eq!(net, month.upfront.net + fee.net_cost().unwrap_or(fee.cost));
            assert_eq!(
                payer.edp_percent.is_some(),
                month.upfront.gross != month.upfront.net
                    || reservation.recurring_hourly.gross != reservation.recurring_hourly.net
            );
            assert!(!hours.is_zero());
            months += 1;
            unused += usize::from(!month.unused_hours.is_zero());
        }
    });
    assert!(months > 12 && unused > 3, "{months} {unused}");
}

/// Amortized + true-up + upfront fees = unblended: the identity of AWS's own dashboards.
#[test]
fn amortized_cost_bridges_to_unblended() {
    each_ledger(|_, _, _, lines| {
        let mut bridge = Decimal::ZERO;
        for line in lines {
            bridge += match &line.commitment {
                Commitment::ReservationUsage { upfront, recurring, .. } => {
                    upfront.gross + recurring.gross
                }
                Commitment::ReservationFee(_, month) => {
                    month.unused_upfront.gross + month.unused_recurring.gross - month.upfront.gross
                }
                Commitment::PlanUsage { effective, .. } => *effective,
                Commitment::PlanNegation(_) => Decimal::ZERO,
                Commitment::PlanFee { total, used, upfront, .. } => *total - *used - *upfront,
                Commitment::None
                | Commitment::ReservationPurchase(_)
                | Commitment::PlanPurchase(_) => line.cost,
            };
        }
        assert_eq!(bridge, lines.iter().map(|line| line.cost).sum());
    });
}

#[test]
fn discount_lines_are_what_net_costs_leave_out() {
    each_ledger(|_, payer, _, lines| {
        let gross: Decimal = lines.iter().map(|line| line.cost).sum();
        let others = lines.iter().filter(|line| line.kind != Kind::EdpDiscount);
        if payer.edp_percent.is_none() {
            assert_eq!(others.count(), lines.len());
            assert!(lines.iter().all(|line| line.net_cost().is_none()));
            return;
        }
        let net: Vec<_> = others.filter_map(Line::net_cost).collect();
        let discounts = lines.iter().filter(|line| line.kind == Kind::EdpDiscount);
        let discounts: Vec<_> = discounts.map(|line| line.cost).collect();
        assert_eq!(net.len() + discounts.len(), lines.len());
        assert_eq!(gross, net.into_iter().sum());
        assert!(discounts.iter().all(|cost| *cost < Decimal::ZERO));
        assert!(discounts.len() > 10);
    });
}

#[test]
fn ids_are_unique_and_open_months_have_no_invoice() {
    each_ledger(|organisation, _, month, lines| {
        let keys: HashSet<_> = lines.iter().map(|line| (line.id, line.interval)).collect();
        assert_eq!(keys.len(), lines.len());
        let invoiced = lines.iter().filter(|line| line.invoice_id.is_some()).count();
        if organisation.is_open(month) {
            assert_eq!(invoiced, 0);
        } else {
            assert!(invoiced == 0 || invoiced == lines.len());
        }
        for line in lines {
            assert!(month.interval().within(line.interval) == line.interval, "{line:?}");
        }
    });
}

#[test]
fn the_restated_month_changes() {
    let organisation = Organisation::ending(1, TODAY, Scale::Small);
    let (payer, month) = organisation.restated().expect("four months");
    let before = organisation.ledger(payer, month, 1);
    let after = organisation.ledger(payer, month, 2);
    assert!(before.iter().all(|line| line.invoice_id.is_none()));
    assert!(after.iter().all(|line| line.invoice_id.is_some()));
    let refunds = after.iter().filter(|line| line.bill_type == BillType::Refund);
    assert_eq!(refunds.count(), 1);
    assert!(before.iter().all(|line| line.bill_type != BillType::Refund));
    let amount = |lines: &[Line]| {
        let own = lines.iter().filter(|line| line.sku.product.code == "AmazonS3");
        own.map(|line| line.amount).sum::<Decimal>()
    };
    assert!(amount(&after) > amount(&before));
}

#[test]
fn the_anomaly_stands_out() {
    let organisation = Organisation::ending(1, TODAY, Scale::Small);
    let anomaly = organisation.anomaly();
    let payer = &organisation.payers()[0];
    let month = organisation.months()[2];
    let mut days: BTreeMap<i64, Decimal> = BTreeMap::new();
    for line in organisation.ledger(payer, month, 1) {
        let own = line.account.id == anomaly.account_id
            && line.sku.product.code == anomaly.product_code
            && line.kind == Kind::Usage;
        if own {
            *days.entry(line.interval.start.day_number()).or_default() += line.cost;
        }
    }
    let hit = anomaly.interval.start.day_number()..anomaly.interval.end.day_number();
    let (inside, outside): (Vec<_>, Vec<_>) =
        days.into_iter().partition(|(day, _)| hit.contains(day));
    assert_eq!(inside.len(), 3);
    let usual = outside.iter().map(|(_, cost)| *cost).max().expect("other days");
    assert!(inside.iter().all(|(_, cost)| *cost > usual.times_whole(2)));
}

#[test]
fn the_bill_is_broad() {
    let organisation = Organisation::ending(1, TODAY, Scale::Small);
    let (mut kinds, mut products, mut accounts) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut rows = 0;
    for payer in organisation.payers() {
        for month in organisation.months() {
            for line in organisation.ledger(payer, month, 1) {
                kinds.insert(line.kind);
                products.insert(line.sku.product.code);
                accounts.insert(line.account.id);
                rows += 1;
            }
        }
    }
    assert_eq!(kinds.len(), 12);
    assert!(products.len() >= 35, "{products:?}");
    assert_eq!(accounts.len(), 13);
    assert!((3_000..25_000).contains(&rows), "{rows}");
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let tell = |seed| {
        let organisation = Organisation::ending(seed, TODAY, Scale::Small);
        let payer = &organisation.payers()[1];
        format!("{:?}", organisation.ledger(payer, organisation.months()[1], 1))
    };
    assert_eq!(tell(4), tell(4));
    assert_ne!(tell(4), tell(5));
}

/// A day in the first morning of a month still has usage.
#[test]
fn the_first_of_a_month_is_not_empty() {
    let organisation = Organisation::ending(1, Date::new(2026, 8, 1), Scale::Demo);
    let lines = organisation.ledger(&organisation.payers()[0], Month::new(2026, 8), 1);
    assert!(lines.iter().filter(|line| line.kind == Kind::Usage).count() > 300);
}
