//! Where the columns of the cost table come from, read off the SQL of a mapping, for people: the
//! expressions as they are written, what the remarks beside them say, and the columns of the source
//! that each is made of.
//!
//! This reads our own `to_focus.sql`; what runs it is [`project`](crate::project).

use crate::format::Format;
use crate::{cost_explorer, kinds};

/// Stands for a remark while commas and parentheses are counted.
const MARK: char = '\u{1}';

/// What stands for a column that a source does not have.
const NULLS: [&str; 2] = ["CAST(NULL AS VARCHAR)", "CAST(NULL AS DECIMAL(38, 18))"];

/// How columns are written that are as delivered on the line itself, and nothing on the unused part
/// of a commitment.
const CARRIED: (&str, &str) = ("CASE WHEN part = 'line' THEN ", " ELSE 0 END");

/// A named expression of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// A column of the cost table, or a step.
    pub name: String,
    /// The expression, on one line.
    pub expression: String,
    /// What the remarks beside it say; empty without.
    pub remark: String,
}

/// How a column is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// In words, where it is simple or has a remark.
    pub words: Option<String>,
    /// The expression; of a column that is nothing but a step, that of the step.
    pub expression: String,
    /// The columns of the source that it is made of, steps followed, in order.
    pub sources: Vec<Source>,
}

/// A column of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As AWS writes it, such as `lineItem/UnblendedCost`.
    pub header: String,
    /// Where the cost table keeps its values; `None` when it does not.
    pub kept: Option<Kept>,
}

/// Where the cost table keeps the values of a column of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The column of the cost table.
    pub column: String,
    /// The entry of a map.
    pub key: Option<String>,
    /// Only on the line itself, and not on the unused part of a commitment?
    pub on_line_only: bool,
}

/// The SQL of a mapping, taken apart.
#[derive(Debug)]
pub struct Origins {
    /// The named expressions of its layers, in order.
    pub steps: Vec<Item>,
    /// The columns of the cost table that it fills, in order.
    pub columns: Vec<Item>,
    formats: Vec<&'static Format>,
    carriers: Vec<Carrier>,
}

/// A name in the SQL, or an entry of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    name: String,
    key: Option<String>,
}

/// A column of the cost table that keeps one of the source.
#[derive(Debug)]
struct Carrier {
    of: Name,
    column: String,
    on_line_only: bool,
}

impl Origins {
    /// The SQL of a kind of product, as [`kinds::names`] has them.
    #[must_use]
    pub fn of(kind: &str) -> Option<Self> {
        let all = kinds::ALL.iter().copied().chain([&cost_explorer::MAPPING]);
        let own: Vec<_> = all.filter(|mapping| mapping.kind == kind).collect();
        let first = own.first()?;
        let mut origins = Self::read(first.select);
        origins.formats = own.iter().map(|mapping| mapping.format).collect();
        origins.carriers = origins.find_carriers();
        Some(origins)
    }

    /// Takes SQL apart. Nothing is known of its source's columns then.
    #[must_use]
    pub fn read(sql: &str) -> Self {
        let (text, remarks) = flat(sql);
        let (layers, last) = text.rsplit_once(" SELECT ").unwrap_or(("", text.as_str()));
        let named = |text: &str| item(text, &remarks);
        let steps = layers.split("( SELECT ").skip(1).flat_map(items).filter_map(named);
        let columns = items(last).into_iter().filter_map(named).filter_map(|item| {
            let name = item.name.strip_prefix('"')?.strip_suffix('"')?.to_owned();
            Some(Item { name, ..item })
        });
        let (steps, columns) = (steps.collect(), columns.collect());
        Self { steps, columns, formats: Vec::new(), carriers: Vec::new() }
    }

    /// What is mapped, such as `legacy Cost and Usage Report`.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.formats.first().map_or("", |format| format.title)
    }

    /// The expression of a column of the cost table, as it is written; `None` when nothing fills
    /// it.
    #[must_use]
    pub fn expression(&self, column: &str) -> Option<&str> {
        let item = self.columns.iter().find(|item| item.name == column)?;
        let expression = item.expression.as_str();
        (!NULLS.contains(&expression)).then_some(expression)
    }

    /// How a column of the cost table is made; `None` when nothing of the source fills it.
    #[must_use]
    pub fn rule(&self, column: &str) -> Option<Rule> {
        self.expression(column)?;
        let item = self.columns.iter().find(|item| item.name == column)?;
        let last = self.resolved(item);
        let remark = [&item.remark, &last.remark].into_iter().find(|remark| !remark.is_empty());
        let mut names = Vec::new();
        self.follow(&last.expression, &mut Vec::new(), &mut names);
        Some(Rule {
            words: self.words(&last.expression).or_else(|| remark.cloned()),
            expression: last.expression.clone(),
            sources: names.iter().map(|name| self.source(name)).collect(),
        })
    }

    /// The step that an item is nothing but, or else itself.
    fn resolved<'a>(&'a self, item: &'a Item) -> &'a Item {
        let mut last = item;
        for _ in &self.steps {
            match self.step(&last.expression) {
                Some(step) if step.name != step.expression => last = step,
                _ => break,
            }
        }
        last
    }

    fn step(&self, name: &str) -> Option<&Item> {
        self.steps.iter().rfind(|step| step.name == name)
    }

    /// The columns of the source that an expression reads, by way of its steps.
    fn follow<'a>(&'a self, expression: &str, within: &mut Vec<&'a str>, found: &mut Vec<Name>) {
        for name in names(expression) {
            let step = self.step(&name.name);
            match step.filter(|step| !within.contains(&step.name.as_str())) {
                Some(step) => {
                    within.push(&step.name);
                    self.follow(&step.expression, within, found);
                    within.pop();
                }
                None if !found.contains(&name) && self.header(&name).is_some() => found.push(name),
                None => {}
            }
        }
    }

    /// A column of the source as AWS writes it; `None` for what is none.
    fn header(&self, Name { name, key }: &Name) -> Option<String> {
        self.formats.iter().find_map(|format| {
            if let Some(known) = format.known.iter().find(|known| known.name == name) {
                let entry = key.as_ref().map_or_else(String::new, |key| format!("[{key}]"));
                return Some(format!("{}{entry}", known.header));
            }
            if let Some(family) = format.families.iter().find(|family| family.name == name) {
                return Some(format!("{}{}", family.prefix, key.as_deref().unwrap_or("*")));
            }
            (format.extras == name)
                .then(|| key.clone().unwrap_or_else(|| "all other columns".to_owned()))
        })
    }

    fn source(&self, name: &Name) -> Source {
        let header = self.header(name).unwrap_or_else(|| name.name.clone());
        let whole = Name { name: name.name.clone(), key: None };
        let find = |of: &Name| self.carriers.iter().find(|carrier| carrier.of == *of);
        let kept = match find(name) {
            Some(carrier) => Some((carrier, None)),
            None => find(&whole).map(|carrier| (carrier, name.key.clone())),
        };
        let kept = kept.map(|(carrier, key)| Kept {
            column: carrier.column.clone(),
            key,
            on_line_only: carrier.on_line_only,
        });
        Source { header, kept }
    }

    /// The columns of the cost table that are columns of the source as they are.
    fn find_carriers(&self) -> Vec<Carrier> {
        let carrier = |item: &Item| {
            let expression = self.resolved(item).expression.as_str();
            let carried = carried(expression);
            let of = bare(carried.unwrap_or(expression))?;
            self.header(&of)?;
            Some(Carrier { of, column: item.name.clone(), on_line_only: carried.is_some() })
        };
        let mut carriers: Vec<Carrier> = self.columns.iter().filter_map(carrier).collect();
        carriers.sort_by_key(|carrier| carrier.on_line_only);
        carriers
    }

    /// A simple expression in words.
    fn words(&self, expression: &str) -> Option<String> {
        if let Some(text) = literal(expression) {
            return Some(format!("always {text}"));
        }
        let as_it_is = |expression: &str| bare(expression).and_then(|name| self.header(&name));
        if let Some(header) = as_it_is(expression) {
            return Some(format!("{header} as it was delivered"));
        }
        if let Some(header) = carried(expression).and_then(as_it_is) {
            return Some(format!(
                "{header} as it was delivered; 0 on the unused part of a commitment, which is a \
                 line of its own"
            ));
        }
        let inner = expression.strip_prefix("coalesce(")?.strip_suffix(')')?;
        let (mut headers, mut last) = (Vec::new(), None);
        for part in items(inner) {
            let part = part.trim();
            let part = self.step(part).map_or(part, |step| self.resolved(step).expression.as_str());
            if NULLS.contains(&part) {
                continue;
            }
            match literal(part) {
                Some(text) => last = Some(text),
                None => headers.push(as_it_is(part)?),
            }
        }
        let first = match headers.as_slice() {
            [] => return None,
            [only] if last.is_none() => return Some(format!("{only} as it was delivered")),
            [only] => only.clone(),
            all => format!("the first of {} that has a value", all.join(", ")),
        };
        let last = last.map_or_else(String::new, |text| format!("; else {text}"));
        Some(first + &last)
    }
}

/// The SQL on one line with marks in the place of remarks, and the remarks.
fn flat(sql: &str) -> (String, Vec<&str>) {
    let (mut words, mut remarks) = (Vec::new(), Vec::new());
    for line in sql.lines() {
        let (code, remark) = line.split_once("--").map_or((line, None), |(c, r)| (c, Some(r)));
        if !code.trim().is_empty() {
            words.push(code.trim().to_owned());
        }
        if let Some(remark) = remark {
            words.push(format!("{MARK}{}{MARK}", remarks.len()));
            remarks.push(remark.trim());
        }
    }
    (words.join(" "), remarks)
}

/// What stands between the commas behind a `SELECT`, up to its `FROM`.
fn items(text: &str) -> Vec<&str> {
    let (mut items, mut depth, mut start, mut is_text) = (Vec::new(), 0_i32, 0, false);
    for (at, c) in text.char_indices() {
        let (before, rest) = text.split_at(at);
        match c {
            '\'' => is_text = !is_text,
            _ if is_text => {}
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                items.push(before.get(start..).unwrap_or_default());
                start = at + 1;
            }
            'F' if depth == 0 && rest.starts_with("FROM ") && is_clause(before) => {
                items.push(before.get(start..).unwrap_or_default());
                return items;
            }
            _ => {}
        }
    }
    items.push(text.get(start..).unwrap_or_default());
    items
}

/// Does a `FROM` after this say what is read, and is no part of `IS DISTINCT FROM`?
fn is_clause(before: &str) -> bool {
    before.ends_with(' ') && !before.ends_with("DISTINCT ")
}

/// An expression with its name, and the remarks among its text.
fn item(text: &str, remarks: &[&str]) -> Option<Item> {
    let (mut plain, mut said) = (String::new(), Vec::new());
    for (at, part) in text.split(MARK).enumerate() {
        if at.is_multiple_of(2) {
            plain.push_str(part);
        } else {
            said.extend(part.parse::<usize>().ok().and_then(|number| remarks.get(number)).copied());
        }
    }
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let (expression, name) = plain.rsplit_once(" AS ")?;
    let (name, expression) = (name.to_owned(), expression.to_owned());
    Some(Item { name, expression, remark: said.join(" ") })
}

/// The names in an expression that are no functions, with the entry that is taken of a map.
/// Words of SQL are among them.
fn names(expression: &str) -> Vec<Name> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut found, mut rest) = (Vec::new(), expression);
    while let Some(c) = rest.chars().next() {
        if c == '\'' {
            let inside = rest.get(1..).unwrap_or_default();
            rest = inside.split_once('\'').map_or("", |(_, rest)| rest);
        } else if is_word(c) {
            let (word, after) =
                rest.split_at(rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()));
            rest = after;
            if c.is_ascii_digit() || rest.starts_with('(') {
                continue;
            }
            let entry = rest.strip_prefix("['").and_then(|rest| rest.split_once("']"));
            if let Some((_, after)) = entry {
                rest = after;
            }
            let key = entry.map(|(key, _)| key.to_owned());
            let name = Name { name: word.to_owned(), key };
            if !found.contains(&name) {
                found.push(name);
            }
        } else {
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    found
}

/// The name that an expression is nothing but.
fn bare(expression: &str) -> Option<Name> {
    let mut names = names(expression);
    let name = names.pop().filter(|_| names.is_empty())?;
    let written = match &name.key {
        Some(key) => format!("{}['{key}']", name.name),
        None => name.name.clone(),
    };
    (written == expression).then_some(name)
}

/// What an expression carries as it is, though only on the line itself.
fn carried(expression: &str) -> Option<&str> {
    expression.strip_prefix(CARRIED.0)?.strip_suffix(CARRIED.1)
}

/// A text or a number that an expression is nothing but.
fn literal(expression: &str) -> Option<&str> {
    let text = expression.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.filter(|text| !text.contains('\'')).or_else(|| Some(expression).filter(is_number))
}

#[cfg(test)]
mod tests {
    use billhook_focus::columns;

    use super::*;

    fn words(kind: &str, column: &str) -> String {
        Origins::of(kind).unwrap().rule(column).unwrap().words.unwrap_or_default()
    }

    fn headers(kind: &str, column: &str) -> Vec<String> {
        let rule = Origins::of(kind).unwrap().rule(column).unwrap();
        rule.sources.into_iter().map(|source| source.header).collect()
    }

    #[test]
    fn every_kind_fills_columns_of_the_cost_table_from_columns_of_its_source() {
        for kind in kinds::names() {
            let origins = Origins::of(kind).unwrap();
            assert!(!origins.steps.is_empty() && !origins.title().is_empty(), "{kind}");
            for item in &origins.columns {
                assert!(columns::find(&item.name).is_some(), "{kind}: {}", item.name);
                assert!(!item.expression.contains(MARK), "{kind}: {}", item.expression);
            }
            for column in ["BilledCost", "x_UnblendedCost"] {
                let rule = origins.rule(column).unwrap();
                assert!(!rule.sources.is_empty(), "{kind}: {column}: {rule:?}");
            }
        }
        assert!(Origins::of("invoice").is_none());
    }

    #[test]
    fn simple_rules_are_told_in_words() {
        assert_eq!(words("cur", "BillingAccountType"), "always Management Account");
        assert_eq!(words("cur", "x_UsageType"), "lineItem/UsageType as it was delivered");
        assert_eq!(words("cur", "BillingCurrency"), "lineItem/CurrencyCode; else USD");
        assert_eq!(
            words("cur", "SubAccountName"),
            "the first of lineItem/UsageAccountId, bill/PayerAccountId that has a value"
        );
        let carried = words("cur", "x_UnblendedCost");
        assert!(
            carried.starts_with("lineItem/UnblendedCost as it was delivered; 0 on"),
            "{carried}"
        );
        let said = words("cur", "ChargeClass");
        assert!(said.starts_with("A refund that is on an invoice corrects"), "{said}");
        let said = words("cur", "BilledCost");
        assert!(said.starts_with("BilledCost. Savings Plan covered usage"), "{said}");
    }

    #[test]
    fn steps_are_followed_to_the_columns_of_the_source() {
        assert_eq!(headers("cur", "RegionName").first().unwrap(), "product/regionCode");
        let billed = headers("cur", "BilledCost");
        for header in ["lineItem/LineItemType", "lineItem/NetUnblendedCost"] {
            assert!(billed.iter().any(|own| own == header), "{billed:?}");
        }
        assert!(!billed.iter().any(|own| own.contains("part")), "{billed:?}");
        let origins = Origins::of("cur").unwrap();
        let unit = origins.steps.iter().find(|step| step.name == "unit").unwrap();
        assert!(unit.expression.contains("IS DISTINCT FROM 'Tax'"), "{}", unit.expression);
    }

    #[test]
    fn what_the_cost_table_keeps_is_known() {
        let rule = Origins::of("cur").unwrap().rule("BilledCost").unwrap();
        let kept = |header: &str| {
            let source = rule.sources.iter().find(|source| source.header == header).unwrap();
            source.kept.clone().map(|kept| (kept.column, kept.on_line_only))
        };
        assert_eq!(kept("lineItem/UnblendedCost"), Some(("x_UnblendedCost".to_owned(), true)));
        assert_eq!(kept("lineItem/LineItemType"), Some(("x_LineItemType".to_owned(), false)));
        let rule = Origins::of("cur").unwrap().rule("ResourceName").unwrap();
        let tag = rule.sources.iter().find(|source| source.header == "resourceTags/Name").unwrap();
        let kept = tag.kept.clone().unwrap();
        assert_eq!((kept.column.as_str(), kept.key.as_deref()), ("Tags", Some("Name")));
    }

    #[test]
    fn names_are_neither_functions_nor_texts() {
        let found = names("unit_price(CAST(NULL AS DECIMAL(38, 18)), cost, extra['a b']) + 'type'");
        let found: Vec<(&str, Option<&str>)> =
            found.iter().map(|name| (name.name.as_str(), name.key.as_deref())).collect();
        assert_eq!(found, [("NULL", None), ("AS", None), ("cost", None), ("extra", Some("a b"))]);
    }
}
