//! The columns of CUR 2.0 (`COST_AND_USAGE_REPORT`).
//!
//! Flat columns mean what the legacy report's mean and take their content from there; account
//! names and the maps are new. Source: Data Exports User Guide, "Table dictionary: CUR 2.0".

mod names;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::ExportReport;
use crate::calendar::Hour;
use crate::render::cur;
use crate::render::focus::{self, DISCOUNT_KEY};
use crate::render::names::{camel, snake};
use crate::render::table::{Cell, Entries, Heading, Kind};
use crate::synth::Line;

/// A column and what fills it.
pub(super) struct Column {
    pub(super) heading: Heading,
    source: Source,
}

/// Where a field comes from.
enum Source {
    /// The cell of the legacy report.
    Legacy(fn(&Line, &mut String)),
    Time(fn(&Line) -> Hour),
    PayerName(Option<String>),
    AccountName,
    /// A product attribute with a column of its own.
    Attribute(String),
    /// All other product attributes: the legacy name and the key.
    Product(BTreeMap<&'static str, String>),
    /// The tag and the key.
    Tags(Vec<(String, String)>),
    Categories(Vec<String>),
    Discount,
    Nothing,
}

/// The columns of the table as `report` configures it, by name.
pub(super) fn columns(report: &ExportReport, lines: &[Line]) -> Vec<Column> {
    let split = if report.with_split { names::SPLIT } else { &[] };
    let kind = |kind: Kind| move |&name: &&'static str| Heading { name, kind };
    let split = split.iter().map(|&(name, kind)| Heading { name, kind });
    let mut headings: Vec<Heading> = names::TEXTS.iter().map(kind(Kind::Text)).collect();
    headings.extend(names::NUMBERS.iter().map(kind(Kind::Number)));
    headings.extend(names::TIMES.iter().map(kind(Kind::Time)));
    headings.extend(names::PRODUCT.iter().map(kind(Kind::Text)));
    headings.extend(names::TEXT_MAPS.iter().map(kind(Kind::TextMap)));
    headings.extend(names::NUMBER_MAPS.iter().map(kind(Kind::NumberMap)));
    headings.extend(split);
    headings.retain(|own| report.with_resources || own.name != "line_item_resource_id");
    headings.sort_unstable_by_key(|heading| heading.name);
    let column = |heading: Heading| Column { heading, source: source(heading, report, lines) };
    headings.into_iter().map(column).collect()
}

fn source(Heading { name, kind }: Heading, report: &ExportReport, lines: &[Line]) -> Source {
    let is_net = name.contains("_net_") || name.starts_with("discount");
    if is_net && !report.with_net {
        return Source::Nothing;
    }
    let tags = |key: fn(&str) -> String| {
        Source::Tags(report.tag_keys.iter().map(|tag| (tag.clone(), key(tag))).collect())
    };
    match (name, kind) {
        ("bill_payer_account_name", _) => {
            Source::PayerName(focus::payer_name(lines).map(str::to_owned))
        }
        ("line_item_usage_account_name", _) => Source::AccountName,
        ("product", _) => Source::Product(product_keys(lines)),
        ("resource_tags", _) => tags(snake),
        ("tags", _) => tags(|tag| format!("resourceTags/{tag}")),
        ("cost_category", _) => Source::Categories(report.category_names.clone()),
        ("discount", _) => Source::Discount,
        (_, Kind::Time) => Source::Time(time(name)),
        _ if names::PRODUCT.contains(&name) => {
            Source::Attribute(camel(name.strip_prefix("product_").unwrap_or(name)))
        }
        _ => cur::writer(name).map_or(Source::Nothing, Source::Legacy),
    }
}

fn time(name: &str) -> fn(&Line) -> Hour {
    match name {
        "bill_billing_period_start_date" => |line| line.month.interval().start,
        "bill_billing_period_end_date" => |line| line.month.interval().end,
        "line_item_usage_start_date" => |line| line.usage.start,
        _ => |line| line.usage.end,
    }
}

/// The attributes that occur, but those with columns of their own, and their keys.
fn product_keys(lines: &[Line]) -> BTreeMap<&'static str, String> {
    let mut keys = BTreeMap::new();
    let mut last = std::ptr::null();
    for line in lines {
        // Runs of lines share their SKU.
        let own = Arc::as_ptr(&line.sku);
        if own != last {
            for &name in line.sku.attributes.keys() {
                keys.entry(name).or_insert_with(|| snake(name));
            }
            last = own;
        }
    }
    keys.retain(|_, key| !names::PRODUCT.contains(&format!("product_{key}").as_str()));
    keys
}

impl Column {
    /// The field of `line`.
    pub(super) fn cell<'a>(&'a self, line: &'a Line) -> Cell<'a> {
        match &self.source {
            Source::Legacy(write) => {
                let mut text = String::new();
                write(line, &mut text);
                Cell::text(text)
            }
            Source::Time(hour) => Cell::Time(hour(line)),
            Source::PayerName(name) => Cell::text(name.as_deref().unwrap_or_default()),
            Source::AccountName => Cell::text(line.account.name),
            Source::Attribute(name) => {
                Cell::text(line.sku.attributes.get(name.as_str()).map_or("", String::as_str))
            }
            Source::Product(keys) => Cell::Map(product(keys, line)),
            Source::Tags(keys) => Cell::Map(tags(keys, line)),
            Source::Categories(names) => Cell::Map(focus::categories(names, line)),
            Source::Discount => Cell::Map(discount(line)),
            Source::Nothing if self.heading.kind == Kind::NumberMap => Cell::Map(Vec::new()),
            Source::Nothing => Cell::Null,
        }
    }
}

fn product<'a>(keys: &'a BTreeMap<&'static str, String>, line: &'a Line) -> Entries<'a> {
    let name = ("product_name".into(), line.sku.product.name.into());
    let attributes = line.sku.attributes.iter();
    let others = attributes
        .filter_map(|(name, value)| Some((keys.get(name)?.as_str().into(), value.as_str().into())));
    std::iter::once(name).chain(others).collect()
}

/// Of keys that are spelled alike the first one with a value counts.
fn tags<'a>(keys: &'a [(String, String)], line: &'a Line) -> Entries<'a> {
    let mut entries = Entries::new();
    for (tag, key) in keys {
        if let Some(value) = focus::tag(line, tag)
            && !entries.iter().any(|(known, _)| known == key)
        {
            entries.push((Cow::from(key), Cow::from(value)));
        }
    }
    entries
}

fn discount(line: &Line) -> Entries<'static> {
    let discount = line.discount.filter(|discount| !discount.is_zero());
    discount.map(|own| (DISCOUNT_KEY.into(), own.java_text().into())).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{Source, columns};
    use crate::render::data_export::tests::report;
    use crate::render::data_export::{ExportReport, Table};

    #[test]
    fn only_what_the_ledger_does_not_know_is_empty() {
        let own = ExportReport { with_net: true, with_split: true, ..report(1, Table::Cur2) };
        let columns = columns(&own, &[]);
        assert_eq!(columns.len(), 127);
        let empty = columns.iter().filter(|column| matches!(column.source, Source::Nothing));
        let empty: Vec<&str> = empty.map(|column| column.heading.name).collect();
        let empty: Vec<&str> =
            empty.into_iter().filter(|name| !name.starts_with("split_line_item")).collect();
        assert_eq!(empty, ["discount_bundled_discount", "line_item_user_identifier"]);
    }
}
