//! Reads the CSV tables that are compiled into the program.
//!
//! Fields may be quoted; a doubled quote inside a quoted field is not supported, because every
//! field is handed out as a slice of the file. The tables' own tests hold them to that.

/// The data rows of a table of `N` columns, without its header line.
///
/// A line with another number of fields is left out; the tables' tests compare the row counts.
pub(super) fn rows<const N: usize>(
    text: &'static str,
) -> impl Iterator<Item = [&'static str; N]> + Clone {
    text.lines().skip(1).filter_map(|line| fields(line).try_into().ok())
}

fn fields(line: &'static str) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let quoted = rest.strip_prefix('"').and_then(|inner| inner.split_once('"'));
        let (field, after) = match quoted {
            Some((field, after)) => (field, after.strip_prefix(',')),
            None => match rest.split_once(',') {
                Some((field, after)) => (field, Some(after)),
                None => (rest, None),
            },
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return fields,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_may_hold_commas() {
        let text = "a,b,c\n1,\"two, three\",\n\"x\",,\"y\"\ntoo,few\n";
        let rows: Vec<[&str; 3]> = rows(text).collect();
        assert_eq!(rows, [["1", "two, three", ""], ["x", "", "y"]]);
    }
}
