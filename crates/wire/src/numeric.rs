//! Decimals as `numeric`, whatever their width: to the last digit, never by way of a float.

use std::error::Error;
use std::fmt::Write as _;

use bytes::{BufMut, BytesMut};
use pgwire::types::ToSqlText;
use pgwire::types::format::FormatOptions;
use postgres_types::{IsNull, ToSql, Type, to_sql_checked};

/// Of `numeric` below zero, in the protocol.
const NEGATIVE: u16 = 0x4000;

/// A decimal number as text, without needless zeros.
#[derive(Debug)]
pub(crate) struct Numeric(String);

impl Numeric {
    /// From digits with an optional sign and point.
    pub(crate) fn new(text: &str) -> Self {
        let text = if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else {
            text
        };
        Self(text.to_owned())
    }

    /// From the binary format; nothing when it is none, or no number.
    pub(crate) fn text_of_binary(raw: &[u8]) -> Option<String> {
        let (pairs, rest) = raw.as_chunks::<2>();
        let mut words = pairs.iter().map(|pair| i16::from_be_bytes(*pair));
        let (count, weight, sign) = (words.next()?, words.next()?, words.next()?);
        let scale = usize::try_from(words.next()?).ok()?;
        let groups: Vec<i16> = words.collect();
        let is_whole = rest.is_empty() && usize::try_from(count).ok()? == groups.len();
        if !is_whole || groups.iter().any(|group| !(0..10_000).contains(group)) {
            return None;
        }
        let mut text = match sign {
            0 => String::new(),
            0x4000 => "-".to_owned(),
            _ => return None,
        };
        let group = |place: i32| {
            let found = usize::try_from(place).ok().and_then(|place| groups.get(place));
            found.copied().unwrap_or(0)
        };
        let weight = i32::from(weight);
        let mut whole = String::new();
        for place in 0..=weight {
            write!(whole, "{:04}", group(place)).ok()?;
        }
        let whole = whole.trim_start_matches('0');
        text.push_str(if whole.is_empty() { "0" } else { whole });
        let mut fraction = String::new();
        for place in (1..).take(scale.div_ceil(4)) {
            write!(fraction, "{:04}", group(weight + place)).ok()?;
        }
        if scale > 0 {
            text.push('.');
            text.push_str(fraction.get(..scale)?);
        }
        Some(text)
    }
}

impl ToSql for Numeric {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let (is_negative, digits) = match self.0.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, self.0.as_str()),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole = whole.trim_start_matches('0');
        let (before, after) = (whole.len().wrapping_neg() % 4, fraction.len().wrapping_neg() % 4);
        let text = format!("{}{whole}{fraction}{}", "0".repeat(before), "0".repeat(after));
        let number = |group: &[u8]| {
            group.iter().fold(0_i16, |sum, digit| sum * 10 + i16::from(digit.saturating_sub(b'0')))
        };
        let mut groups: Vec<i16> = text.as_bytes().chunks(4).map(number).collect();
        let mut weight = i16::try_from((before + whole.len()) / 4)? - 1;
        let zeros = groups.iter().take_while(|group| **group == 0).count();
        groups.drain(..zeros);
        weight -= i16::try_from(zeros)?;
        while groups.last() == Some(&0) {
            groups.pop();
        }
        let is_zero = groups.is_empty();
        out.put_i16(i16::try_from(groups.len())?);
        out.put_i16(if is_zero { 0 } else { weight });
        out.put_u16(if is_negative && !is_zero { NEGATIVE } else { 0 });
        out.put_u16(u16::try_from(fraction.len())?);
        for group in groups {
            out.put_i16(group);
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::NUMERIC
    }

    to_sql_checked!();
}

impl ToSqlText for Numeric {
    fn to_sql_text(
        &self,
        _: &Type,
        out: &mut BytesMut,
        _: &FormatOptions,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_survive_the_binary_format_at_any_width() {
        let wide = "-12345678901234567890123456789012345678901234567890.000000000000000001";
        for text in ["0", "1", "-1", "10000", "0.0001", "0.00001", "-0.5", "12345.678", wide] {
            let mut out = BytesMut::new();
            Numeric::new(text).to_sql(&Type::NUMERIC, &mut out).unwrap();
            assert_eq!(Numeric::text_of_binary(&out).as_deref(), Some(text));
        }
    }

    #[test]
    fn needless_zeros_are_left_out() {
        assert_eq!(Numeric::new("12.340000").0, "12.34");
        assert_eq!(Numeric::new("100.00").0, "100");
        assert_eq!(Numeric::new("100").0, "100");
    }

    #[test]
    fn what_is_no_number_is_none() {
        let cases: [&[u8]; 4] =
            [&[], &[0; 7], &[0, 1, 0, 0, 0, 0, 0, 0], &[0, 0, 0, 0, 0xC0, 0, 0, 0]];
        for raw in cases {
            assert_eq!(Numeric::text_of_binary(raw), None);
        }
    }
}
