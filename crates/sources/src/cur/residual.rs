//! Whatever rows that FOCUS leaves out do not cancel to the last digit, as adjustment rows.
//!
//! Two claims are checked over a whole delivery, per currency:
//! 1. per Savings Plan and day, covered usage and negation rows cancel;
//! 2. with net columns, Σ unblended of all rows equals Σ net of the rows that are no discounts.
//!
//! Where a claim does not hold, the difference becomes a row of category Adjustment, so that
//! Σ `BilledCost` over the FOCUS rows always equals Σ `x_UnblendedCost` over all rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Decimal128Type, Int32Type, TimestampMicrosecondType};
use billhook_focus::columns;
use billhook_money::Sum;

/// A day in microseconds.
const DAY: i64 = 86_400_000_000;

/// What a difference belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// ARN of the Savings Plan, or empty for the whole delivery.
    arn: String,
    payer: String,
    currency: String,
    start: i64,
}

/// Running differences of one delivery.
#[derive(Debug, Default, Clone)]
pub struct Residuals {
    plans: BTreeMap<Key, Sum>,
    all: BTreeMap<(String, String), Sum>,
    /// Names of payers.
    names: BTreeMap<String, String>,
    period: Option<(i64, i64)>,
}

/// How a row enters the differences.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    Covered,
    Negation,
    Discount,
}

impl Residuals {
    /// Takes the source rows of a batch in.
    pub fn add(&mut self, batch: &RecordBatch) {
        let Some(view) = View::of(batch) else { return };
        self.period = self.period.or_else(|| view.period());
        view.add_payer_name(&mut self.names);
        let mut totals: BTreeMap<(i32, i32), Sum> = BTreeMap::new();
        for row in 0..batch.num_rows() {
            let role = view.role(row);
            let unblended = value(view.unblended, row).unwrap_or(0);
            let billed = value(view.net, row).unwrap_or(unblended);
            if matches!(role, Role::Covered | Role::Negation) {
                self.plans.entry(view.plan_key(row)).or_default().add(billed);
            }
            let discount = if role == Role::Discount && view.discounts_excluded(row) {
                unblended
            } else {
                unblended - billed
            };
            if discount != 0 {
                let key = (view.payer.key(row), view.currency.key(row));
                totals.entry(key).or_default().add(discount);
            }
        }
        for ((payer, currency), sum) in totals {
            let key = (view.payer.name(payer), view.currency.name(currency));
            *self.all.entry(key).or_default() += sum;
        }
    }

    /// Adds what another worker saw.
    pub fn merge(&mut self, other: Self) {
        for (key, sum) in other.plans {
            *self.plans.entry(key).or_default() += sum;
        }
        for (key, sum) in other.all {
            *self.all.entry(key).or_default() += sum;
        }
        self.names.extend(other.names);
        self.period = self.period.or(other.period);
    }

    /// The adjustment rows, in the columns of a data file; `None` when everything cancels.
    ///
    /// # Errors
    /// When a difference overflows, which the gate would refuse as well.
    pub fn rows(&self) -> Result<Option<RecordBatch>, Box<dyn std::error::Error + Send + Sync>> {
        let Some((period_start, period_end)) = self.period else { return Ok(None) };
        let mut rows = Vec::new();
        for (key, sum) in &self.plans {
            let amount = sum.total()?;
            if amount != 0 {
                let why = "Savings Plan covered usage that negation rows do not cancel";
                rows.push((key.clone(), key.start + DAY, amount, why));
            }
        }
        for ((payer, currency), sum) in &self.all {
            let amount = sum.total()?;
            if amount != 0 {
                let (payer, currency) = (payer.clone(), currency.clone());
                let key = Key { arn: String::new(), payer, currency, start: period_start };
                let why = "Discount rows that net columns do not account for";
                rows.push((key, period_end, amount, why));
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        Ok(Some(batch(&rows, &self.names, (period_start, period_end))?))
    }
}

type Row = (Key, i64, i128, &'static str);

fn batch(
    rows: &[Row],
    names: &BTreeMap<String, String>,
    (period_start, period_end): (i64, i64),
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let texts = |f: &dyn Fn(&Row) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(f)))
    };
    let times = |f: &dyn Fn(&Row) -> i64| -> ArrayRef {
        let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(f));
        Arc::new(times.with_timezone("UTC"))
    };
    let schema = columns::file_schema();
    let mut arrays = Vec::new();
    for field in schema.fields() {
        arrays.push(match field.name().as_str() {
            "BilledCost"
            | "EffectiveCost"
            | "ListCost"
            | "ContractedCost"
            | "PricingCurrencyEffectiveCost" => {
                let amounts = Decimal128Array::from_iter_values(rows.iter().map(|row| row.2));
                Arc::new(amounts.with_data_type(field.data_type().clone())) as ArrayRef
            }
            "BillingAccountId" | "SubAccountId" => texts(&|row| row.0.payer.clone()),
            "BillingAccountName" | "SubAccountName" => {
                texts(&|row| names.get(&row.0.payer).unwrap_or(&row.0.payer).clone())
            }
            "BillingAccountType" => texts(&|_| "Management Account".to_owned()),
            "SubAccountType" => texts(&|_| "Membership Account".to_owned()),
            "BillingCurrency" | "PricingCurrency" => texts(&|row| row.0.currency.clone()),
            "BillingPeriodStart" => times(&|_| period_start),
            "BillingPeriodEnd" => times(&|_| period_end),
            "ChargePeriodStart" => times(&|row| row.0.start),
            "ChargePeriodEnd" => times(&|row| row.1),
            "ChargeCategory" => texts(&|_| "Adjustment".to_owned()),
            "ChargeDescription" => texts(&|row| match row.0.arn.as_str() {
                "" => row.3.to_owned(),
                arn => format!("{} ({arn})", row.3),
            }),
            "ChargeFrequency" => texts(&|_| "One-Time".to_owned()),
            "PricingCategory" => texts(&|_| "Other".to_owned()),
            "InvoiceIssuerName" | "ProviderName" | "PublisherName" => {
                texts(&|_| "Amazon Web Services, Inc.".to_owned())
            }
            "ServiceCategory" => texts(&|_| "Other".to_owned()),
            "ServiceSubcategory" => texts(&|_| "Other (Other)".to_owned()),
            "ServiceName" => texts(&|_| "Billing adjustments".to_owned()),
            "x_LineItemType" => texts(&|_| "x_Residual".to_owned()),
            "x_SourceFile" => texts(&|_| "derived: residual".to_owned()),
            "x_SourceRow" => {
                Arc::new(Int64Array::from_iter_values(rows.iter().map(|_| 0))) as ArrayRef
            }
            _ => arrow::array::new_null_array(field.data_type(), rows.len()),
        });
    }
    RecordBatch::try_new(schema, arrays)
}

/// A text column by the numbers of its values.
struct Keyed {
    keys: Int32Array,
    values: StringViewArray,
}

impl Keyed {
    fn of(array: &ArrayRef) -> Option<Self> {
        // What depends on a row's money comes as plain text.
        let coded = match array.data_type() {
            DataType::Utf8 => {
                let coded =
                    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                arrow::compute::cast(array, &coded).ok()?
            }
            _ => ArrayRef::clone(array),
        };
        let dictionary = coded.as_dictionary_opt::<Int32Type>()?;
        let values = arrow::compute::cast(dictionary.values(), &DataType::Utf8View).ok()?;
        Some(Self { keys: dictionary.keys().clone(), values: values.as_string_view().clone() })
    }

    fn key(&self, row: usize) -> i32 {
        if self.keys.is_valid(row) { self.keys.value(row) } else { -1 }
    }

    fn name(&self, key: i32) -> String {
        usize::try_from(key).map(|key| self.values.value(key).to_owned()).unwrap_or_default()
    }
}

struct View<'a> {
    payer: Keyed,
    payer_name: Option<Keyed>,
    currency: Keyed,
    exclusion: Keyed,
    arn: Keyed,
    types: Keyed,
    roles: Vec<Role>,
    unblended: &'a Decimal128Array,
    net: &'a Decimal128Array,
    start: &'a TimestampMicrosecondArray,
    period_start: &'a TimestampMicrosecondArray,
    period_end: &'a TimestampMicrosecondArray,
}

fn value(array: &Decimal128Array, row: usize) -> Option<i128> {
    array.is_valid(row).then(|| array.value(row))
}

impl<'a> View<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        let keyed = |name: &str| Keyed::of(batch.column_by_name(name)?);
        let money = |name: &str| Some(batch.column_by_name(name)?.as_primitive::<Decimal128Type>());
        let time = |name: &str| {
            Some(batch.column_by_name(name)?.as_primitive::<TimestampMicrosecondType>())
        };
        let types = keyed("x_LineItemType")?;
        let roles = types.values.iter().map(|name| match name {
            Some("SavingsPlanCoveredUsage") => Role::Covered,
            Some("SavingsPlanNegation") => Role::Negation,
            Some(name) if name.ends_with("Discount") => Role::Discount,
            _ => Role::Plain,
        });
        Some(Self {
            roles: roles.collect(),
            types,
            payer: keyed("BillingAccountId")?,
            payer_name: keyed("BillingAccountName"),
            currency: keyed("BillingCurrency")?,
            exclusion: keyed("x_FocusExclusion")?,
            arn: keyed("CommitmentDiscountId")?,
            unblended: money("x_UnblendedCost")?,
            net: money("x_NetUnblendedCost")?,
            start: time("ChargePeriodStart")?,
            period_start: time("BillingPeriodStart")?,
            period_end: time("BillingPeriodEnd")?,
        })
    }

    /// Of the first row; other payers in the same batch keep their ids as names.
    fn add_payer_name(&self, names: &mut BTreeMap<String, String>) {
        let Some(payer_name) = &self.payer_name else { return };
        if !self.payer.keys.is_empty() {
            let (id, name) = (self.payer.key(0), payer_name.key(0));
            names.entry(self.payer.name(id)).or_insert_with(|| payer_name.name(name));
        }
    }

    fn role(&self, row: usize) -> Role {
        usize::try_from(self.types.key(row)).map_or(Role::Plain, |key| self.roles[key])
    }

    fn discounts_excluded(&self, row: usize) -> bool {
        self.exclusion.key(row) >= 0
    }

    fn period(&self) -> Option<(i64, i64)> {
        let (start, end) = (self.period_start, self.period_end);
        (!start.is_empty()).then(|| (start.value(0), end.value(0)))
    }

    /// The plan and the day: in a daily report covered usage may be dated by the hour while the
    /// negation row is dated by the day.
    fn plan_key(&self, row: usize) -> Key {
        Key {
            arn: self.arn.name(self.arn.key(row)),
            payer: self.payer.name(self.payer.key(row)),
            currency: self.currency.name(self.currency.key(row)),
            start: self.start.value(row).div_euclid(DAY) * DAY,
        }
    }
}
