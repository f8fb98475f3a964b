//! The sums at the end of each report.

use std::collections::BTreeMap;

use super::DbrReport;
use super::text::{invoice, period};
use crate::calendar::Month;
use crate::decimal::Decimal;
use crate::synth::{Kind, Line};

/// The columns of money: before tax, credits, tax and, apart, the blended cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) before_tax: Decimal,
    pub(super) credits: Decimal,
    pub(super) tax: Decimal,
    pub(super) blended: Decimal,
}

impl Sums {
    /// The line's cost in its column.
    pub(super) fn of(line: &Line) -> Self {
        let blended = line.blended_cost().unwrap_or_default();
        let none = Self { blended, ..Self::default() };
        match line.kind {
            Kind::Tax => Self { tax: line.cost, ..none },
            Kind::Credit => Self { credits: line.cost, ..none },
            _ => Self { before_tax: line.cost, ..none },
        }
    }

    /// Adds `other`.
    pub(super) fn add(&mut self, other: Self) {
        self.before_tax += other.before_tax;
        self.credits += other.credits;
        self.tax += other.tax;
        self.blended += other.blended;
    }

    /// All that is charged.
    pub(super) fn total(self) -> Decimal {
        self.before_tax + self.credits + self.tax
    }
}

/// A row that sums up others.
pub(super) struct Total {
    /// Empty for the statement.
    pub(super) invoice_id: String,
    /// Only on totals of accounts.
    pub(super) account_id: String,
    /// Only on totals of accounts.
    pub(super) account_name: String,
    pub(super) record_type: &'static str,
    /// Empty for the statement.
    pub(super) record_id: String,
    pub(super) description: String,
    pub(super) sums: Sums,
}

/// The totals in the reports' order: of each invoice, each account, and the statement.
pub(super) fn totals(report: &DbrReport, month: Month, lines: &[Line]) -> Vec<Total> {
    let mut invoices: BTreeMap<&str, Sums> = BTreeMap::new();
    let mut accounts: BTreeMap<(&str, &str), Sums> = BTreeMap::new();
    let mut statement = Sums::default();
    for line in lines {
        let own = Sums::of(line);
        invoices.entry(invoice(line)).or_default().add(own);
        accounts.entry((line.account.id, line.account.name)).or_default().add(own);
        statement.add(own);
    }
    if !report.consolidated {
        accounts.clear();
    }
    let invoices = invoices.into_iter().map(|(id, sums)| Total {
        invoice_id: id.to_owned(),
        account_id: String::new(),
        account_name: String::new(),
        record_type: "InvoiceTotal",
        record_id: format!("InvoiceTotal:{id}"),
        description: format!("Total amount for invoice {id}"),
        sums,
    });
    let accounts = accounts.into_iter().map(|((id, name), sums)| Total {
        invoice_id: String::new(),
        account_id: id.to_owned(),
        account_name: name.to_owned(),
        record_type: "AccountTotal",
        record_id: format!("AccountTotal:{id}"),
        description: format!("Total for linked account# {id} ({name})"),
        sums,
    });
    let statement = Total {
        invoice_id: String::new(),
        account_id: String::new(),
        account_name: String::new(),
        record_type: "StatementTotal",
        record_id: String::new(),
        description: format!("Total statement amount for period {}", period(month)),
        sums: statement,
    };
    invoices.chain(accounts).chain([statement]).collect()
}
