//! Delimited text at memory speed: what to inflate, where records and fields end.
//!
//! [`inflate`] turns an object (gzip, zip or plain) into blocks of bytes; [`split`] finds the
//! fields in them with SIMD masks and without touching a field's bytes. What a field means is
//! left to the readers.

pub mod inflate;
pub mod split;

/// The text of a raw field: quotes around it removed, doubled quotes inside it made single.
///
/// Borrows when there is nothing to undo, which is nearly always.
#[must_use]
pub fn unquote(raw: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    use std::borrow::Cow;
    let Some(inner) = raw.strip_prefix(b"\"") else { return Cow::Borrowed(raw) };
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    if memchr::memchr(b'"', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        text.push(byte);
        if byte == b'"' {
            // The second of a doubled quote; a lone one is kept as it stands.
            if bytes.as_slice().first() == Some(&b'"') {
                bytes.next();
            }
        }
    }
    Cow::Owned(text)
}

/// Appends `text` to `record` as one CSV field, quoted only when it has to be.
pub fn push_field(record: &mut Vec<u8>, text: &[u8]) {
    let is_plain =
        memchr::memchr3(b',', b'"', b'\n', text).is_none() && memchr::memchr(b'\r', text).is_none();
    if is_plain {
        record.extend_from_slice(text);
        return;
    }
    record.push(b'"');
    let mut rest = text;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        record.extend_from_slice(&rest[..=quote]);
        record.push(b'"');
        rest = &rest[quote + 1..];
    }
    record.extend_from_slice(rest);
    record.push(b'"');
}
