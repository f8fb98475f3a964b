//! A view of costs: all that the address of the cost explorer says. Equal views have one address.

mod parse;
#[cfg(test)]
mod tests;

use billhook_charts::Form;
use billhook_engine::period::{self, Compare, DayRange};
use billhook_engine::report::{self, Granularity, ReportRequest, Scope};
use billhook_focus::metric::{self, Metric};
use chrono::{DateTime, NaiveDate, SecondsFormat};

use crate::fail::Fail;

pub(crate) use billhook_engine::report::How;

/// Groups that are shown when nothing is said: few enough to read.
pub(crate) const TOP: usize = 6;

/// Groups that can have a colour.
pub(crate) const MOST: usize = 10;

/// The period when nothing is said.
pub(crate) const PERIOD: &str = "mtd";

/// The grouping when nothing is said.
pub(crate) const BY: &str = "ServiceName";

/// All that decides which figures are shown, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) period: Period,
    pub(crate) metric: &'static Metric,
    /// One currency; without, the one with most rows.
    pub(crate) currency: Option<String>,
    /// What is grouped by: none, one or two columns.
    pub(crate) by: Vec<String>,
    pub(crate) grain: Grain,
    /// In canonical order, one per column and kind of condition.
    pub(crate) filters: Vec<Filter>,
    pub(crate) compare: Option<Compare>,
    /// How the chart is drawn; `None` for no chart.
    pub(crate) form: Option<Form>,
    /// Groups shown; [`usize::MAX`] for all, page by page.
    pub(crate) top: usize,
    /// The group that stands on the axis.
    pub(crate) base: Option<String>,
    pub(crate) scope: Scope,
    /// The lake as it was then, milliseconds since 1970 UTC.
    pub(crate) as_of: Option<i64>,
    /// Are all digits shown?
    pub(crate) is_exact: bool,
    pub(crate) sort: Sort,
    /// Where the page begins, of more than one.
    pub(crate) after: Option<String>,
}

/// Which days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Period {
    /// `mtd`, `last-30d`, `2026-10`, `2026-Q3`, `ytd` and the like.
    Named(String),
    /// Given days.
    Days(DayRange),
}

/// How finely time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Grain {
    /// By hours up to 2 days, by days up to 92, else by months.
    #[default]
    Auto,
    Hourly,
    Daily,
    Monthly,
    Total,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) how: How,
    pub(crate) column: String,
    /// Sorted; an empty one stands for no value.
    pub(crate) values: Vec<String>,
}

/// What rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SortBy {
    Cost,
    Name,
    Change,
}

/// How rows are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) by: SortBy,
    pub(crate) is_reversed: bool,
}

impl Period {
    /// The days.
    ///
    /// # Errors
    /// When the name is none, which [`View::parse`] has refused.
    pub(crate) fn range(&self, today: NaiveDate) -> Result<DayRange, Fail> {
        match self {
            Self::Named(name) => Ok(period::parse(name, today)?),
            Self::Days(range) => Ok(*range),
        }
    }
}

impl Grain {
    pub(crate) const ALL: [Self; 5] =
        [Self::Auto, Self::Hourly, Self::Daily, Self::Monthly, Self::Total];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Monthly => "monthly",
            Self::Total => "total",
        }
    }

    /// What a period is cut into.
    pub(crate) fn of(self, range: DayRange) -> Granularity {
        match self {
            Self::Hourly => Granularity::Hourly,
            Self::Daily => Granularity::Daily,
            Self::Monthly => Granularity::Monthly,
            Self::Total => Granularity::Total,
            Self::Auto => match range.days() {
                ..=2 => Granularity::Hourly,
                3..=92 => Granularity::Daily,
                _ => Granularity::Monthly,
            },
        }
    }
}

impl Filter {
    /// The condition for people: `tag:team = web or (not specified)`.
    pub(crate) fn label(&self) -> String {
        let sign = match self.how {
            How::Is => "=",
            How::Not => "\u{2260}",
            How::Like => "contains",
        };
        let values = self.values.iter().map(|value| match value.as_str() {
            "" => "(not specified)".to_owned(),
            value => crate::format::visible(value),
        });
        format!("{} {sign} {}", self.column, values.collect::<Vec<_>>().join(" or "))
    }

    fn engine(&self) -> report::Filter {
        report::Filter { by: self.column.clone(), how: self.how, values: self.values.clone() }
    }
}

impl Sort {
    pub(crate) const COST: Self = Self { by: SortBy::Cost, is_reversed: false };

    pub(crate) fn name(self) -> String {
        let name = match self.by {
            SortBy::Cost => "cost",
            SortBy::Name => "name",
            SortBy::Change => "change",
        };
        if self.is_reversed { format!("-{name}") } else { name.to_owned() }
    }
}

impl View {
    /// What is shown when nothing is said.
    pub(crate) fn new() -> Self {
        Self {
            period: Period::Named(PERIOD.to_owned()),
            metric: &metric::ALL[0],
            currency: None,
            by: vec![BY.to_owned()],
            grain: Grain::Auto,
            filters: Vec::new(),
            compare: None,
            form: Some(Form::Bars),
            top: TOP,
            base: None,
            scope: Scope::Consolidated,
            as_of: None,
            is_exact: false,
            sort: Sort::COST,
            after: None,
        }
    }

    /// Understands the parameters of an address. Empty ones of a form are left out.
    ///
    /// # Errors
    /// [`Fail`] that names what is unknown and what is near to it.
    pub(crate) fn parse(pairs: &[(String, String)]) -> Result<Self, Fail> {
        parse::parse(pairs)
    }

    /// The parameters in their one order, defaults left out.
    pub(crate) fn query(&self) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.pairs() {
            out.append_pair(&name, &value);
        }
        out.finish()
    }

    /// The address of this view on another page.
    pub(crate) fn url(&self, path: &str) -> String {
        let query = self.query();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// Names and values in their one order, defaults left out.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let standard = Self::new();
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut put = |name: &str, value: String| pairs.push((name.to_owned(), value));
        match &self.period {
            Period::Named(name) if name == PERIOD => {}
            Period::Named(name) => put("period", name.clone()),
            Period::Days(range) => {
                put("from", range.from.to_string());
                put("to", range.to.to_string());
            }
        }
        if self.metric != standard.metric {
            put("metric", self.metric.column.to_owned());
        }
        if let Some(currency) = &self.currency {
            put("currency", currency.clone());
        }
        if self.by.is_empty() {
            put("by", String::new());
        }
        for by in self.by.iter().filter(|_| self.by != standard.by) {
            put("by", by.clone());
        }
        if self.grain != Grain::Auto {
            put("grain", self.grain.name().to_owned());
        }
        for filter in &self.filters {
            for value in &filter.values {
                put(&format!("{}.{}", filter.how.name(), filter.column), value.clone());
            }
        }
        if let Some(compare) = self.compare {
            put("cmp", compare_name(compare));
        }
        if self.form != standard.form {
            put("view", form_name(self.form).to_owned());
        }
        if self.top != TOP {
            let top = if self.top > MOST { "all".to_owned() } else { self.top.to_string() };
            put("top", top);
        }
        if let Some(base) = &self.base {
            put("base", base.clone());
        }
        if self.scope != Scope::Consolidated {
            put("scope", self.scope.name().to_owned());
        }
        if let Some(millis) = self.as_of {
            put("asof", as_of_text(millis));
        }
        if self.is_exact {
            put("exact", "1".to_owned());
        }
        if self.sort != Sort::COST {
            put("sort", self.sort.name());
        }
        if let Some(after) = &self.after {
            put("after", after.clone());
        }
        pairs
    }

    /// What the engine is asked.
    pub(crate) fn request(&self, range: DayRange, today: NaiveDate) -> ReportRequest {
        ReportRequest {
            by: self.by.clone(),
            range: Some(range),
            granularity: self.grain.of(range),
            metric: self.metric,
            // All currencies are asked for: those that are not shown are told of.
            currency: None,
            filters: self.filters.iter().map(Filter::engine).collect(),
            compare: self.compare,
            scope: self.scope,
            as_of: self.as_of,
            top: (self.top <= MOST).then_some(self.top),
            is_none_apart: true,
            ..ReportRequest::new(today)
        }
    }

    /// The same with one more condition; a value is added to a condition of the same kind.
    pub(crate) fn with(&self, how: How, column: &str, value: &str) -> Self {
        let mut view = self.first_page();
        let value = value.to_owned();
        let same = |filter: &&mut Filter| filter.how == how && filter.column == column;
        match view.filters.iter_mut().find(same) {
            Some(filter) => filter.values.push(value),
            None => {
                view.filters.push(Filter { how, column: column.to_owned(), values: vec![value] });
            }
        }
        view.settle();
        view
    }

    /// The same with only one value of a column; nothing stands for no value.
    pub(crate) fn only(&self, column: &str, value: Option<&str>) -> Self {
        let mut view = self.first_page();
        view.filters.retain(|filter| filter.how != How::Is || filter.column != column);
        view.with(How::Is, column, value.unwrap_or_default())
    }

    /// What decides which lines count, and nothing of how they are shown.
    pub(crate) fn of_lines(&self, currency: &str) -> Self {
        Self {
            period: self.period.clone(),
            metric: self.metric,
            currency: Some(currency.to_owned()),
            filters: self.filters.clone(),
            scope: self.scope,
            as_of: self.as_of,
            ..Self::new()
        }
    }

    /// The same without one of the conditions.
    pub(crate) fn without(&self, filter: &Filter) -> Self {
        let mut view = self.first_page();
        view.filters.retain(|known| known != filter);
        view
    }

    /// The same from the first page on.
    pub(crate) fn first_page(&self) -> Self {
        Self { after: None, ..self.clone() }
    }

    /// Brings conditions into their one order.
    pub(crate) fn settle(&mut self) {
        for filter in &mut self.filters {
            filter.values.sort();
            filter.values.dedup();
        }
        self.filters.sort_by(|a, b| (a.how, &a.column).cmp(&(b.how, &b.column)));
    }

    /// The command that gives the same figures.
    pub(crate) fn command(&self) -> String {
        let mut words = vec!["billhook report".to_owned()];
        let mut flag = |name: &str, value: &str| words.push(format!("--{name} {}", quoted(value)));
        if self.by.is_empty() {
            flag("by", "currency");
        }
        for by in &self.by {
            flag("by", by);
        }
        match &self.period {
            Period::Named(name) => flag("period", name),
            Period::Days(range) => {
                flag("from", &range.from.to_string());
                flag("to", &range.to.to_string());
            }
        }
        flag("metric", self.metric.column);
        if let Some(currency) = &self.currency {
            flag("currency", currency);
        }
        if !matches!(self.grain, Grain::Auto | Grain::Total) {
            flag("granularity", self.grain.name());
        }
        for filter in &self.filters {
            let name = if filter.how == How::Is { "filter" } else { filter.how.name() };
            let values = filter.values.iter().map(|value| escaped(value, ','));
            let values = values.collect::<Vec<_>>().join(",");
            flag(name, &format!("{}={values}", escaped(&filter.column, '=')));
        }
        if let Some(compare) = self.compare {
            flag("compare", &compare_name(compare));
        }
        if self.scope == Scope::All {
            flag("scope", "all");
        }
        if let Some(millis) = self.as_of {
            flag("as-of", &as_of_text(millis));
        }
        words.join(" ")
    }
}

/// A word of a command line, quoted where a shell would split it.
fn quoted(text: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_.:=,/@".contains(char);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A text of a condition with a backslash before what would end it.
fn escaped(text: &str, end: char) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        if one == '\\' || one == end {
            out.push('\\');
        }
        out.push(one);
    }
    out
}

/// A comparison, as an address has it.
pub(crate) fn compare_name(compare: Compare) -> String {
    match compare {
        Compare::Previous => "previous".to_owned(),
        Compare::Month => "month".to_owned(),
        Compare::Year => "year".to_owned(),
        Compare::Range(range) => format!("{}..{}", range.from, range.to),
    }
}

/// A form of the chart, as an address has it.
pub(crate) fn form_name(form: Option<Form>) -> &'static str {
    match form {
        Some(Form::Bars) => "bars",
        Some(Form::Area) => "area",
        Some(Form::Lines) => "lines",
        Some(Form::Multiples) => "multiples",
        None => "none",
    }
}

fn as_of_text(millis: i64) -> String {
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
