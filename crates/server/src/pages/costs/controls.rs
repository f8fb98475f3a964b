//! What a view is changed by: every control is a link or part of a form that is sent to the same
//! page.

use billhook_charts::Form;
use billhook_engine::period::Compare;
use billhook_engine::report::Scope;
use billhook_focus::columns::{self, ColumnType};
use billhook_focus::metric;

use crate::api::costs::Costs;
use crate::app::App;
use crate::fail::Fail;
use crate::pages::costs::figure::{Money, Shown};
use crate::pages::costs::sql;
use crate::view::{Grain, How, MOST, View, compare_name, form_name};

/// Groupings that are one click away.
const GROUPINGS: [(&str, &str); 8] = [
    ("ServiceName", "Service"),
    ("x_AccountName", "Account"),
    ("RegionId", "Region"),
    ("ServiceCategory", "Category"),
    ("x_UsageType", "Usage type"),
    ("ChargeCategory", "Charge"),
    ("ResourceId", "Resource"),
    ("x_Connection", "Connection"),
];

/// What is left out by one click: name, column, value.
const QUICK: [(&str, &str, &str); 4] = [
    ("credits", "ChargeCategory", "Credit"),
    ("tax", "ChargeCategory", "Tax"),
    ("purchases", "ChargeCategory", "Purchase"),
    ("corrections", "ChargeClass", "Correction"),
];

/// A link that may be the page itself.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) is_here: bool,
}

/// A metric, as the menu tells it.
#[derive(Debug, Clone)]
pub(crate) struct MetricChoice {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) href: String,
    pub(crate) is_here: bool,
}

/// A currency of the view.
#[derive(Debug, Clone)]
pub(crate) struct CurrencyChoice {
    pub(crate) code: String,
    pub(crate) total: Money,
    pub(crate) href: String,
    pub(crate) is_here: bool,
}

/// An option of a list.
#[derive(Debug, Clone)]
pub(crate) struct Choosable {
    pub(crate) value: String,
    pub(crate) name: String,
    pub(crate) is_chosen: bool,
}

/// All controls of a view.
#[derive(Debug, Clone)]
pub(crate) struct Controls {
    pub(crate) metrics: Vec<MetricChoice>,
    pub(crate) currencies: Vec<CurrencyChoice>,
    pub(crate) groupings: Vec<Choice>,
    /// What is grouped by: first and second, empty for none.
    pub(crate) by: [String; 2],
    pub(crate) columns: Vec<&'static str>,
    pub(crate) grains: Vec<Choosable>,
    pub(crate) compares: Vec<Choosable>,
    pub(crate) forms: Vec<Choosable>,
    pub(crate) tops: Vec<Choosable>,
    /// What the form carries on.
    pub(crate) hidden: Vec<(String, String)>,
    /// Conditions, each with the view without it.
    pub(crate) chips: Vec<Choice>,
    /// Columns to choose values of.
    pub(crate) filterable: Vec<Choice>,
    /// What the form that asks for any column carries on.
    pub(crate) whole: Vec<(String, String)>,
    pub(crate) quick: Vec<Choice>,
    pub(crate) exact: Choice,
    pub(crate) scope: Choice,
}

impl Controls {
    /// The controls of a view.
    pub(crate) fn of(view: &View, costs: &Costs) -> Self {
        let first = view.first_page();
        let by = |at: usize| view.by.get(at).cloned().unwrap_or_default();
        let chosen = ["by", "grain", "cmp", "view", "top", "after", "base"];
        let pairs = view.pairs().into_iter();
        let hidden = pairs.filter(|(name, _)| !chosen.contains(&name.as_str()));
        let choice = |name: &str, there: &View, is_here: bool| Choice {
            name: name.to_owned(),
            href: there.url("/costs"),
            is_here,
        };
        let groupings = GROUPINGS.into_iter().map(|(column, name)| {
            let there = View { by: vec![column.to_owned()], base: None, ..first.clone() };
            choice(name, &there, view.by.first().is_some_and(|by| by == column))
        });
        let chips =
            view.filters.iter().map(|filter| choice(&filter.label(), &view.without(filter), true));
        let filterable = GROUPINGS.into_iter().map(|(column, name)| Choice {
            name: name.to_owned(),
            href: values_href(view, column),
            is_here: false,
        });
        let exact = View { is_exact: !view.is_exact, ..view.clone() };
        let is_all = view.scope == Scope::All;
        let scope = if is_all { Scope::Consolidated } else { Scope::All };
        Self {
            metrics: metrics(&first),
            currencies: currencies(&first, costs),
            groupings: groupings.collect(),
            by: [by(0), by(1)],
            columns: groupable(),
            grains: grains(view),
            compares: compares(view),
            forms: forms(view),
            tops: tops(view),
            hidden: hidden.collect(),
            chips: chips.collect(),
            filterable: filterable.collect(),
            whole: first.pairs(),
            quick: quick(view),
            exact: choice("all digits", &exact, view.is_exact),
            scope: choice("every row", &View { scope, ..first.clone() }, is_all),
        }
    }
}

/// The page with the values of a column in a view.
pub(crate) fn values_href(view: &View, column: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("col", column).extend_pairs(view.first_page().pairs());
    format!("/costs/values?{}", query.finish())
}

/// Columns that costs can be grouped by.
pub(crate) fn groupable() -> Vec<&'static str> {
    let is_cost = |name: &str| name.ends_with("Cost") || name.ends_with("Price");
    let own = columns::all()
        .filter(|column| !matches!(column.column_type, ColumnType::Map) && !is_cost(column.name));
    let own = own.map(|column| column.name);
    ["x_AccountName", "x_OrganizationalUnit", "ChargeDate"].into_iter().chain(own).collect()
}

fn metrics(view: &View) -> Vec<MetricChoice> {
    let choice = |metric: &'static metric::Metric| MetricChoice {
        name: metric.column,
        meaning: metric.meaning,
        href: View { metric, ..view.clone() }.url("/costs"),
        is_here: view.metric == metric,
    };
    metric::ALL.iter().map(choice).collect()
}

fn currencies(view: &View, costs: &Costs) -> Vec<CurrencyChoice> {
    let choice = |one: &crate::api::costs::CurrencyTotal| CurrencyChoice {
        code: one.currency.clone(),
        total: Shown { currency: &one.currency, is_exact: view.is_exact }.money(one.total),
        href: View { currency: Some(one.currency.clone()), ..view.clone() }.url("/costs"),
        is_here: one.currency == costs.currency,
    };
    costs.currencies.iter().map(choice).collect()
}

fn choosable(value: &str, name: &str, chosen: &str) -> Choosable {
    Choosable { value: value.to_owned(), name: name.to_owned(), is_chosen: value == chosen }
}

fn grains(view: &View) -> Vec<Choosable> {
    let names = [
        (Grain::Auto, "as suits the period"),
        (Grain::Hourly, "hours"),
        (Grain::Daily, "days"),
        (Grain::Monthly, "months"),
        (Grain::Total, "not at all"),
    ];
    names.map(|(grain, name)| choosable(grain.name(), name, view.grain.name())).to_vec()
}

fn compares(view: &View) -> Vec<Choosable> {
    let chosen = view.compare.map_or_else(|| "none".to_owned(), compare_name);
    let names = [
        ("none", "nothing"),
        ("previous", "the period before"),
        ("month", "the same days a month before"),
        ("year", "the same days a year before"),
    ];
    let mut options = names.map(|(value, name)| choosable(value, name, &chosen)).to_vec();
    if let Some(Compare::Range(range)) = view.compare {
        options.push(choosable(&chosen, &range.label(), &chosen));
    }
    options
}

fn forms(view: &View) -> Vec<Choosable> {
    let names = [
        (Some(Form::Bars), "bars"),
        (Some(Form::Area), "areas"),
        (Some(Form::Lines), "lines"),
        (Some(Form::Multiples), "one chart each"),
        (None, "no chart"),
    ];
    let chosen = form_name(view.form);
    names.map(|(form, name)| choosable(form_name(form), name, chosen)).to_vec()
}

fn tops(view: &View) -> Vec<Choosable> {
    let chosen = if view.top > MOST { "all".to_owned() } else { view.top.to_string() };
    let numbers = (1..=MOST).map(|number| number.to_string());
    let mut options: Vec<Choosable> =
        numbers.map(|number| choosable(&number, &number, &chosen)).collect();
    options.push(choosable("all", "all", &chosen));
    options
}

/// Kinds of charges, each in or out of the view.
fn quick(view: &View) -> Vec<Choice> {
    let toggle = |(name, column, value): (&str, &str, &str)| {
        let same =
            |filter: &&crate::view::Filter| filter.how == How::Not && filter.column == column;
        let known = view.filters.iter().find(same);
        let is_out = known.is_some_and(|filter| filter.values.iter().any(|one| one == value));
        let there = if is_out {
            let mut there = view.first_page();
            for filter in &mut there.filters {
                if filter.how == How::Not && filter.column == column {
                    filter.values.retain(|one| one != value);
                }
            }
            there.filters.retain(|filter| !filter.values.is_empty());
            there
        } else {
            view.with(How::Not, column, value)
        };
        Choice { name: name.to_owned(), href: there.url("/costs"), is_here: !is_out }
    };
    QUICK.into_iter().map(toggle).collect()
}

/// The same view by other ways.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere {
    /// What the server is called.
    pub(crate) base: String,
    /// The path of the page, with its query.
    pub(crate) link: String,
    pub(crate) command: String,
    pub(crate) api: String,
    pub(crate) sql: String,
    /// What is saved of the view.
    pub(crate) query: String,
}

impl Elsewhere {
    /// The ways to the figures of a view.
    ///
    /// # Errors
    /// When the view makes no sense.
    pub(crate) fn of(app: &App, view: &View, costs: &Costs) -> Result<Self, Fail> {
        let base = app.config.public_url.as_ref().map_or_else(
            || format!("http://{}", app.config.listen),
            |url| url.as_str().trim_end_matches('/').to_owned(),
        );
        // Another currency may have most rows tomorrow.
        let pinned = View { currency: Some(costs.currency.clone()), ..view.clone() };
        Ok(Self {
            link: pinned.url("/costs"),
            command: pinned.command(),
            api: format!("{base}{}", pinned.url("/api/v1/costs")),
            sql: sql(app, view, costs)?,
            query: view.query(),
            base,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{groupable, quick, values_href};
    use crate::ask::pairs;
    use crate::view::View;

    #[test]
    fn quick_choices_only_add_and_remove_conditions() {
        let view = View::new();
        let choices = quick(&view);
        assert!(choices.iter().all(|choice| choice.is_here));
        assert_eq!(choices[0].href, "/costs?not.ChargeCategory=Credit");
        let view = View::parse(&pairs(b"not.ChargeCategory=Credit")).unwrap();
        let choices = quick(&view);
        assert!(!choices[0].is_here);
        assert_eq!(choices[0].href, "/costs");
        assert_eq!(choices[1].href, "/costs?not.ChargeCategory=Credit&not.ChargeCategory=Tax");
    }

    #[test]
    fn every_column_that_is_offered_can_be_grouped_by() {
        for column in groupable() {
            assert!(billhook_engine::report::column(column).is_ok(), "{column}");
        }
        let href = values_href(&View::new(), "tag:a b");
        assert_eq!(href, "/costs/values?col=tag%3Aa+b");
    }
}
