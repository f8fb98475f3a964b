//! Column names and map keys in the spelling of AWS's Parquet files.

/// `text` as AWS's Parquet reports spell it: lower case, an underscore before what was a capital
/// and for what is neither letter nor digit, never two in a row (`reservation_a_r_n`,
/// `aws_created_by`).
pub(super) fn snake(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        let is_plain = letter.is_ascii_alphanumeric();
        let is_border = !is_plain || letter.is_ascii_uppercase();
        if is_border && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        if is_plain {
            out.push(letter.to_ascii_lowercase());
        }
    }
    out
}

/// The inverse for plain words: `from_region_code` is `fromRegionCode`.
pub(super) fn camel(text: &str) -> String {
    let mut words = text.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &capital(word))
}

/// `text` with a capital first letter.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::{camel, snake};

    #[test]
    fn names_are_spelled_as_in_parquet() {
        let cases = [
            ("lineItem/UnblendedCost", "line_item_unblended_cost"),
            ("reservation/ReservationARN", "reservation_reservation_a_r_n"),
            ("user:Name", "user_name"),
            ("aws:createdBy", "aws_created_by"),
            ("vCpu", "v_cpu"),
        ];
        for (text, name) in cases {
            assert_eq!(snake(text), name);
        }
        assert_eq!(camel("from_region_code"), "fromRegionCode");
        assert_eq!(camel("servicecode"), "servicecode");
    }
}
