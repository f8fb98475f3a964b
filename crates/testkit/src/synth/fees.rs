//! Fees: reservations, upfront payments, support, contracts and domains.

use std::sync::Arc;

use super::account::{Account, Role};
use super::catalogue;
use super::commitment::{Amount, Commitment, Reservation, ReservationMonth};
use super::ledger::Draft;
use super::line::{BillType, Kind, Line};
use super::sku::Sku;
use crate::calendar::Interval;
use crate::decimal::Decimal;

impl Draft<'_> {
    /// Per reservation the `RIFee` line of the known part of the month, and the upfront fee in the
    /// month of purchase.
    pub(super) fn add_reservation_fees(&mut self) {
        for reservation in &self.contracts.reservations {
            let period = self.span.within(reservation.term);
            if period.hours() == 0 {
                continue;
            }
            let purchased = self.month.interval().within(reservation.term).start;
            if purchased == reservation.term.start && !reservation.upfront_value().gross.is_zero() {
                let fee = self.upfront_fee(reservation);
                self.lines.push(fee);
            }
            let fee = self.month_fee(reservation, period);
            self.lines.push(fee);
        }
    }

    fn upfront_fee(&self, reservation: &Arc<Reservation>) -> Line {
        let amount = Decimal::ONE.times_whole(reservation.count);
        let hour = Interval::of(reservation.term.start, 1);
        let value = reservation.upfront_value();
        let rate = value.gross.ratio(1, reservation.count, 10);
        let description =
            format!("Sign up charge for subscription: {}", reservation.subscription_id);
        let line = self.line(
            Kind::Fee,
            &reservation.account,
            &reservation.fee_sku,
            self.slot(hour),
            amount,
        );
        Line {
            bill_type: BillType::Purchase,
            usage: hour,
            rate: Some(rate),
            cost: value.gross,
            discount: Some(value.net - value.gross),
            description: description.into(),
            commitment: Commitment::ReservationPurchase(Arc::clone(reservation)),
            ..line
        }
    }

    /// What the period offered, less what the lines so far have used of it.
    fn month_fee(&self, reservation: &Arc<Reservation>, period: Interval) -> Line {
        let hours = Decimal::ONE.times_whole(reservation.count * period.hours());
        let mut used_hours = Decimal::ZERO;
        let (mut used_upfront, mut used_recurring) = (Amount::default(), Amount::default());
        for line in &self.lines {
            if let Commitment::ReservationUsage { reservation: own, upfront, recurring } =
                &line.commitment
                && own.arn == reservation.arn
            {
                used_hours += line.amount;
                used_upfront = used_upfront.and(*upfront);
                used_recurring = used_recurring.and(*recurring);
            }
        }
        let upfront = reservation.upfront_hourly.times(hours);
        let recurring = reservation.recurring_hourly.times(hours);
        let month = ReservationMonth {
            hours,
            unused_hours: hours - used_hours,
            upfront,
            unused_upfront: upfront.less(used_upfront),
            unused_recurring: recurring.less(used_recurring),
        };
        let slot = self.slot(period);
        let line = self.line(Kind::RiFee, &reservation.account, &reservation.fee_sku, slot, hours);
        Line {
            usage: period,
            factor: Some(reservation.factor),
            rate: Some(reservation.recurring_hourly.gross),
            cost: recurring.gross,
            discount: Some(recurring.net - recurring.gross),
            commitment: Commitment::ReservationFee(Arc::clone(reservation), month),
            ..line
        }
    }

    /// Upfront payments of plans, support, contracts and domains.
    pub(super) fn add_fees(&mut self) {
        for plan in &self.contracts.plans {
            let bought = self.span.within(Interval::of(plan.term.start, 1));
            if bought.hours() == 0 || plan.upfront().is_zero() {
                continue;
            }
            let one = Decimal::ONE;
            let slot = self.slot(bought);
            let line =
                self.line(Kind::SavingsPlanUpfrontFee, &plan.account, &plan.fee_sku, slot, one);
            self.lines.push(Line {
                bill_type: BillType::Purchase,
                usage: bought,
                rate: Some(plan.upfront()),
                cost: plan.upfront(),
                commitment: Commitment::PlanPurchase(Arc::clone(plan)),
                ..line
            });
        }
        if self.settled {
            self.add_support();
        }
        match (self.payer.index, self.index) {
            (0, 0) => {
                let sku = Sku::bare(catalogue::CONTRACT, "Global-SoftwareUsage-Contracts", "");
                let text = "AWS Marketplace annual contract|Enterprise tier";
                self.add_purchase(Role::Data, sku, text, Decimal::new(14_400, 0), 5);
            }
            (1, 1) => {
                let sku = Sku::bare(catalogue::REGISTRAR, "Global-domain-registration", "Register");
                let text = "Registration of globex.example";
                self.add_purchase(Role::Shared, sku, text, Decimal::new(13, 0), 9);
            }
            _ => {}
        }
    }

    /// The support plan: a tenth of the month's AWS charges, for the management account.
    fn add_support(&mut self) {
        let charges = self.lines.iter().filter(|line| !line.is_marketplace());
        let spend = charges.map(|line| line.cost).sum::<Decimal>().round(2);
        let Some(product) = catalogue::SUPPORT.get(self.payer.index) else { return };
        let mut sku = Sku::bare(*product, "Dollar", "");
        "Dollar".clone_into(&mut sku.unit);
        sku.description = format!("10% of monthly AWS usage for {}", product.name);
        let rate = Decimal::new(1, 1);
        let Some(account) = self.payer.accounts.first().cloned() else { return };
        let month = self.month.interval();
        let line = self.line(Kind::Fee, &account, &Arc::new(sku), self.slot(month), spend);
        self.lines.push(Line {
            usage: month,
            rate: Some(rate),
            cost: rate.times(spend, 10),
            ..line
        });
    }

    /// A one-off purchase at noon of the `day`th, if the month is known so far.
    fn add_purchase(&mut self, role: Role, sku: Sku, text: &str, cost: Decimal, day: u32) {
        let noon = Interval::of(self.month.day(day).start().plus(12), 1);
        let known = self.span.within(noon).hours() > 0;
        let account: Option<Arc<Account>> = self.payer.account(role).cloned();
        let Some(account) = account.filter(|_| known) else { return };
        // In reports by day the slot is the whole day.
        let slot = self.slot(Interval::of(self.month.day(day).start(), 24));
        let slot = if self.step_hours == 1 { noon } else { slot };
        let line = self.line(Kind::Fee, &account, &Arc::new(sku), slot, Decimal::ONE);
        self.lines.push(Line {
            bill_type: BillType::Purchase,
            usage: noon,
            cost,
            description: text.into(),
            ..line
        });
    }
}
