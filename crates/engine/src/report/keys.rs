//! What a report groups and filters by: columns, their short names, tags and cost categories.

use billhook_focus::columns::{self, Column, ColumnType};
use billhook_lake::spec::DAILY_KEYS;
use billhook_lake::summary;
use chrono::{DateTime, NaiveDateTime, NaiveTime};

use crate::EngineError;
use crate::instant::parse_millis;
use crate::period;
use crate::sql_names::quoted;

/// How a missing value is shown, and asked for in a filter.
pub const NONE: &str = "(none)";

/// Short names of columns.
pub const ALIASES: [(&str, &str); 16] = [
    ("service", "ServiceName"),
    ("account", "SubAccountId"),
    ("account-name", "x_AccountName"),
    ("ou", "x_OrganizationalUnit"),
    ("region", "RegionId"),
    ("category", "ServiceCategory"),
    ("type", "x_LineItemType"),
    ("resource", "ResourceId"),
    ("connection", "x_Connection"),
    ("payer", "BillingAccountId"),
    ("charge", "ChargeCategory"),
    ("currency", "BillingCurrency"),
    ("sku", "SkuId"),
    ("usage-type", "x_UsageType"),
    ("operation", "x_Operation"),
    ("day", "ChargeDate"),
];

/// Columns with about as many values as the table has rows: no figures per day and value unless
/// asked for.
const MANY_VALUES: [&str; 4] = ["ResourceId", "ResourceName", "x_LineItemId", "x_SourceRow"];

/// What the directory knows of a row's account: column of the view `costs`, the same of the columns
/// of every table, and whether the daily roll-up has those.
const LOOKED_UP: [(&str, &str, bool); 2] = [
    (
        "x_AccountName",
        "coalesce(account_name(\"SubAccountId\"), NULLIF(\"SubAccountName\", ''), \
         \"SubAccountId\")",
        false,
    ),
    ("x_OrganizationalUnit", "organizational_unit(\"SubAccountId\")", true),
];

/// Maps that are grouped by an entry: prefix, the prefix as it is shown, the map, and whether the
/// daily roll-up has it.
const MAPS: [(&str, &str, &str, bool); 5] = [
    ("tag:", "tag:", "\"Tags\"", false),
    ("category:", "category:", "\"x_CostCategories\"", false),
    ("cost-category:", "category:", "\"x_CostCategories\"", false),
    ("account-tag:", "account-tag:", "account_tags(\"SubAccountId\")", true),
    ("resource-tag:", "resource-tag:", "resource_tags(\"ResourceId\")", false),
];

/// Something that each row has at most one value of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A column.
    Column { name: &'static str, column_type: ColumnType },
    /// The day of `ChargePeriodStart`.
    Day,
    /// What the directory knows; see [`LOOKED_UP`].
    LookedUp { name: &'static str, sql: &'static str, is_daily: bool },
    /// An entry of a map; see [`MAPS`].
    Entry { map: &'static str, prefix: &'static str, is_daily: bool, key: String },
}

impl Key {
    /// Finds what a user means.
    pub(super) fn resolve(text: &str) -> Result<Self, EngineError> {
        let text = text.trim();
        for (prefix, shown, map, is_daily) in MAPS {
            let start = text.get(..prefix.len());
            if start.is_some_and(|start| start.eq_ignore_ascii_case(prefix)) {
                let key = text[prefix.len()..].to_owned();
                if key.is_empty() {
                    return Err(EngineError::Usage(format!(
                        "{text:?} lacks a name: use {prefix}NAME"
                    )));
                }
                return Ok(Self::Entry { map, prefix: shown, is_daily, key });
            }
        }
        let alias = ALIASES.iter().find(|(alias, _)| plain(alias) == plain(text));
        let name = alias.map_or(text, |(_, name)| *name);
        if plain(name) == "chargedate" {
            return Ok(Self::Day);
        }
        let known = LOOKED_UP.into_iter().find(|(known, ..)| plain(known) == plain(name));
        if let Some((name, sql, is_daily)) = known {
            return Ok(Self::LookedUp { name, sql, is_daily });
        }
        let same = |column: &&Column| column.name.eq_ignore_ascii_case(name);
        let alike = |column: &&Column| plain(column.name) == plain(name);
        let Some(column) = columns::all().find(same).or_else(|| columns::all().find(alike)) else {
            return Err(EngineError::Usage(unknown(text)));
        };
        if column.column_type == ColumnType::Map {
            let (prefix, example) = match column.name {
                "x_CostCategories" => ("category", "category:team"),
                _ => ("tag", "tag:team"),
            };
            let advice = match column.name {
                "Tags" | "x_CostCategories" => format!("use {prefix}:NAME, e.g. {example}"),
                _ => "use `billhook sql` to look into it".to_owned(),
            };
            return Err(EngineError::Usage(format!("{} holds many values: {advice}", column.name)));
        }
        Ok(Self::Column { name: column.name, column_type: column.column_type })
    }

    /// Its name in the report.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Column { name, .. } | Self::LookedUp { name, .. } => (*name).to_owned(),
            Self::Day => "ChargeDate".to_owned(),
            Self::Entry { prefix, key, .. } => format!("{prefix}{key}"),
        }
    }

    /// Does the daily roll-up know it?
    pub(super) fn is_daily(&self) -> bool {
        match self {
            Self::Column { name, .. } => {
                DAILY_KEYS.contains(name) || ["x_Connection", "x_BillingPeriod"].contains(name)
            }
            Self::Day => true,
            Self::LookedUp { is_daily, .. } | Self::Entry { is_daily, .. } => *is_daily,
        }
    }

    /// Do summaries know it?
    pub(super) fn is_summed(&self) -> bool {
        match self {
            Self::Column { name, .. } => summary::has_column(name),
            Self::Day => false,
            Self::LookedUp { .. } | Self::Entry { .. } => true,
        }
    }

    /// Has it about as many values as there are rows?
    pub(super) fn has_many_values(&self) -> bool {
        matches!(self, Self::Column { name, .. } if MANY_VALUES.contains(name))
    }

    /// As SQL of its own type.
    fn sql(&self, is_daily: bool) -> String {
        match self {
            Self::Column { name, .. } => format!("\"{name}\""),
            Self::Day if is_daily => "\"ChargeDate\"".to_owned(),
            Self::Day => "CAST(\"ChargePeriodStart\" AS DATE)".to_owned(),
            Self::LookedUp { sql, .. } => (*sql).to_owned(),
            Self::Entry { map, key, .. } => format!("{map}[{}]", quoted(key)),
        }
    }

    fn is_text(&self) -> bool {
        match self {
            Self::Column { column_type, .. } => *column_type == ColumnType::Text,
            Self::Day => false,
            Self::LookedUp { .. } | Self::Entry { .. } => true,
        }
    }

    /// As SQL text, NULL where there is no value.
    pub(super) fn text_sql(&self, is_daily: bool) -> String {
        let sql = self.sql(is_daily);
        if self.is_text() {
            format!("NULLIF({sql}, '')")
        } else {
            format!("CAST({sql} AS VARCHAR)")
        }
    }

    /// A value as an SQL literal of the key's type.
    fn literal(&self, value: &str) -> Result<String, EngineError> {
        let wrong = |kind: &str| {
            EngineError::Usage(format!("{} is {kind}: {value:?} is none", self.label()))
        };
        match self {
            Self::Column { column_type: ColumnType::Decimal, .. } => {
                let units = billhook_money::parse(value.as_bytes())
                    .map_err(|_| wrong("a decimal number"))?
                    .units;
                Ok(format!("CAST('{}' AS DECIMAL(38,18))", billhook_money::format(units)))
            }
            Self::Column { column_type: ColumnType::Integer, .. } => {
                let number: i64 = value.parse().map_err(|_| wrong("a whole number"))?;
                Ok(number.to_string())
            }
            Self::Column { column_type: ColumnType::Time, .. } => {
                // A charge period that is asked for by a day is the one that starts with it.
                if let Some(day) = period::day(value) {
                    return Ok(instant(day.and_time(NaiveTime::MIN)));
                }
                let time = DateTime::from_timestamp_millis(parse_millis(value)?);
                Ok(instant(time.ok_or_else(|| wrong("a point in time"))?.naive_utc()))
            }
            Self::Day => {
                let day = period::day(value).ok_or_else(|| wrong("a day (YYYY-MM-DD)"))?;
                Ok(format!("CAST('{day}' AS DATE)"))
            }
            Self::Column { .. } | Self::LookedUp { .. } | Self::Entry { .. } => Ok(quoted(value)),
        }
    }
}

/// What a condition asks of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It is one of those given.
    Is,
    /// It is none of those given.
    Not,
    /// It holds one of the texts given, in upper or lower case.
    Like,
}

impl How {
    /// Name in machine-readable output and in URLs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::Not => "not",
            Self::Like => "like",
        }
    }
}

/// A condition on the rows that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// As in [`super::ReportRequest::by`].
    pub by: String,
    /// What is asked of the value.
    pub how: How,
    /// Values; an empty one and [`NONE`] stand for no value.
    pub values: Vec<String>,
}

impl Filter {
    /// Understands `COL=VALUE`, `COL=V1,V2` and `COL!=VALUE`. A comma in a value, and an equals
    /// sign in a tag's name, are written with a backslash before them.
    ///
    /// # Errors
    /// [`EngineError::Usage`] with what is allowed.
    pub fn parse(text: &str) -> Result<Self, EngineError> {
        let mut parts = split(text, '=', 2).into_iter();
        let (Some(by), Some(values)) = (parts.next(), parts.next()) else {
            return Err(EngineError::Usage(format!(
                "{text:?} is no filter: use COLUMN=VALUE, COLUMN=VALUE,VALUE or COLUMN!=VALUE, \
                 with {NONE} for no value"
            )));
        };
        let (by, how) = match by.strip_suffix('!') {
            Some(by) => (by, How::Not),
            None => (by.as_str(), How::Is),
        };
        let values = split(&values, ',', usize::MAX);
        let values = values.iter().map(|value| unescaped(value)).collect();
        Ok(Self { by: unescaped(by).trim().to_owned(), how, values })
    }

    /// The condition as text for people.
    #[must_use]
    pub fn label(&self) -> String {
        let sign = match self.how {
            How::Is => "=",
            How::Not => "≠",
            How::Like => "contains",
        };
        let shown = |value: &String| if value.is_empty() { NONE.to_owned() } else { value.clone() };
        let values: Vec<String> = self.values.iter().map(shown).collect();
        format!("{} {sign} {}", self.by, values.join(" or "))
    }

    /// The condition as SQL.
    pub(super) fn sql(&self, key: &Key, is_daily: bool) -> Result<String, EngineError> {
        if self.how == How::Like {
            return self.like_sql(&key.text_sql(is_daily));
        }
        let sql = key.sql(is_daily);
        let (none, values): (Vec<&String>, Vec<&String>) =
            self.values.iter().partition(|value| value.is_empty() || *value == NONE);
        let literals =
            values.into_iter().map(|value| key.literal(value)).collect::<Result<Vec<_>, _>>()?;
        let mut either = Vec::new();
        if !literals.is_empty() {
            either.push(format!("coalesce({sql} IN ({}), false)", literals.join(", ")));
        }
        if !none.is_empty() {
            either.push(format!("{sql} IS NULL"));
            if key.is_text() {
                either.push(format!("{sql} = ''"));
            }
        }
        let either = either.join(" OR ");
        let is_negated = self.how == How::Not;
        Ok(if is_negated { format!("NOT ({either})") } else { format!("({either})") })
    }

    /// One of the texts is in the value.
    fn like_sql(&self, value: &str) -> Result<String, EngineError> {
        let texts = self.values.iter().filter(|text| !text.is_empty());
        let holds = texts
            .map(|text| format!("contains(lower({value}), {})", quoted(&text.to_lowercase())))
            .collect::<Vec<_>>();
        if holds.is_empty() {
            return Err(EngineError::Usage(format!(
                "{} contains nothing: give a text to look for",
                self.by
            )));
        }
        Ok(format!("coalesce({}, false)", holds.join(" OR ")))
    }
}

/// SQL literal of the type of the table's time columns.
pub(super) fn instant(time: NaiveDateTime) -> String {
    let time = time.format("%Y-%m-%dT%H:%M:%S%.6f");
    format!("arrow_cast('{time}', 'Timestamp(Microsecond, Some(\"UTC\"))')")
}

/// Splits at a character that has no backslash before it; backslashes stay.
fn split(text: &str, at: char, most: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_escaped = false;
    for c in text.chars() {
        if c == at && !is_escaped && parts.len() < most {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    parts
}

/// Takes the backslashes away that keep a text whole; others stay.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match rest.peek() {
            Some(&next) if c == '\\' && matches!(next, ',' | '=' | '\\') => {
                plain.push(next);
                rest.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}

/// A name without what people write differently: case, dashes, spaces, and our `x_`.
fn plain(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("x_").unwrap_or(&name);
    name.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn unknown(text: &str) -> String {
    let aliases: Vec<&str> = ALIASES.iter().map(|(alias, _)| *alias).collect();
    let mut near: Vec<(usize, &str)> = columns::all()
        .filter(|column| column.column_type != ColumnType::Map)
        .map(|column| column.name)
        .chain(aliases.iter().copied())
        .map(|name| (distance(&plain(text), &plain(name)), name))
        .collect();
    near.sort_unstable();
    let most = (plain(text).len() / 3).clamp(1, 4);
    let near: Vec<&str> = near
        .into_iter()
        .take_while(|(far, _)| *far <= most)
        .take(4)
        .map(|(_, name)| name)
        .collect();
    let near =
        if near.is_empty() { String::new() } else { format!(" (near: {})", near.join(", ")) };
    format!(
        "there is no column {text:?}{near}: use {}, any column of the cost table, tag:KEY, \
         category:NAME, account-tag:KEY or resource-tag:KEY",
        aliases.join(", ")
    )
}

/// How far two names are apart: the edits that it takes, or next to nothing when one holds the
/// other.
fn distance(a: &str, b: &str) -> usize {
    if a.len() >= 3 && (b.contains(a) || b.len() >= 3 && a.contains(b)) {
        return 1;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(corner + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The name of what a user means by a column, a short name, or an entry of a map.
///
/// # Errors
/// [`EngineError::Usage`] with near names when there is none.
pub fn column(text: &str) -> Result<String, EngineError> {
    Key::resolve(text).map(|key| key.label())
}

/// Names of `known` that are near to `text`, the nearest first.
#[must_use]
pub fn nearest(text: &str, known: &[String]) -> Vec<String> {
    let mut near: Vec<(usize, usize, &String)> =
        known.iter().map(|name| (distance(&plain(text), &plain(name)), name.len(), name)).collect();
    near.sort();
    near.into_iter().take(8).map(|(.., name)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> String {
        match Key::resolve(text) {
            Ok(key) => key.label(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        for (text, expected) in [
            ("service", "ServiceName"),
            ("SERVICENAME", "ServiceName"),
            ("service-name", "ServiceName"),
            ("Account", "SubAccountId"),
            ("x_usagetype", "x_UsageType"),
            ("usage type", "x_UsageType"),
            ("category", "ServiceCategory"),
            ("Category:env", "category:env"),
            ("cost-category:env", "category:env"),
            ("tag:Team", "tag:Team"),
            ("tag:user:a'b", "tag:user:a'b"),
            ("day", "ChargeDate"),
            ("account-name", "x_AccountName"),
            ("OU", "x_OrganizationalUnit"),
            ("x_organizationalunit", "x_OrganizationalUnit"),
            ("Account-Tag:team", "account-tag:team"),
            ("resource-tag:team", "resource-tag:team"),
        ] {
            assert_eq!(label(text), expected, "{text}");
        }
        for (_, column) in ALIASES {
            let is_known = columns::find(column).is_some()
                || LOOKED_UP.iter().any(|(known, ..)| *known == column);
            assert!(column == "ChargeDate" || is_known, "{column}");
        }
    }

    #[test]
    fn unknown_names_are_refused_with_near_ones() {
        assert!(label("ServceName").contains("near: ServiceName"), "{}", label("ServceName"));
        assert!(!label("foo").contains("near"), "{}", label("foo"));
        assert!(label("zzzzzzzzzz").contains("use service, account"));
        assert!(label("tag:").contains("lacks a name"));
        assert!(label("tags").contains("tag:team"), "{}", label("tags"));
        assert!(label("näme").contains("no column"));
    }

    fn sql(text: &str) -> String {
        let filter = Filter::parse(text).unwrap();
        let key = Key::resolve(&filter.by).unwrap();
        filter.sql(&key, false).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn filters_become_sql_that_cannot_be_broken_out_of() {
        for (text, expected) in [
            ("service=A", "(coalesce(\"ServiceName\" IN ('A'), false))"),
            ("service=A,B", "(coalesce(\"ServiceName\" IN ('A', 'B'), false))"),
            (r"service=A\,B", "(coalesce(\"ServiceName\" IN ('A,B'), false))"),
            ("service!=A", "NOT (coalesce(\"ServiceName\" IN ('A'), false))"),
            ("service=(none)", "(\"ServiceName\" IS NULL OR \"ServiceName\" = '')"),
            ("service=", "(\"ServiceName\" IS NULL OR \"ServiceName\" = '')"),
            ("service=a=b", "(coalesce(\"ServiceName\" IN ('a=b'), false))"),
            ("tag:o'k=x' OR 1=1--", "(coalesce(\"Tags\"['o''k'] IN ('x'' OR 1=1--'), false))"),
            (r"tag:a\=b=c", "(coalesce(\"Tags\"['a=b'] IN ('c'), false))"),
            (
                "BilledCost!=0.00",
                "NOT (coalesce(\"BilledCost\" IN (CAST('0' AS DECIMAL(38,18))), false))",
            ),
            ("ou=Root", "(coalesce(organizational_unit(\"SubAccountId\") IN ('Root'), false))"),
            (
                "account-tag:o'k=x",
                "(coalesce(account_tags(\"SubAccountId\")['o''k'] IN ('x'), false))",
            ),
            ("x_SourceRow=7", "(coalesce(\"x_SourceRow\" IN (7), false))"),
            ("BilledCost=x", "BilledCost is a decimal number: \"x\" is none"),
        ] {
            assert_eq!(sql(text), expected, "{text}");
        }
        let like = Filter { how: How::Like, ..Filter::parse("service=Amazon'S3").unwrap() };
        let key = Key::resolve("service").unwrap();
        assert_eq!(
            like.sql(&key, true).unwrap(),
            "coalesce(contains(lower(NULLIF(\"ServiceName\", '')), 'amazon''s3'), false)"
        );
        assert!(Filter { values: vec![String::new()], ..like }.sql(&key, true).is_err());
        assert!(Filter::parse("service").is_err());
        assert!(Filter::parse("").is_err());
    }
}
