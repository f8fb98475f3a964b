//! SQL that was typed in a hurry: column and table names in any case.
//!
//! FOCUS names are in mixed case, and the session takes names as they are written. A word outside
//! quotes that is a known name but for its case is put right.

use billhook_focus::columns;
use billhook_lake::directory::VIEW_COLUMNS;
use billhook_lake::spec;

/// SQL text literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The one of `known` that is nearest to a name.
#[must_use]
pub fn near(name: &str, known: &[String]) -> Option<String> {
    crate::report::nearest(name, known).into_iter().next()
}

/// A query that cannot be planned as it is written, with known names in their right case; `None`
/// when they are. As written comes first: a name of the query's own may differ from a known one by
/// case.
#[must_use]
pub fn mended(query: &str) -> Option<String> {
    Some(mend(query)).filter(|mended| mended != query)
}

/// The query with known names in their right case.
fn mend(query: &str) -> String {
    let mut names: Vec<String> = columns::all().map(|column| column.name.to_owned()).collect();
    for spec in spec::ALL {
        names.push(spec.name.to_owned());
        names.extend((spec.schema)().fields().iter().map(|field| field.name().clone()));
    }
    names.extend(VIEW_COLUMNS.map(|column| column.name.to_owned()));
    names.extend(["costs", "costs_daily"].map(str::to_owned));
    let mut mended = String::with_capacity(query.len());
    let mut word = String::new();
    let mut quote = None;
    for c in query.chars() {
        if quote.is_none() && (c.is_alphanumeric() || c == '_') {
            word.push(c);
            continue;
        }
        push_word(&mut mended, &mut word, &names);
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            _ => {}
        }
        mended.push(c);
    }
    push_word(&mut mended, &mut word, &names);
    mended
}

fn push_word(mended: &mut String, word: &mut String, names: &[String]) {
    let known = names.iter().find(|name| name.eq_ignore_ascii_case(word));
    mended.push_str(known.map_or(word.as_str(), String::as_str));
    word.clear();
}

#[cfg(test)]
mod tests {
    use super::mend;

    #[test]
    fn names_are_put_right_and_texts_left_alone() {
        assert_eq!(
            mend("select billedcost, 'billedcost', \"billedcost\" from COSTS where x_usagetype=1"),
            "select BilledCost, 'billedcost', \"billedcost\" from costs where x_UsageType=1"
        );
    }
}
