//! What the columns of a line are made of: the rule of its mapping, and the columns of the source
//! with their values, where the cost table keeps them.

use billhook_sources::origin::{Item, Kept, Origins, Rule};

use super::lines::LineCell;

/// How Billhook calls the file of rows that it has derived from others.
const DERIVED: &str = "derived:";

/// How a column of a line was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellRule {
    /// In words, where it is simple or the mapping has some.
    pub words: Option<String>,
    /// The expression of the mapping.
    pub expression: String,
    /// The columns of the source that it is made of.
    pub sources: Vec<SourceCell>,
}

/// A column of the source, in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCell {
    /// As AWS writes it, such as `lineItem/UnblendedCost`.
    pub header: String,
    /// The column of the cost table that keeps it; `None` when none does.
    pub kept_in: Option<String>,
    /// Its value in the line; `None` where it was empty or is not kept.
    pub value: Option<String>,
}

/// The mapping that made a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineMapping {
    /// The kind of product.
    pub kind: String,
    /// What rules name: expressions that are worked out first, in order.
    pub steps: Vec<Item>,
}

/// Gives the cells of a line their rules. `None` when the line was not mapped from a record, or by
/// a kind that this version does not know.
pub(super) fn explain(kind: &str, file: &str, cells: &mut [LineCell]) -> Option<LineMapping> {
    if file.starts_with(DERIVED) {
        return None;
    }
    let origins = Origins::of(kind)?;
    // What was left unused of a commitment is a line of its own, without the record's amounts.
    let known = &*cells;
    let is_rest = find(known, "CommitmentDiscountStatus")
        .is_some_and(|status| status.value.as_deref() == Some("Unused"));
    let rules: Vec<Option<CellRule>> = known
        .iter()
        .map(|cell| origins.rule(cell.name).map(|rule| cell_rule(rule, known, is_rest)))
        .collect();
    for (cell, rule) in cells.iter_mut().zip(rules) {
        cell.rule = rule;
    }
    Some(LineMapping { kind: kind.to_owned(), steps: origins.steps })
}

fn cell_rule(rule: Rule, cells: &[LineCell], is_rest: bool) -> CellRule {
    let sources = rule.sources.into_iter().map(|source| {
        let kept = source.kept.filter(|kept| !(kept.on_line_only && is_rest));
        let value = kept.as_ref().and_then(|kept| value(kept, cells));
        SourceCell { header: source.header, kept_in: kept.map(|kept| kept.column), value }
    });
    CellRule { words: rule.words, expression: rule.expression, sources: sources.collect() }
}

fn find<'a>(cells: &'a [LineCell], column: &str) -> Option<&'a LineCell> {
    cells.iter().find(|cell| cell.name == column)
}

/// The value of what the cost table keeps. Of a whole map it stands in its own column.
fn value(kept: &Kept, cells: &[LineCell]) -> Option<String> {
    let cell = find(cells, &kept.column)?;
    let Some(key) = &kept.key else {
        return cell.value.clone().filter(|_| cell.entries.is_empty());
    };
    let entry = cell.entries.iter().find(|(own, _)| own == key);
    entry.map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(name: &'static str, value: &str) -> LineCell {
        LineCell {
            name,
            meaning: "",
            value: (!value.is_empty()).then(|| value.to_owned()),
            units: None,
            entries: Vec::new(),
            rule: None,
        }
    }

    fn line(status: &str) -> Vec<LineCell> {
        let tags = vec![("Name".to_owned(), "web-1".to_owned())];
        vec![
            cell("BilledCost", "1.5"),
            cell("CommitmentDiscountStatus", status),
            cell("ResourceName", "web-1"),
            cell("x_LineItemType", "Usage"),
            cell("x_UnblendedCost", "1.5"),
            LineCell { entries: tags, ..cell("Tags", "{}") },
            cell("x_Connection", "acme"),
        ]
    }

    fn source(cells: &[LineCell], column: &str, header: &str) -> SourceCell {
        let rule = find(cells, column).unwrap().rule.as_ref().unwrap();
        rule.sources.iter().find(|source| source.header == header).unwrap().clone()
    }

    #[test]
    fn columns_have_their_rule_and_the_values_that_it_reads() {
        let mut cells = line("");
        let mapping = explain("cur", "bill.csv", &mut cells).unwrap();
        assert!(mapping.steps.iter().any(|step| step.name == "billed"));
        let cost = source(&cells, "BilledCost", "lineItem/UnblendedCost");
        assert_eq!(cost.kept_in.as_deref(), Some("x_UnblendedCost"));
        assert_eq!(cost.value.as_deref(), Some("1.5"));
        let tag = source(&cells, "ResourceName", "resourceTags/Name");
        assert_eq!((tag.kept_in.as_deref(), tag.value.as_deref()), (Some("Tags"), Some("web-1")));
        assert!(find(&cells, "x_Connection").unwrap().rule.is_none());
    }

    #[test]
    fn the_unused_part_of_a_commitment_has_none_of_the_records_amounts() {
        let mut cells = line("Unused");
        explain("cur", "bill.csv", &mut cells).unwrap();
        let cost = source(&cells, "BilledCost", "lineItem/UnblendedCost");
        assert_eq!((cost.kept_in, cost.value), (None, None));
        let kind = source(&cells, "BilledCost", "lineItem/LineItemType");
        assert_eq!(kind.value.as_deref(), Some("Usage"));
    }

    #[test]
    fn what_no_mapping_made_has_no_rules() {
        let mut cells = line("");
        assert!(explain("cur", "derived: residual", &mut cells).is_none());
        assert!(explain("another", "bill.csv", &mut cells).is_none());
        assert!(cells.iter().all(|cell| cell.rule.is_none()));
    }
}
