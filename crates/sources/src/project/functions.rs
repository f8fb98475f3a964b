//! The functions that `to_focus.sql` may call beside SQL's own: AWS names, and exact quotients.
//!
//! They never fail: what is unknown is NULL, or what the catalogue says of unknown things.

mod joined;
mod maps;
mod tags;

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Decimal128Type};
use billhook_focus::columns::{ColumnType, map_type};
use billhook_money::{MAX, ONE, PRECISION, SCALE, divide, multiply};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;

use crate::aws_names;

/// Makes the functions known to a session.
pub fn register(context: &SessionContext) {
    text(context, "service_name", 3, |a| {
        Some(aws_names::service(a[0], a[1], "", a[2]).name.into_owned())
    });
    text(context, "service_category", 3, |a| Some(classes(a[0], a[1], a[2]).0.to_owned()));
    text(context, "service_subcategory", 3, |a| Some(classes(a[0], a[1], a[2]).1.to_owned()));
    text(context, "service_of_cost_explorer", 1, |a| {
        Some(aws_names::service_of_cost_explorer(a[0]).to_owned())
    });
    text(context, "region_id", 7, |a| {
        aws_names::region_id(a[0], a[1], a[2], a[3], a[4], a[5], a[6]).map(Cow::into_owned)
    });
    text(context, "region_name", 1, |a| {
        let known = aws_names::region_name(a[0]).unwrap_or(a[0]);
        (!known.is_empty()).then(|| known.to_owned())
    });
    text(context, "pricing_unit", 2, |a| aws_names::pricing_unit(a[0], a[1]));
    text(context, "resource_type", 2, |a| {
        aws_names::resource_type(a[0], a[1]).map(Cow::into_owned)
    });
    text(context, "publisher", 1, |a| Some(aws_names::publisher(a[0]).into_owned()));
    text(context, "invoice_issuer", 2, |a| {
        Some(aws_names::invoice_issuer(a[0], a[1]).into_owned())
    });
    text(context, "provider", 1, |a| Some(provider(a[0]).to_owned()));
    text(context, "is_aws", 1, |a| is_aws(a[0]).then(|| "AWS".to_owned()));
    text(context, "known_category", 1, |a| known(a[0]).map(|s| s.category.to_owned()));
    text(context, "known_subcategory", 1, |a| known(a[0]).map(|s| s.subcategory.to_owned()));
    text(context, "capacity_status", 2, |a| {
        aws_names::capacity_reservation_status(a[0], a[1]).map(str::to_owned)
    });
    sku_price_details(context);
    joined::register(context);
    tags::register(context);
    quotients(context);
    maps::register(context);
}

/// Category and subcategory. FOCUS wants one of each per service name, and some reports give one
/// name to several codes: so a name that is known decides, and only else the code.
fn classes(code: &str, name: &str, entity: &str) -> (&'static str, &'static str) {
    let by_code = aws_names::service(code, name, "", entity);
    let by_name = aws_names::service("", &by_code.name, "", "");
    let is_branded = ["Amazon", "AWS", "Alexa", "Savings Plan"].iter().any(|b| name.starts_with(b));
    let service = if by_name.known {
        by_name
    } else if name.is_empty() || is_branded {
        by_code
    } else {
        // Somebody else's product, be it sold under a code of AWS or of the Marketplace.
        aws_names::service("", name, "", "AWS Marketplace")
    };
    (service.category, service.subcategory)
}

/// FOCUS wants `ProviderName` and `InvoiceIssuerName` to be the same where AWS collects the money.
fn provider(issuer: &str) -> &str {
    if aws_names::is_aws_entity(issuer) { issuer } else { "Amazon Web Services, Inc." }
}

/// Is this AWS, by any of the names that FOCUS files call it?
fn is_aws(provider: &str) -> bool {
    let names = ["AWS", "Amazon", "Amazon Web Services (AWS)"];
    names.iter().any(|name| provider.eq_ignore_ascii_case(name))
        || aws_names::is_aws_entity(provider)
}

/// The service of AWS that is called so, when the catalogue has it.
fn known(name: &str) -> Option<aws_names::Service<'_>> {
    let service = aws_names::service("", name, "", "");
    (!name.is_empty() && service.known).then_some(service)
}

/// Registers a function from `arity` texts (NULL arrives as "") to a text.
fn text(
    context: &SessionContext,
    name: &str,
    arity: usize,
    function: impl Fn(&[&str]) -> Option<String> + Send + Sync + 'static,
) {
    let implementation = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let arrays: Vec<&StringArray> = arrays.iter().map(AsArray::as_string::<i32>).collect();
        let rows = arrays.first().map_or(0, |array| Array::len(*array));
        let mut builder = StringBuilder::new();
        let mut row_values = vec![""; arrays.len()];
        for row in 0..rows {
            for (value, array) in row_values.iter_mut().zip(&arrays) {
                *value = if array.is_valid(row) { array.value(row) } else { "" };
            }
            builder.append_option(function(&row_values).filter(|text| !text.is_empty()));
        }
        Ok(ColumnarValue::Array(Arc::new(builder.finish())))
    };
    context.register_udf(create_udf(
        name,
        vec![DataType::Utf8; arity],
        DataType::Utf8,
        Volatility::Immutable,
        Arc::new(implementation),
    ));
}

fn sku_price_details(context: &SessionContext) {
    let implementation = |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let products = arrays[0].as_map();
        let option = |index: usize, row: usize| {
            let array = arrays[index].as_string::<i32>();
            if array.is_valid(row) { array.value(row) } else { "" }
        };
        let mut names = aws_names::AttributeNames::default();
        let mut builder = StringBuilder::new();
        for row in 0..products.len() {
            let attributes = maps::entries(products, row);
            builder.append_option(names.sku_price_details(
                &attributes,
                option(1, row),
                option(2, row),
                option(3, row),
            ));
        }
        Ok(ColumnarValue::Array(Arc::new(builder.finish()) as ArrayRef))
    };
    context.register_udf(create_udf(
        "sku_price_details",
        vec![map_type(), DataType::Utf8, DataType::Utf8, DataType::Utf8],
        DataType::Utf8,
        Volatility::Immutable,
        Arc::new(implementation),
    ));
}

fn quotients(context: &SessionContext) {
    let decimal = ColumnType::Decimal.arrow();
    let unit_price = |arguments: &[ColumnarValue]| -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let [rate, cost, quantity] = &arrays[..] else {
            return datafusion::common::exec_err!("unit_price takes three arguments");
        };
        let (rate, cost, quantity) = (decimals(rate), decimals(cost), decimals(quantity));
        let prices: Decimal128Array = (0..cost.len())
            .map(|row| {
                let at = |array: &Decimal128Array| array.is_valid(row).then(|| array.value(row));
                price(at(rate), at(cost)?, at(quantity)?)
            })
            .collect();
        let prices = prices.with_precision_and_scale(PRECISION, SCALE.cast_signed())?;
        Ok(ColumnarValue::Array(Arc::new(prices)))
    };
    context.register_udf(create_udf(
        "unit_price",
        vec![decimal.clone(), decimal.clone(), decimal.clone()],
        decimal,
        Volatility::Immutable,
        Arc::new(unit_price),
    ));
}

fn decimals(array: &ArrayRef) -> &Decimal128Array {
    array.as_primitive::<Decimal128Type>()
}

/// The price of one unit: the stated rate when it explains the cost, else `cost / quantity`.
/// FOCUS allows no negative prices: those are `None`.
fn price(rate: Option<i128>, cost: i128, quantity: i128) -> Option<i128> {
    // A thousandth of a millionth of the cost, and at least as much of one currency unit.
    let tolerance = (cost.unsigned_abs().max(ONE.unsigned_abs())) / 1_000_000_000;
    let explains = |rate: i128| {
        multiply(rate, quantity).is_some_and(|product| product.abs_diff(cost) <= tolerance)
    };
    let price = rate.filter(|&rate| explains(rate)).or_else(|| divide(cost, quantity))?;
    (0..=MAX).contains(&price).then_some(price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_has_one_category_whatever_the_code() {
        let name = "Amazon Elastic Compute Cloud";
        assert_eq!(classes("AmazonEC2", name, "AWS"), classes("AWSDataTransfer", name, "AWS"));
    }

    #[test]
    fn a_rate_stands_when_it_explains_the_cost() {
        let third = ONE / 3;
        assert_eq!(price(Some(third), ONE, 3 * ONE), Some(third));
        assert_eq!(price(Some(ONE), 10 * ONE, 4 * ONE), Some(5 * ONE / 2));
        assert_eq!(price(None, -ONE, ONE), None);
        assert_eq!(price(None, ONE, 0), None);
    }
}
