//! What follows from the month's charges: enterprise discounts, taxes, credits and refunds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::account::{Account, Role};
use super::catalogue;
use super::ledger::Draft;
use super::line::{BillType, Kind, Line};
use super::sku::{Product, Sku};
use crate::calendar::Interval;
use crate::decimal::Decimal;
use crate::random;

/// What falls on a product in an account.
type Share = (Arc<Account>, Product, Decimal);

impl Draft<'_> {
    /// Fills in each line's discount, and adds a line per day, account and product with their sum:
    /// Σ cost of all lines is then Σ net cost.
    pub(super) fn add_discounts(&mut self) {
        let Some(percent) = self.payer.edp_percent else {
            self.lines.iter_mut().for_each(|line| line.discount = None);
            return;
        };
        let mut sums: BTreeMap<(i64, &str, &str), Share> = BTreeMap::new();
        for line in &mut self.lines {
            let own = line.discount.unwrap_or_else(|| {
                let off = if is_discountable(line) { percent } else { 0 };
                -line.cost.ratio(off, 100, 10)
            });
            line.discount = Some(own);
            let day = line.interval.start.day_number();
            let key = (day, line.account.id, line.sku.product.code);
            let sum = sums.entry(key);
            let new = || (Arc::clone(&line.account), line.sku.product, Decimal::ZERO);
            sum.or_insert_with(new).2 += own;
        }
        for ((day, ..), (account, product, sum)) in sums {
            if sum.is_zero() {
                continue;
            }
            let mut sku = Sku::bare(product, "", "");
            "Enterprise Program Discount".clone_into(&mut sku.description);
            let usage = Interval::of(crate::calendar::Hour(day * 24), 24);
            let one = Decimal::ONE;
            let line =
                self.line(Kind::EdpDiscount, &account, &Arc::new(sku), self.slot(usage), one);
            self.lines.push(Line { usage, cost: sum, discount: Some(Decimal::ZERO), ..line });
        }
    }

    /// A line per account and product, over the whole month. In the United States only some
    /// accounts are taxed; the others get their line of 0, as AWS writes it.
    pub(super) fn add_taxes(&mut self) {
        let mut bases: BTreeMap<(&str, &str), Share> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| line.kind != Kind::EdpDiscount) {
            let key = (line.account.id, line.sku.product.code);
            let new = || (Arc::clone(&line.account), line.sku.product, Decimal::ZERO);
            bases.entry(key).or_insert_with(new).2 += line.net_cost().unwrap_or(line.cost);
        }
        for (account, product, base) in bases.into_values() {
            let taxed =
                self.payer.index > 0 || matches!(account.role, Role::Production | Role::Data);
            let points = if taxed { self.payer.tax_basis_points } else { 0 };
            let month = self.month.interval();
            let mut sku = Sku::bare(product, "", "");
            sku.description = format!("Tax for product code {}", product.code);
            let line =
                self.line(Kind::Tax, &account, &Arc::new(sku), self.slot(month), Decimal::ONE);
            self.lines.push(Line {
                usage: month,
                cost: base.ratio(points, 10_000, 2),
                tax_type: Some(self.payer.tax_type),
                discount: self.no_discount(),
                // Taxes are AWS's even on what a third party sells.
                legal_entity: self.payer.invoicing_entity,
                ..line
            });
        }
    }

    /// Promotional credits by the day, and refunds.
    pub(super) fn add_credits(&mut self) {
        let (role, text, cents) = match self.payer.index {
            0 => (Role::Learning, "AWS Activate promotional credit: ACTIVATE-2K", 900),
            _ => (Role::Production, "AWS MAP credit, \"Migrate\" tranche 2", 240),
        };
        // The credit is used up after the second month.
        if self.index < 2 {
            for day in self.span.steps(24) {
                let number = day.start.day_number().cast_unsigned();
                let bits = random::hash_number(self.seed, number);
                let cents = cents + random::below(bits, 200).cast_signed();
                self.add_return(Kind::Credit, role, text, Decimal::new(cents, 2), day);
            }
        }
        let tenth = Interval::of(self.month.day(10).start(), 24);
        if self.settled && self.index == 2 {
            let text = "Refund for Amazon EC2 service credit request";
            self.add_return(Kind::Refund, Role::Shared, text, Decimal::new(3_742, 2), tenth);
        }
        if self.restated || (self.payer.index == 1 && self.settled && self.index == 0) {
            let text = "Refund for overcharge on Amazon EC2, case 170000000001";
            self.add_return(Kind::Refund, Role::Production, text, Decimal::new(21_850, 2), tenth);
            if let Some(line) = self.lines.last_mut() {
                line.bill_type = BillType::Refund;
            }
        }
    }

    /// Money back on EC2: `amount` is positive, the line's cost negative.
    fn add_return(&mut self, kind: Kind, role: Role, text: &str, amount: Decimal, day: Interval) {
        let Some(account) = self.payer.account(role).cloned() else { return };
        let mut sku = Sku::bare(catalogue::EC2, "", "");
        text.clone_into(&mut sku.description);
        let line = self.line(kind, &account, &Arc::new(sku), self.slot(day), Decimal::ONE);
        self.lines.push(Line { usage: day, cost: -amount, discount: self.no_discount(), ..line });
    }

    /// The discount of lines that never have one.
    fn no_discount(&self) -> Option<Decimal> {
        self.payer.edp_percent.map(|_| Decimal::ZERO)
    }
}

/// Is the line under the enterprise agreement? This one leaves out Savings Plans, support and the
/// marketplace. Reservations bring their own discount along.
fn is_discountable(line: &Line) -> bool {
    let kind = matches!(line.kind, Kind::Usage | Kind::DiscountedUsage | Kind::Fee | Kind::RiFee);
    kind && !line.is_marketplace() && !line.sku.product.code.starts_with("AWSSupport")
}
