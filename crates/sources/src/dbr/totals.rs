//! Rows that sum up others, and what those others add up to.
//!
//! `StatementTotal`, `InvoiceTotal` and `AccountTotal` rows are no lines and never reach the cost
//! table. Their amounts are kept here, beside the sums of the lines as read, so that the two can
//! be compared (INV-ONE: they end up in the column `ControlTotals` of `deliveries`).

use std::collections::BTreeMap;

use billhook_money::Sum;

use crate::format::Binding;
use crate::intern::Interner;
use crate::text::split::Record;
use crate::text::unquote;

/// What a total sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The whole file.
    Statement,
    /// One invoice.
    Invoice,
    /// One account.
    Account,
}

impl Scope {
    const ALL: [Self; 3] = [Self::Statement, Self::Invoice, Self::Account];

    /// AWS's record type.
    #[must_use]
    pub const fn record_type(self) -> &'static str {
        match self {
            Self::Statement => "StatementTotal",
            Self::Invoice => "InvoiceTotal",
            Self::Account => "AccountTotal",
        }
    }
}

/// Which lines a total is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What it sums up.
    pub scope: Scope,
    /// The invoice's or the account's number; empty for a statement.
    pub id: String,
    /// Currency code, empty where the file names none.
    pub currency: String,
}

/// Some rows and what they add up to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Added {
    /// Number of rows.
    pub rows: u64,
    /// Their sum.
    pub sum: Sum,
}

impl Added {
    fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum += other.sum;
    }
}

/// What files state and what their lines add up to.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// What rows that sum up others say.
    pub stated: BTreeMap<Key, Added>,
    /// Rows that sum up others and whose amount cannot be read, in words.
    pub unreadable: Vec<String>,
    /// Lines by currency, invoice and account, the texts one after another; see [`SEPARATOR`].
    keys: Interner,
    /// What the lines of each key add up to.
    lines: Vec<Added>,
}

/// Between the texts of a key of lines. No AWS id has it.
const SEPARATOR: u8 = 0x1f;

impl Totals {
    /// Adds what another worker saw.
    pub fn merge(&mut self, other: Self) {
        for (key, added) in other.stated {
            self.stated.entry(key).or_default().merge(added);
        }
        for (id, added) in (0..).zip(other.lines) {
            self.line(other.keys.get(id)).merge(added);
        }
        self.unreadable.extend(other.unreadable);
    }

    fn lines(&self) -> impl Iterator<Item = (&[u8], &Added)> {
        (0..).zip(&self.lines).map(|(id, added)| (self.keys.get(id), added))
    }

    fn line(&mut self, texts: &[u8]) -> &mut Added {
        let at = self.keys.intern(texts) as usize;
        if at == self.lines.len() {
            self.lines.push(Added::default());
        }
        &mut self.lines[at]
    }

    /// The currencies that are named.
    pub fn currencies(&self) -> impl Iterator<Item = &str> {
        let stated = self.stated.keys().map(|key| key.currency.as_str());
        let lines = self.lines().filter_map(|(texts, _)| {
            let code = texts.split(|byte| *byte == SEPARATOR).next()?;
            std::str::from_utf8(code).ok()
        });
        stated.chain(lines).filter(|code| !code.is_empty())
    }

    /// What the lines add up to, for every scope.
    #[must_use]
    pub fn added_up(&self) -> BTreeMap<Key, Added> {
        let mut all: BTreeMap<Key, Added> = BTreeMap::new();
        for (texts, added) in self.lines() {
            let mut texts = texts.split(|byte| *byte == SEPARATOR);
            let mut text =
                || String::from_utf8_lossy(texts.next().unwrap_or_default()).into_owned();
            let (currency, invoice, account) = (text(), text(), text());
            for scope in Scope::ALL {
                let id = match scope {
                    Scope::Statement => String::new(),
                    Scope::Invoice => invoice.clone(),
                    Scope::Account => account.clone(),
                };
                let key = Key { scope, id, currency: currency.clone() };
                all.entry(key).or_default().merge(*added);
            }
        }
        all
    }
}

/// Tells totals from lines in files of one header.
#[derive(Debug)]
pub struct Watch {
    record_type: Option<usize>,
    record_id: Option<usize>,
    invoice: Option<usize>,
    payer: Option<usize>,
    account: Option<usize>,
    currency: Option<usize>,
    amount: Option<usize>,
    scratch: Vec<u8>,
    /// What was seen so far.
    pub totals: Totals,
}

impl Watch {
    /// A watch over files with this header.
    #[must_use]
    pub fn new(binding: &Binding) -> Self {
        let at = |name| binding.position(name);
        Self {
            record_type: at("record_type"),
            record_id: at("record_id"),
            invoice: at("invoice_id"),
            payer: at("payer_account_id"),
            account: at("linked_account_id"),
            currency: at("currency_code"),
            amount: at("unblended_cost").or_else(|| at("cost")).or_else(|| at("total_cost")),
            scratch: Vec::new(),
            totals: Totals::default(),
        }
    }

    /// Takes a record in. True when it sums up others, so that it is no line. `row` is its number
    /// in `file`.
    pub fn takes(&mut self, record: &Record<'_>, file: &str, row: u64) -> bool {
        let field = |position: Option<usize>| match position {
            Some(position) if position < record.len() => unquote(record.field(position)),
            _ => std::borrow::Cow::Borrowed(&b""[..]),
        };
        let record_type = field(self.record_type);
        // Nearly every record is a line: the names need not be looked at.
        let is_total = record_type
            .last_chunk()
            .is_some_and(|end: &[u8; 5]| end.eq_ignore_ascii_case(b"Total"));
        let is_scope =
            |scope: &Scope| record_type.eq_ignore_ascii_case(scope.record_type().as_bytes());
        let scope = if is_total { Scope::ALL.into_iter().find(is_scope) } else { None };
        let amount = field(self.amount);
        let parsed = match &*amount {
            b"" | b"None" => Ok(0),
            text => billhook_money::parse(text).map(|parsed| parsed.units),
        };
        let account = field(self.account);
        let account = if account.is_empty() { field(self.payer) } else { account };
        let Some(scope) = scope else {
            // A line whose amount cannot be read is told by the decoder.
            self.add_line(&field(self.currency), &field(self.invoice), &account, parsed.ok());
            return false;
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match parsed {
            Ok(units) => {
                let id = match scope {
                    Scope::Statement => String::new(),
                    Scope::Invoice => named(&field(self.record_id), &field(self.invoice)),
                    Scope::Account => named(&field(self.record_id), &account),
                };
                let key = Key { scope, id, currency: text(&field(self.currency)) };
                let stated = self.totals.stated.entry(key).or_default();
                stated.rows += 1;
                stated.sum.add(units);
            }
            Err(error) => self.totals.unreadable.push(format!(
                "{file} record {row}: the amount {:?} of a {} is {error}",
                text(&amount),
                scope.record_type(),
            )),
        }
        true
    }

    fn add_line(&mut self, currency: &[u8], invoice: &[u8], account: &[u8], units: Option<i128>) {
        self.scratch.clear();
        for text in [currency, invoice, account] {
            self.scratch.extend_from_slice(text);
            self.scratch.push(SEPARATOR);
        }
        let added = self.totals.line(&self.scratch);
        if let Some(units) = units {
            added.rows += 1;
            added.sum.add(units);
        }
    }
}

/// The number that a total is about: its own column says it, else the end of its record id, such
/// as `InvoiceTotal:123456789`.
fn named(record_id: &[u8], column: &[u8]) -> String {
    let id = record_id.iter().position(|byte| *byte == b':');
    let id = id.map(|colon| &record_id[colon + 1..]).filter(|id| !id.is_empty());
    String::from_utf8_lossy(id.unwrap_or(column)).into_owned()
}
