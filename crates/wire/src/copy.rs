//! Rows as lines of COPY TO STDOUT.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use pgwire::messages::data::DataRow;

use crate::command::CopyOptions;

/// A line of names.
pub(crate) fn header<'a>(options: &CopyOptions, names: impl Iterator<Item = &'a str>) -> Bytes {
    line(options, names.map(|name| Some(Bytes::copy_from_slice(name.as_bytes()))))
}

/// A line of a row in text format.
pub(crate) fn row(options: &CopyOptions, row: DataRow) -> Bytes {
    let mut rest = row.data.freeze();
    let fields = (0..row.field_count).map(|_| {
        let length = rest.try_get_i32().ok().and_then(|length| usize::try_from(length).ok())?;
        (length <= rest.len()).then(|| rest.split_to(length))
    });
    line(options, fields)
}

fn line(options: &CopyOptions, fields: impl Iterator<Item = Option<Bytes>>) -> Bytes {
    let mut out = BytesMut::with_capacity(256);
    let mut delimiter = [0; 4];
    let delimiter = options.delimiter.encode_utf8(&mut delimiter).as_bytes();
    for (index, field) in fields.enumerate() {
        if index > 0 {
            out.put_slice(delimiter);
        }
        match field {
            None => out.put_slice(options.null.as_bytes()),
            Some(text) if options.is_csv => csv(&mut out, options, &text),
            Some(text) => escaped(&mut out, options, &text),
        }
    }
    out.put_u8(b'\n');
    out.freeze()
}

fn csv(out: &mut BytesMut, options: &CopyOptions, field: &[u8]) {
    let text = String::from_utf8_lossy(field);
    let special = [options.delimiter, options.quote, '\n', '\r'];
    if !text.contains(special) && *text != *options.null && text != "\\." {
        out.put_slice(field);
        return;
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(options.quote);
    for character in text.chars() {
        if character == options.quote || character == options.escape {
            quoted.push(options.escape);
        }
        quoted.push(character);
    }
    quoted.push(options.quote);
    out.put_slice(quoted.as_bytes());
}

fn escaped(out: &mut BytesMut, options: &CopyOptions, field: &[u8]) {
    let text = String::from_utf8_lossy(field);
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        let letter = match character {
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\u{b}' => 'v',
            other => other,
        };
        if letter != character || character == '\\' || character == options.delimiter {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    out.put_slice(escaped.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(is_csv: bool) -> CopyOptions {
        let (delimiter, null) = if is_csv { (',', "") } else { ('\t', "\\N") };
        let null = null.to_owned();
        CopyOptions { is_csv, has_header: false, delimiter, null, quote: '"', escape: '"' }
    }

    fn of(is_csv: bool, fields: &[Option<&'static str>]) -> String {
        let fields = fields.iter().map(|field| field.map(|f| Bytes::from_static(f.as_bytes())));
        String::from_utf8(line(&options(is_csv), fields).to_vec()).unwrap()
    }

    #[test]
    fn csv_tells_null_from_empty() {
        let fields = [None, Some(""), Some("a,\"b\""), Some("c")];
        assert_eq!(of(true, &fields), ",\"\",\"a,\"\"b\"\"\",c\n");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(of(false, &[None, Some("a\tb\\\n")]), "\\N\ta\\tb\\\\\\n\n");
    }
}
