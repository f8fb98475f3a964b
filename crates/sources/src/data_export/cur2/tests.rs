//! The mapping over small exports.

use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::*;
use crate::format::BindError;
use crate::kinds;
use crate::table::{Mapped, Summary, TableReader};
use crate::text::inflate::{Input, Limits};
use crate::text::push_field;

/// What every export needs, and values for it.
const USUAL: [(&str, &str); 5] = [
    ("bill_payer_account_id", "000011112222"),
    ("bill_billing_period_start_date", "2026-09-01T00:00:00.000Z"),
    ("line_item_line_item_type", "Usage"),
    ("line_item_usage_start_date", "2026-09-01T05:00:00.000Z"),
    ("line_item_unblended_cost", "2"),
];

/// An export of one line with these columns beside the usual ones, which they may replace.
fn map(others: &[(&str, &str)]) -> (Vec<Mapped>, Summary) {
    let is_other = |name: &str| others.iter().any(|(other, _)| *other == name);
    let usual = USUAL.iter().filter(|(name, _)| !is_other(name));
    let (mut header, mut record) = (Vec::new(), Vec::new());
    for (index, (name, value)) in usual.chain(others).enumerate() {
        for (text, field) in [(&mut header, name), (&mut record, value)] {
            if index > 0 {
                text.push(b',');
            }
            push_field(text, field.as_bytes());
        }
    }
    let bytes = [header, record].join(&b'\n');
    let mut reader = TableReader::new(&MAPPING, Limits::default(), None);
    let mut batches = Vec::new();
    let input = Input::Memory(bytes.into());
    let mut sink = |mapped| {
        batches.push(mapped);
        Ok(())
    };
    reader.read(input, "daily-00001.csv", &|_| (), &mut sink).unwrap();
    (batches, reader.finish())
}

fn value(batches: &[Mapped], name: &str) -> String {
    let options = FormatOptions::new().with_null("-");
    let column = batches[0].batch.column_by_name(name).unwrap();
    assert_eq!(column.len(), 1);
    let text = ArrayFormatter::try_new(column.as_ref(), &options).unwrap().value(0).to_string();
    let is_number = text.contains('.') && !text.contains('{');
    if is_number { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn header(names: &[&str]) -> Vec<String> {
    let usual = USUAL.iter().map(|(name, _)| *name);
    usual.chain(names.iter().copied()).map(str::to_owned).collect()
}

#[test]
fn headers_tell_it_from_the_legacy_report() {
    let kind = |names: &[&str]| kinds::recognise(kinds::ALL, &header(names)).unwrap().kind;
    assert_eq!(kind(&[]), "data_export");
    assert_eq!(kind(&["product", "product_sku"]), "data_export");
    assert_eq!(kind(&["product_product_name", "resource_tags"]), "data_export");
    assert_eq!(kind(&["product_product_name", "resource_tags_user_name"]), "cur");
    assert_eq!(kind(&["product_region", "product_sku"]), "cur");
}

#[test]
fn a_column_that_is_not_selected_is_named() {
    let mut names = header(&["product"]);
    names.retain(|name| name != "line_item_unblended_cost");
    let error = columns::FORMAT.bind(names).unwrap_err();
    let BindError::Missing { format, missing, .. } = error else { panic!("{error}") };
    assert_eq!((format, &missing[..]), (columns::TITLE, &["line_item_unblended_cost"][..]));
}

#[test]
fn few_columns_are_enough_and_what_they_cost_is_told() {
    let (rows, summary) = map(&[]);
    for (column, expected) in [
        ("BilledCost", "2"),
        ("EffectiveCost", "2"),
        ("BillingAccountName", "000011112222"),
        ("SubAccountId", "000011112222"),
        ("ChargePeriodStart", "2026-09-01T05:00:00Z"),
        ("BillingPeriodEnd", "2026-10-01T00:00:00Z"),
        ("x_NetAmortizedCost", "-"),
    ] {
        assert_eq!(value(&rows, column), expected, "{column}");
    }
    let notes: Vec<&str> = summary.notes.iter().map(String::as_str).collect();
    assert!(notes.iter().any(|note| note.contains("line_item_currency_code: all amounts")));
    assert_eq!(notes.len(), NEEDED.len());
}

#[test]
fn maps_and_flat_columns_are_one() {
    let (rows, summary) = map(&[
        ("product", r#"{"product_name":"Amazon Elastic Compute Cloud","vcpu":"4"}"#),
        ("product_sku", "ABC"),
        ("product_region_code", "eu-west-1"),
        ("product_instance_type", "m5.xlarge"),
        ("pricing_rate_code", "ABC.JRTC.6YS6"),
        ("line_item_product_code", "AmazonEC2"),
        ("line_item_resource_id", "i-1"),
        ("resource_tags", r#"{"user_name":"web","user_team":"blue","aws_created_by":"me"}"#),
        ("cost_category", ""),
        ("discount", r#"{"edp_discount":-0.12345678901234567}"#),
        ("discount_total_discount", "-0.2"),
        ("bill_payer_account_name", "Acme"),
        ("line_item_usage_account_name", "Acme Dev"),
        ("line_item_usage_account_id", "000033334444"),
        ("my_alias", "kept"),
    ]);
    for (column, expected) in [
        ("ServiceName", "Amazon Elastic Compute Cloud"),
        ("SkuId", "ABC"),
        ("RegionId", "eu-west-1"),
        ("ResourceName", "web"),
        ("BillingAccountName", "Acme"),
        ("SubAccountName", "Acme Dev"),
        ("Tags", "{aws_created_by: me, name: web, team: blue}"),
        ("x_CostCategories", "{}"),
        ("x_Discounts", "{edp_discount: -0.12345678901234567, total_discount: -0.2}"),
        ("x_Extra", "{my_alias: kept}"),
    ] {
        assert_eq!(value(&rows, column), expected, "{column}");
    }
    let details = value(&rows, "SkuPriceDetails");
    assert!(details.contains(r#""CoreCount":4"#), "{details}");
    assert!(details.contains(r#""InstanceType":"m5.xlarge""#), "{details}");
    assert_eq!(summary.unknown_columns.keys().collect::<Vec<_>>(), ["my_alias"]);
    let (rows, _) = map(&[
        ("tags", r#"{"resourceTags/user:Name":"web","accountTag/env":"prod"}"#),
        ("resource_tags", r#"{"user_name":"other"}"#),
    ]);
    assert_eq!(value(&rows, "Tags"), "{Name: web, accountTag/env: prod}");
}

#[test]
fn net_columns_count_where_they_have_values() {
    let discount = ("line_item_line_item_type", "EdpDiscount");
    let net = |text| ("line_item_net_unblended_cost", text);
    let (rows, _) = map(&[discount, net("")]);
    assert_eq!(value(&rows, "BilledCost"), "2");
    assert_eq!(value(&rows, "x_FocusExclusion"), "-");
    let (rows, _) = map(&[discount, net("0.0")]);
    assert_eq!(value(&rows, "BilledCost"), "0");
    assert_eq!(value(&rows, "x_FocusExclusion"), "DiscountInNetColumns");
    assert_eq!(value(&rows, "x_NetUnblendedCost"), "0");
    let (rows, _) = map(&[net("1.5")]);
    assert_eq!(value(&rows, "BilledCost"), "1.5");
    assert_eq!(value(&rows, "x_NetAmortizedCost"), "1.5");
    let (rows, _) = map(&[net("")]);
    assert_eq!(value(&rows, "BilledCost"), "2");
    assert_eq!(value(&rows, "x_NetAmortizedCost"), "-");
}

#[test]
fn split_costs_are_kept_and_not_added() {
    let (rows, summary) = map(&[
        ("line_item_unblended_cost", "0"),
        ("line_item_resource_id", "arn:aws:ecs:us-east-1:1:task/cluster/t"),
        ("split_line_item_parent_resource_id", "i-1"),
        ("split_line_item_split_cost", "0.75"),
        ("split_line_item_unused_cost", "0.25"),
    ]);
    for column in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"] {
        assert_eq!(value(&rows, column), "0", "{column}");
    }
    assert!(value(&rows, "x_Extra").contains("split_line_item_split_cost: 0.75"));
    assert!(summary.unknown_columns.is_empty());
}

#[test]
fn capacity_reservations_have_columns_of_their_own() {
    let arn = "arn:aws:ec2:us-east-1:1:capacity-reservation/cr-1";
    let (rows, _) = map(&[
        ("capacity_reservation_capacity_reservation_arn", arn),
        ("capacity_reservation_capacity_reservation_status", "Unused"),
    ]);
    assert_eq!(value(&rows, "CapacityReservationId"), arn);
    assert_eq!(value(&rows, "CapacityReservationStatus"), "Unused");
}
