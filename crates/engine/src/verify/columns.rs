//! The columns of a file: what can be told without those that are missing, and what cannot.

use billhook_sources::format::Binding;
use billhook_sources::table::Mapping;

use super::Finding;

/// Names in SQL of the column with the id of the resource, in one format or another.
const RESOURCE: [&str; 3] = ["line_item_resource_id", "ResourceId", "resource_id"];

/// How resource ids come into a report.
pub(super) const RESOURCE_FIX: &str = "turn on \"Include resource IDs\" in the report's \
                                       definition; AWS delivers them from then on";

/// Columns of Cost and Usage Reports by their names in SQL, and what is lost without them.
const ABILITIES: [(&str, &str); 4] = [
    ("reservation_effective_cost", "reservations: their cost spread over what they cover"),
    (
        "savings_plan_savings_plan_effective_cost",
        "Savings Plans: their cost spread over what they cover",
    ),
    ("line_item_net_unblended_cost", "private discounts: costs after them (net)"),
    ("pricing_public_on_demand_cost", "list prices: what usage costs without any discount"),
];

/// What is lost without tags.
const TAGS: &str = "tags: costs by team, project, or whatever resources are tagged with";

/// What is missing in a file with this header.
pub(super) fn findings(mapping: &'static Mapping, header: &[String], file: &str) -> Vec<Finding> {
    let Ok(binding) = mapping.format.bind(header.to_vec()) else { return Vec::new() };
    let mut findings = Vec::new();
    let resource = mapping.format.known.iter().find(|known| RESOURCE.contains(&known.name));
    if let Some(resource) = resource
        && !binding.has(resource.name)
    {
        let seen = format!("{file} has no column {}", resource.header);
        findings.push(Finding::new("no-resource-ids", seen, RESOURCE_FIX));
    }
    let lost = lost(mapping, &binding);
    if !lost.is_empty() {
        let seen = format!("{file} has no columns for {}", lost.join("; "));
        findings.push(Finding::new("columns-absent", seen, fix(mapping)));
    }
    findings
}

fn fix(mapping: &Mapping) -> &'static str {
    if mapping.kind == "cur" {
        "nothing, when you have none of these: AWS leaves out columns that no line needs. Tags \
         have to be activated under Billing, Cost allocation tags"
    } else {
        "select the columns in the export's query; `billhook create-report NAME --kind cur2` makes \
         an export that selects them all"
    }
}

/// What a Cost and Usage Report with these columns cannot tell.
fn lost(mapping: &Mapping, binding: &Binding) -> Vec<&'static str> {
    if !["cur", "data_export"].contains(&mapping.kind) {
        return Vec::new();
    }
    let missing = ABILITIES.iter().filter(|(column, _)| !binding.has(column));
    let mut lost: Vec<&str> = missing.map(|(_, ability)| *ability).collect();
    let families = mapping.format.families.iter().zip(&binding.families);
    let has_columns = families
        .filter(|(family, _)| family.snake_prefix == "resource_tags_")
        .any(|(_, members)| !members.is_empty());
    if !has_columns && !binding.has("resource_tags_map") && !binding.has("tags_map") {
        lost.push(TAGS);
    }
    lost
}

#[cfg(test)]
mod tests {
    use billhook_sources::data_export::cur2::{self, table};
    use billhook_sources::{cur, dbr};

    use super::findings;

    fn codes(mapping: &'static super::Mapping, header: &[&str]) -> Vec<(&'static str, String)> {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        let found = findings(mapping, &header, "file.csv");
        found.into_iter().map(|finding| (finding.code, finding.seen)).collect()
    }

    #[test]
    fn a_full_export_lacks_nothing_and_a_bare_one_is_told_what() {
        assert!(codes(&cur2::MAPPING, table::COLUMNS).is_empty());
        let bare: Vec<&str> = table::COLUMNS
            .iter()
            .copied()
            .filter(|name| !name.starts_with("savings_plan_") && !name.contains("tags"))
            .collect();
        let found = codes(&cur2::MAPPING, &bare);
        assert_eq!(found.len(), 1, "{found:?}");
        let (code, seen) = &found[0];
        assert_eq!(*code, "columns-absent");
        assert!(seen.contains("Savings Plans") && seen.contains("tags"), "{seen}");
        assert!(!seen.contains("reservations"), "{seen}");
    }

    #[test]
    fn legacy_reports_have_tags_as_columns() {
        let required = [
            "bill/PayerAccountId",
            "bill/BillingPeriodStartDate",
            "lineItem/LineItemType",
            "lineItem/UsageStartDate",
            "lineItem/UnblendedCost",
            "lineItem/ResourceId",
        ];
        let found = codes(&cur::MAPPING, &required);
        assert!(found[0].1.contains("tags:"), "{found:?}");
        let tagged = [&required[..], &["resourceTags/user:team"]].concat();
        let found = codes(&cur::MAPPING, &tagged);
        assert!(!found[0].1.contains("tags:"), "{found:?}");
        let found = codes(&cur::MAPPING, &required[..5]);
        assert_eq!(found[0].0, "no-resource-ids");
    }

    #[test]
    fn other_products_have_their_own_columns() {
        let header = ["RecordId", "UsageStartDate", "UnBlendedCost", "ResourceId"];
        assert!(codes(&dbr::DETAILED, &header).iter().all(|(code, _)| *code != "columns-absent"));
    }
}
