//! The columns of CUR 2.0 that the mapping reads.
//!
//! Source: Data Exports User Guide, "Table dictionary: Cost and Usage Report (CUR) 2.0".

use crate::cur::columns::{self as legacy, BILL, EXTRAS, LINE, RESOURCE, SKU, TAGS};
use crate::format::{Family, Format, Kind, Known, Place, known};

/// For messages.
pub const TITLE: &str = "Data Export of CUR 2.0";

const fn column(name: &'static str, kind: Kind, group: usize) -> Known {
    named(name, name, kind, group)
}

const fn named(header: &'static str, name: &'static str, kind: Kind, group: usize) -> Known {
    known::column(header, name, kind, Place::Group(group))
}

/// What the legacy report has not, or has in another form.
const NEW: [Known; 10] = [
    column("bill_payer_account_name", Kind::Text, BILL),
    column("line_item_usage_account_name", Kind::Text, BILL),
    named("line_item_net_unblended_cost", "net_presence", Kind::Presence, LINE),
    column("capacity_reservation_capacity_reservation_arn", Kind::Text, RESOURCE),
    column("capacity_reservation_capacity_reservation_status", Kind::Text, RESOURCE),
    named("product", "product_map", Kind::Map, SKU),
    named("resource_tags", "resource_tags_map", Kind::Map, TAGS),
    named("tags", "tags_map", Kind::Map, TAGS),
    named("cost_category", "cost_category_map", Kind::Map, TAGS),
    named("discount", "discount_map", Kind::Map, EXTRAS),
];

/// Product attributes, which are all taken from maps and families.
const fn is_product(known: &Known) -> bool {
    let (name, start) = (known.name.as_bytes(), b"product_");
    let mut at = 0;
    while at < start.len() {
        if at >= name.len() || name[at] != start[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// How many of the legacy report's columns are the same here.
const SAME: usize = {
    let (mut at, mut count) = (0, 0);
    while at < legacy::KNOWN.len() {
        if !is_product(&legacy::KNOWN[at]) {
            count += 1;
        }
        at += 1;
    }
    count
};

/// The legacy report's columns under the names of CUR 2.0, which are those of the SQL, then the
/// new ones.
static KNOWN: [Known; SAME + NEW.len()] = {
    let mut all = [NEW[0]; SAME + NEW.len()];
    let (mut at, mut count) = (0, 0);
    while at < legacy::KNOWN.len() {
        let known = legacy::KNOWN[at];
        if !is_product(&known) {
            let header = match known.kind {
                Kind::IntervalStart | Kind::IntervalEnd => "identity_time_interval",
                _ => known.name,
            };
            all[count] = Known { header, ..known };
            count += 1;
        }
        at += 1;
    }
    let mut new = 0;
    while new < NEW.len() {
        all[count + new] = NEW[new];
        new += 1;
    }
    all
};

/// Product attributes with columns of their own.
pub(crate) const PRODUCT: &[&str] = &[
    "product_comment",
    "product_fee_code",
    "product_fee_description",
    "product_from_location",
    "product_from_location_type",
    "product_from_region_code",
    "product_instance_family",
    "product_instance_type",
    "product_instancesku",
    "product_location",
    "product_location_type",
    "product_operation",
    "product_pricing_unit",
    "product_product_family",
    "product_region_code",
    "product_servicecode",
    "product_sku",
    "product_to_location",
    "product_to_location_type",
    "product_to_region_code",
    "product_usagetype",
];

const fn family(prefix: &'static str, name: &'static str, group: usize) -> Family {
    Family { prefix, snake_prefix: prefix, strip: &[], name, group }
}

/// Columns that say one entry of a map: the flat ones of the table, and whatever a query takes out
/// of a map under a name like these (`resource_tags.user_team AS resource_tags_user_team`).
const FAMILIES: &[Family] = &[
    family("product_", "product_columns", SKU),
    family("resource_tags_", "resource_tags_columns", TAGS),
    family("cost_category_", "cost_category_columns", TAGS),
    family("discount_", "discount_columns", EXTRAS),
];

/// CUR 2.0.
pub static FORMAT: Format = Format {
    title: TITLE,
    known: &KNOWN,
    families: FAMILIES,
    groups: EXTRAS + 1,
    currency: "line_item_currency_code",
    default_currency: "USD",
    // These name things that AWS documents; they are kept, but nobody has to hear of them.
    kept_prefixes: &[
        "bill_",
        "capacity_reservation_",
        "identity_",
        "line_item_",
        "pricing_",
        "reservation_",
        "savings_plan_",
        "split_line_item_",
    ],
    extras: "extra",
    rules: &[],
};

/// Source money columns and the columns of the cost table that carry them unchanged: what the
/// gate compares (INV-SUM).
pub const CARRIED: &[(&str, &str)] = &[
    ("line_item_unblended_cost", "x_UnblendedCost"),
    ("line_item_blended_cost", "x_BlendedCost"),
    ("line_item_net_unblended_cost", "x_NetUnblendedCost"),
    ("line_item_usage_amount", "x_UsageAmount"),
    ("pricing_public_on_demand_cost", "x_PublicOnDemandCost"),
    ("reservation_effective_cost", "x_ReservationEffectiveCost"),
    ("reservation_net_effective_cost", "x_NetReservationEffectiveCost"),
    ("savings_plan_savings_plan_effective_cost", "x_SavingsPlanEffectiveCost"),
    ("savings_plan_net_savings_plan_effective_cost", "x_NetSavingsPlanEffectiveCost"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_of_the_legacy_report() {
        let rows = |known: &[Known]| {
            let rows = known.iter().filter(|known| known.place == Place::Row);
            rows.map(|known| known.name).collect::<Vec<_>>()
        };
        assert_eq!(rows(&KNOWN), rows(legacy::KNOWN));
        let targets = |carried: &[(&str, &'static str)]| {
            carried.iter().map(|(_, target)| *target).collect::<Vec<_>>()
        };
        assert_eq!(targets(CARRIED), targets(legacy::CARRIED));
        let is_known = |header: &str| KNOWN.iter().any(|known| known.header == header);
        assert!(CARRIED.iter().all(|(source, _)| is_known(source)));
        assert!(KNOWN.iter().all(|known| !known.header.contains('/')));
    }
}
