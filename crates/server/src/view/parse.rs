//! The parameters of an address become a view, or are refused with what is near to them.

use billhook_charts::Form;
use billhook_engine::period::{self, Compare, DayRange};
use billhook_engine::report::{Scope, column, nearest};
use billhook_engine::{EngineError, instant};
use billhook_focus::metric;
use chrono::{DateTime, Days, NaiveDate};

use crate::fail::Fail;
use crate::view::{Filter, Grain, How, MOST, Period, Sort, SortBy, View};

/// All names, apart from the conditions.
const NAMES: [&str; 19] = [
    "period", "from", "to", "last", "metric", "currency", "by", "grain", "cmp", "view", "top",
    "base", "scope", "asof", "exact", "sort", "after", "fragment", "safe",
];

/// Something that is not understood, and what may have been meant.
struct Wrong {
    why: String,
    instead: Option<String>,
}

/// What is put together from several parameters.
#[derive(Default)]
struct Parts {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    by: Option<Vec<String>>,
}

pub(super) fn parse(pairs: &[(String, String)]) -> Result<View, Fail> {
    let mut view = View::new();
    let mut parts = Parts::default();
    for (at, (name, value)) in pairs.iter().enumerate() {
        take(&mut view, &mut parts, name, value).map_err(|wrong| told(pairs, at, wrong))?;
    }
    match (parts.from, parts.to) {
        (Some(from), Some(to)) if from < to => {
            view.period = Period::Days(DayRange { from, to });
        }
        (None, None) => {}
        (Some(_), Some(_)) => {
            return Err(Fail::bad(
                "the last day is before the first one: from has to be before to",
            ));
        }
        _ => {
            return Err(Fail::bad("from and to are needed both; to is the day after the last one"));
        }
    }
    view.by = parts.by.unwrap_or(view.by);
    view.settle();
    Ok(view)
}

fn take(view: &mut View, parts: &mut Parts, name: &str, value: &str) -> Result<(), Wrong> {
    if let Some((how, name)) = condition(name) {
        return filter(view, how, name, value);
    }
    if name == "by" {
        let by = parts.by.get_or_insert_default();
        if !value.is_empty() {
            let known = column(value).map_err(|error| unknown_column(value, &error))?;
            if by.len() == 2 {
                return Err(wrong("costs are grouped by two columns at most".to_owned()));
            }
            if !by.contains(&known) {
                by.push(known);
            }
        }
        return Ok(());
    }
    if value.is_empty() && NAMES.contains(&name) {
        return Ok(());
    }
    match name {
        "period" => view.period = named(value)?,
        "from" => parts.from = Some(day(value)?),
        "to" => parts.to = Some(day(value)?),
        "last" => parts.to = day(value)?.checked_add_days(Days::new(1)),
        "metric" => {
            let names: Vec<&str> = metric::ALL.iter().map(|metric| metric.column).collect();
            view.metric = metric::find(value).ok_or_else(|| near("is no metric", value, &names))?;
        }
        "currency" => view.currency = Some(currency(value)?),
        "grain" => {
            let names = Grain::ALL.map(Grain::name);
            let found = Grain::ALL.into_iter().find(|grain| grain.name() == value);
            view.grain = found.ok_or_else(|| near("does not cut time", value, &names))?;
        }
        "cmp" => view.compare = compare(value)?,
        "view" => view.form = form(value)?,
        "top" => view.top = top(value)?,
        "base" => view.base = Some(value.to_owned()),
        "scope" => {
            let known = [Scope::Consolidated, Scope::All];
            let found = known.into_iter().find(|scope| scope.name() == value);
            let names = ["consolidated", "all"];
            view.scope = found.ok_or_else(|| near("is no scope", value, &names))?;
        }
        "asof" => view.as_of = Some(instant::parse_millis(value).map_err(|error| refused(&error))?),
        "exact" => view.is_exact = value == "1",
        "sort" => view.sort = sort(value)?,
        "after" => view.after = Some(value.to_owned()),
        // They choose a part or a form of the answer, not its figures.
        "fragment" | "safe" => {}
        _ => return Err(unknown_name(name)),
    }
    Ok(())
}

/// The parts of `is.COLUMN`, `not.COLUMN` and `like.COLUMN`.
fn condition(name: &str) -> Option<(How, &str)> {
    let (how, column) = name.split_once('.')?;
    let how = [How::Is, How::Not, How::Like].into_iter().find(|known| known.name() == how)?;
    Some((how, column))
}

fn filter(view: &mut View, how: How, name: &str, value: &str) -> Result<(), Wrong> {
    let column = column(name).map_err(|error| refused(&error))?;
    if how == How::Like && value.is_empty() {
        return Ok(());
    }
    let same = |filter: &&mut Filter| filter.how == how && filter.column == column;
    match view.filters.iter_mut().find(same) {
        Some(filter) => filter.values.push(value.to_owned()),
        None => view.filters.push(Filter { how, column, values: vec![value.to_owned()] }),
    }
    Ok(())
}

fn named(value: &str) -> Result<Period, Wrong> {
    let name = value.trim().to_owned();
    let epoch = DateTime::UNIX_EPOCH.date_naive();
    let range = period::parse(&name, epoch).map_err(|error| refused(&error))?;
    Ok(if name.contains("..") { Period::Days(range) } else { Period::Named(name) })
}

fn day(value: &str) -> Result<NaiveDate, Wrong> {
    NaiveDate::parse_from_str(value.trim(), "%Y-%m-%d")
        .map_err(|_| wrong(format!("{value:?} is no day: write YYYY-MM-DD")))
}

fn currency(value: &str) -> Result<String, Wrong> {
    let code = value.trim().to_ascii_uppercase();
    if billhook_money::is_currency(&code) {
        Ok(code)
    } else {
        Err(wrong(format!("{value:?} is no currency: write three letters like USD")))
    }
}

/// A comparison that says the same on every day.
fn compare(value: &str) -> Result<Option<Compare>, Wrong> {
    if value == "none" {
        return Ok(None);
    }
    let epoch = DateTime::UNIX_EPOCH.date_naive();
    let later = epoch.checked_add_days(Days::new(1_000)).unwrap_or(epoch);
    let at = |today| period::compare(value, today).map_err(|error| refused(&error));
    let compare = at(epoch)?;
    if compare != at(later)? {
        return Err(wrong(format!(
            "{value:?} cannot be compared with: use none, previous, month, year, or days like \
             2026-10-01..2026-10-19"
        )));
    }
    Ok(Some(compare))
}

fn form(value: &str) -> Result<Option<Form>, Wrong> {
    Ok(match value {
        "bars" => Some(Form::Bars),
        "area" => Some(Form::Area),
        "lines" => Some(Form::Lines),
        "multiples" => Some(Form::Multiples),
        "none" => None,
        _ => {
            let names = ["bars", "area", "lines", "multiples", "none"];
            return Err(near("is no view", value, &names));
        }
    })
}

fn top(value: &str) -> Result<usize, Wrong> {
    if value == "all" {
        return Ok(usize::MAX);
    }
    value.parse().ok().filter(|top| (1..=MOST).contains(top)).ok_or_else(|| Wrong {
        why: format!("{value:?} groups cannot be shown: use 1 to {MOST}, or all"),
        instead: Some(MOST.to_string()),
    })
}

fn sort(value: &str) -> Result<Sort, Wrong> {
    let (name, is_reversed) = match value.strip_prefix('-') {
        Some(name) => (name, true),
        None => (value, false),
    };
    let by = match name {
        "cost" => SortBy::Cost,
        "name" => SortBy::Name,
        "change" => SortBy::Change,
        _ => return Err(near("sorts nothing", value, &["cost", "name", "change"])),
    };
    Ok(Sort { by, is_reversed })
}

fn wrong(why: String) -> Wrong {
    Wrong { why, instead: None }
}

fn refused(error: &EngineError) -> Wrong {
    wrong(error.to_string())
}

/// A value that is none, and the nearest that is one.
fn near(what: &str, value: &str, names: &[&str]) -> Wrong {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let best = nearest(value, &names).into_iter().next();
    let meant = best.as_deref().map_or_else(String::new, |name| format!(" Did you mean {name}?"));
    Wrong { why: format!("{value:?} {what}.{meant}"), instead: best }
}

fn unknown_column(value: &str, error: &EngineError) -> Wrong {
    let names: Vec<String> =
        billhook_focus::columns::all().map(|column| column.name.to_owned()).collect();
    let best = nearest(value, &names).into_iter().next();
    Wrong { why: error.to_string(), instead: best.filter(|name| column(name).is_ok()) }
}

fn unknown_name(name: &str) -> Wrong {
    let names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let best = nearest(name, &names).into_iter().next().unwrap_or_default();
    wrong(format!(
        "{name:?} is no parameter of a view. Did you mean {best}? Conditions are written \
         is.COLUMN, not.COLUMN or like.COLUMN."
    ))
}

/// The failure, with a link that keeps all the rest.
fn told(pairs: &[(String, String)], at: usize, wrong: Wrong) -> Fail {
    let mut rest = pairs.to_vec();
    let text = wrong
        .instead
        .as_ref()
        .map_or_else(|| "Leave it out".to_owned(), |instead| format!("Use {instead}"));
    match (wrong.instead, rest.get_mut(at)) {
        (Some(instead), Some((_, value))) => *value = instead,
        _ => drop(rest.remove(at)),
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(rest);
    Fail::bad(wrong.why).linked(text, format!("?{}", query.finish()))
}
