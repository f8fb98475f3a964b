//! The maps of CUR 2.0 under the keys that the legacy report has.

use std::collections::BTreeMap;

/// Entries of a map.
pub(crate) type Entries<'a> = Vec<(&'a str, &'a str)>;

/// What tags of resources start with in `tags`; other tags start with where they are set.
const RESOURCE: &str = "resourceTags/";

/// What cost categories start with in `tags`.
const CATEGORY: &str = "costCategory/";

/// `first`, and what `second` has beside it.
pub(crate) fn merged<'a>(first: &Entries<'a>, second: &Entries<'a>) -> Vec<(String, String)> {
    let mut all = BTreeMap::new();
    for (key, value) in first.iter().chain(second) {
        all.entry((*key).to_owned()).or_insert_with(|| (*value).to_owned());
    }
    all.into_iter().collect()
}

/// FOCUS tags. `tags` has AWS's original keys; only where it has none of the resource, those of
/// `resource_tags`, which AWS spells like columns (`user_name`), stand in. Tags of accounts, users
/// and principals keep their prefix.
pub(crate) fn tags<'a>(tags: &Entries<'a>, resource_tags: &Entries<'a>) -> Vec<(String, String)> {
    let own = tags.iter().filter_map(|(key, value)| Some((key.strip_prefix(RESOURCE)?, *value)));
    let mut own: Vec<(&str, &str)> = own.collect();
    if own.is_empty() {
        own.clone_from(resource_tags);
    }
    let own = own.into_iter().map(|(key, value)| (without_user(key), value));
    let others = tags.iter().filter(|(key, _)| !key.starts_with(RESOURCE));
    let others = others.filter(|(key, _)| !key.starts_with(CATEGORY)).copied();
    merged(&own.collect(), &others.collect())
}

/// Cost categories: those of `cost_category`, or those that stand among the tags.
pub(crate) fn cost_categories<'a>(
    categories: &Entries<'a>,
    tags: &Entries<'a>,
) -> Vec<(String, String)> {
    let others = tags.iter().filter_map(|(key, value)| Some((key.strip_prefix(CATEGORY)?, *value)));
    let others = if categories.is_empty() { others.collect() } else { Entries::new() };
    merged(categories, &others)
}

/// A tag key without what says that a user has set it.
fn without_user(key: &str) -> &str {
    let rest = key.strip_prefix("user:").or_else(|| key.strip_prefix("user_"));
    rest.filter(|rest| !rest.is_empty()).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(entries: &[(String, String)]) -> Vec<(&str, &str)> {
        entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    #[test]
    fn original_keys_are_preferred() {
        let original = vec![
            ("resourceTags/user:Name", "web"),
            ("resourceTags/aws:createdBy", "me"),
            ("accountTag/env", "prod"),
            ("costCategory/Team", "blue"),
        ];
        let spelled = vec![("user_name", "web"), ("aws_created_by", "me"), ("user_", "x")];
        let expected = [("Name", "web"), ("accountTag/env", "prod"), ("aws:createdBy", "me")];
        assert_eq!(pairs(&tags(&original, &spelled)), expected);
        let expected = [("aws_created_by", "me"), ("name", "web"), ("user_", "x")];
        assert_eq!(pairs(&tags(&Vec::new(), &spelled)), expected);
        assert_eq!(pairs(&cost_categories(&Vec::new(), &original)), [("Team", "blue")]);
        let own = vec![("Team", "red")];
        assert_eq!(pairs(&cost_categories(&own, &original)), [("Team", "red")]);
    }

    #[test]
    fn the_first_of_two_maps_counts() {
        let all = merged(&vec![("b", "1")], &vec![("a", "2"), ("b", "3")]);
        assert_eq!(pairs(&all), [("a", "2"), ("b", "1")]);
    }
}
