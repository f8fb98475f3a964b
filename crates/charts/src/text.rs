//! Text from outside made safe to draw: escaped, with nothing invisible in it, and fitted to a
//! width.
//!
//! A standalone SVG has no say in which font a reader has, and the crate reads none, so widths are
//! estimates on the wide side: a label may end a little early but never runs into its neighbour.

/// Escapes text for XML content and for attributes in double quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Makes visible what a name may hide: control characters (which XML forbids besides), characters
/// that turn the direction of writing, and spaces at either end, since `prod` and ` prod` are two
/// tag values.
pub(crate) fn visible(text: &str) -> String {
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let start = text.len() - text.trim_start_matches(' ').len();
    let end = text.trim_end_matches(' ').len();
    text.char_indices()
        .map(|(at, character)| if at < start || at >= end { '\u{2420}' } else { seen(character) })
        .collect()
}

fn seen(character: char) -> char {
    match character {
        // The control pictures stand in the order of the characters they picture.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fffe}'
        | '\u{ffff}' => '\u{fffd}',
        _ => character,
    }
}

/// Estimates the width of a line in the unit of `size`.
pub(crate) fn width(text: &str, size: i64) -> i64 {
    let ems: i64 = text.chars().map(advance).sum();
    // 8 % for fonts wider than those measured; DejaVu Sans, the usual fallback, is.
    ems.saturating_mul(size) / 1000 * 108 / 100
}

/// Estimates the width of a line of weight 600.
pub(crate) fn bold_width(text: &str, size: i64) -> i64 {
    width(text, size) * 113 / 100
}

/// Advance of a character in thousandths of an em: the wider of Segoe UI, Inter and Roboto, by
/// class.
fn advance(character: char) -> i64 {
    match character {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '\u{b7}' => 270,
        ' ' | 'I' | 'f' | 'r' | 't' | '(' | ')' | '[' | ']' | '/' => 370,
        '-' | '*' | '"' => 440,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '\u{2026}' | '\u{2014}' => 900,
        '0'..='9' | 'a'..='z' | '_' => 590,
        // Combining marks advance nothing, but an estimate on the wide side is the point.
        'A'..='Z' | '+' | '<' | '>' | '=' | '\u{2212}' | '\u{80}'..='\u{10ff}' => 680,
        _ => 1000,
    }
}

/// Cuts a line to a width and marks the cut with an ellipsis. Short lines stay whole.
pub(crate) fn cut(text: &str, size: i64, room: i64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        kept.push('\u{2026}');
        let over = width(&kept, size) > room;
        kept.pop();
        if over {
            kept.pop();
            break;
        }
    }
    let trimmed = kept.trim_end().len();
    kept.truncate(trimmed);
    kept.push('\u{2026}');
    kept
}

#[cfg(test)]
mod tests {
    use super::{cut, escape, visible, width};

    #[test]
    fn markup_is_inert() {
        assert_eq!(
            escape("<img src=x onerror=\"a('&')\">"),
            "&lt;img src=x onerror=&quot;a(&#39;&amp;&#39;)&quot;&gt;"
        );
    }

    #[test]
    fn hidden_characters_are_shown() {
        assert_eq!(visible(" prod "), "\u{2420}prod\u{2420}");
        assert_eq!(visible("  "), "\u{2420}\u{2420}");
        assert_eq!(visible("a b"), "a b");
        assert_eq!(visible("a\0\n\u{7f}"), "a\u{2400}\u{240a}\u{2421}");
        assert_eq!(visible("a\u{202e}b\u{ffff}"), "a\u{fffd}b\u{fffd}");
        assert_eq!(visible(""), "(empty)");
        assert_eq!(visible("東京 é"), "東京 é");
    }

    #[test]
    fn cuts_fit_and_short_lines_stay() {
        let long = "Amazon Elastic Compute Cloud - Compute";
        assert_eq!(cut("EC2", 1200, 5000), "EC2");
        let short = cut(long, 1200, 10_000);
        assert!(short.ends_with('…') && width(&short, 1200) <= 10_000, "{short}");
        assert_eq!(cut(long, 1200, 0), "…");
        assert!(width(&"x".repeat(1024), 1200) > 100_000);
    }
}
