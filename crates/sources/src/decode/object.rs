//! Maps as AWS writes them into a field of CSV: a JSON object of texts and numbers.
//!
//! A number keeps its digits as they stand: a JSON library would make a binary float of it
//! (INV-FLOAT).

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::CharIndices;

/// The entries of a JSON object by key, values as text; those that are null or empty are left out.
/// Of a key that occurs twice the last value counts. What is nested stays JSON. `None` when the
/// text is no JSON object.
pub(super) fn object(json: &[u8]) -> Option<BTreeMap<String, String>> {
    let text = std::str::from_utf8(json).ok()?;
    let mut reader = Reader { text, rest: text.char_indices().peekable() };
    let mut entries = BTreeMap::new();
    reader.expect('{')?;
    if reader.peek() == Some('}') {
        reader.expect('}')?;
        return reader.is_at_end().then_some(entries);
    }
    loop {
        let key = reader.string()?;
        reader.expect(':')?;
        let value = reader.value()?;
        if value.is_empty() {
            entries.remove(&key);
        } else {
            entries.insert(key, value);
        }
        match reader.next()? {
            ',' => {}
            '}' => return reader.is_at_end().then_some(entries),
            _ => return None,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        while self.rest.next_if(|(_, c)| matches!(c, ' ' | '\t' | '\n' | '\r')).is_some() {}
    }

    /// The next letter that is no blank, not taken.
    fn peek(&mut self) -> Option<char> {
        self.skip_blanks();
        self.rest.peek().map(|(_, c)| *c)
    }

    fn next(&mut self) -> Option<char> {
        self.skip_blanks();
        self.rest.next().map(|(_, c)| c)
    }

    fn expect(&mut self, letter: char) -> Option<()> {
        (self.next()? == letter).then_some(())
    }

    fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    fn at(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    /// A value as text; null is empty.
    fn value(&mut self) -> Option<String> {
        match self.peek()? {
            '"' => self.string(),
            '{' | '[' => self.nested(),
            _ => self.word(),
        }
    }

    fn string(&mut self) -> Option<String> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.rest.next()?.1 {
                '"' => return Some(text),
                '\\' => text.push(self.escaped()?),
                c => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        Some(match self.rest.next()?.1 {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(),
            c @ ('"' | '\\' | '/') => c,
            _ => return None,
        })
    }

    /// Four hexadecimal digits, or two groups of them for letters beyond the first plane.
    fn unicode(&mut self) -> Option<char> {
        let first = self.hexadecimal()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first);
        }
        let is_pair = self.rest.next()?.1 == '\\' && self.rest.next()?.1 == 'u';
        let second = if is_pair { self.hexadecimal()? } else { return None };
        let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + low)
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        let mut number = 0;
        for _ in 0..4 {
            number = number * 16 + self.rest.next()?.1.to_digit(16)?;
        }
        Some(number)
    }

    /// A number, true, false or null.
    fn word(&mut self) -> Option<String> {
        let start = self.at();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        while self.rest.next_if(|(_, c)| is_part(*c)).is_some() {}
        let end = self.at();
        match &self.text[start..end] {
            "null" => Some(String::new()),
            word @ ("true" | "false") => Some(word.to_owned()),
            // Amounts are checked where they are used as such; here they are text.
            word if word.contains(|c: char| c.is_ascii_digit()) => Some(word.to_owned()),
            _ => None,
        }
    }

    /// An object or list, as it stands.
    fn nested(&mut self) -> Option<String> {
        let start = self.at();
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                '"' => drop(self.string()?),
                c => {
                    self.next();
                    match c {
                        '{' | '[' => depth += 1,
                        '}' | ']' => depth -= 1,
                        _ => {}
                    }
                }
            }
            if depth == 0 {
                let end = self.at();
                return Some(self.text[start..end].to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::object;

    fn entries(json: &str) -> Option<Vec<(String, String)>> {
        object(json.as_bytes()).map(|entries| entries.into_iter().collect())
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn inv_float_numbers_keep_their_digits() {
        let json = r#"{"b": -0.12345678901234567890, "a":1.0E-4, "c":"1.10","d":null,"e":""}"#;
        let expected = [("a", "1.0E-4"), ("b", "-0.12345678901234567890"), ("c", "1.10")];
        assert_eq!(entries(json), Some(owned(&expected)));
    }

    #[test]
    fn texts_are_unescaped() {
        let json = r#" { "a\"b" : "web, \"blue\" \u00e9\ud83d\ude00\n" , "user:Name":"\/x" } "#;
        let expected = [("a\"b", "web, \"blue\" é😀\n"), ("user:Name", "/x")];
        assert_eq!(entries(json), Some(owned(&expected)));
        assert_eq!(entries("{}"), Some(owned(&[])));
        let nested = r#"{"a":{"b":[1, "}"]},"a":[ ],"c":true}"#;
        assert_eq!(entries(nested), Some(owned(&[("a", "[ ]"), ("c", "true")])));
    }

    #[test]
    fn what_is_no_object_is_told() {
        for json in
            ["", "null", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":x}", "{} x"]
        {
            assert_eq!(entries(json), None, "{json}");
        }
        assert_eq!(entries(r#"{"a":"\ud83d"}"#), None);
    }
}
