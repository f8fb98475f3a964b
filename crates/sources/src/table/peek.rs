//! A look at the beginning of a file, to tell what it is.

use std::io;

use super::parquet_text;
use crate::text::inflate::{Input, Limits, Packing};
use crate::text::split::Fields;
use crate::text::unquote;

/// The header and the first record of a file, as (header, value) pairs: to tell what it is.
///
/// # Errors
/// When the file cannot be read. A file without records gives its headers with empty values.
pub fn peek(mut input: Input, limits: Limits) -> io::Result<Vec<(String, String)>> {
    let head = input.head(4)?;
    let mut blocks = match Packing::of(&head) {
        Packing::Parquet => parquet_text::open_first(input)?,
        // One block is enough; do not inflate a whole file for it.
        _ => input.open(Limits { whole_bytes: 0, ..limits })?,
    };
    let mut text = Vec::new();
    let mut fields = Fields::default();
    let mut used = 0;
    while let Some(block) = blocks.next_block()? {
        text.extend_from_slice(&block);
        used = fields.index(&text);
        if fields.len() > 2 || text.len() > (64 << 20) {
            break;
        }
    }
    if fields.len() < 2 && !text.ends_with(b"\n") {
        text.push(b'\n');
        used = fields.index(&text);
    }
    if fields.len() < 2 && !text[used..].iter().all(u8::is_ascii_whitespace) {
        let reason = "a record never ends: a quotation mark is not closed";
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    // Some bills begin with a remark, in one field.
    let header = usize::from(
        fields.len() > 1 && fields.record(&text, 0).len() == 1 && fields.record(&text, 1).len() > 1,
    );
    let texts = |index: usize| {
        let record = fields.record(&text, index);
        (0..record.len())
            .map(|field| String::from_utf8_lossy(&unquote(record.field(field))).into_owned())
            .collect::<Vec<_>>()
    };
    let names =
        texts(header).into_iter().map(|name| name.trim_start_matches('\u{feff}').to_owned());
    let values = if fields.len() > header + 1 { texts(header + 1) } else { Vec::new() };
    let values = values.into_iter().chain(std::iter::repeat(String::new()));
    Ok(names.zip(values).collect())
}
