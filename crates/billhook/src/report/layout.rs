//! Columns of text that fit a width.

/// Characters between two columns.
const GAP: usize = 2;

/// Which end of a cell is flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A column, header and footer not among the cells.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) header: String,
    pub(super) cells: Vec<String>,
    pub(super) footer: String,
    pub(super) side: Side,
}

impl Column {
    pub(super) fn new(header: &str, side: Side, cells: Vec<String>, footer: String) -> Self {
        Self { header: header.to_owned(), cells, footer, side }
    }

    /// Characters that it takes without cutting anything.
    pub(super) fn width(&self) -> usize {
        let texts = self.cells.iter().chain([&self.header, &self.footer]);
        texts.map(|text| width(text)).max().unwrap_or(0)
    }
}

/// Columns that are laid out.
#[derive(Debug, Clone)]
pub(super) struct Laid {
    pub(super) header: String,
    pub(super) lines: Vec<String>,
    pub(super) footer: String,
    pub(super) width: usize,
}

/// Characters that columns take beside each other, gaps included.
pub(super) fn total_width(columns: &[Column]) -> usize {
    let gaps = GAP * columns.len().saturating_sub(1);
    columns.iter().map(Column::width).sum::<usize>() + gaps
}

/// Lays columns out. The first `elastic` are cut, the widest first, until all fit.
pub(super) fn lay_out(columns: &[Column], elastic: usize, most: usize) -> Laid {
    let mut widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let gaps = GAP * columns.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(most);
    while excess > 0 {
        let widest = widths.iter_mut().take(elastic).max();
        let Some(widest) = widest.filter(|widest| **widest > 4) else { break };
        *widest -= 1;
        excess -= 1;
    }
    let line = |text: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().zip(&widths);
        let cells = cells.map(|(column, width)| padded(&text(column), *width, column.side));
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    let cell = |column: &Column, row: usize| column.cells.get(row).cloned().unwrap_or_default();
    Laid {
        header: line(&|column| column.header.clone()),
        lines: (0..rows).map(|row| line(&|column| cell(column, row))).collect(),
        footer: line(&|column| column.footer.clone()),
        width: widths.iter().sum::<usize>() + gaps,
    }
}

/// Columns of a terminal that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(advance).sum()
}

/// Columns that a character takes: East Asian ones and pictures two, marks above others none.
fn advance(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

fn padded(text: &str, to: usize, side: Side) -> String {
    let text = cut(text, to);
    let space = " ".repeat(to.saturating_sub(width(&text)));
    match side {
        Side::Left => format!("{text}{space}"),
        Side::Right => format!("{space}{text}"),
    }
}

/// Cuts a text to a width with `…`: at the end, or at the beginning where the end tells more.
pub(super) fn cut(text: &str, to: usize) -> String {
    if width(text) <= to {
        return text.to_owned();
    }
    let room = to.saturating_sub(1);
    if text.starts_with("arn:") {
        let kept: Vec<char> = fitting(text.chars().rev(), room);
        return format!("…{}", kept.into_iter().rev().collect::<String>());
    }
    let kept: String = fitting(text.chars(), room).into_iter().collect();
    format!("{}…", kept.trim_end())
}

fn fitting(characters: impl Iterator<Item = char>, mut room: usize) -> Vec<char> {
    let mut kept = Vec::new();
    for c in characters {
        let Some(left) = room.checked_sub(advance(c)) else { break };
        room = left;
        kept.push(c);
    }
    kept
}

/// Breaks a sentence into lines of a width, the later ones indented.
pub(crate) fn wrapped(text: &str, most: usize, indent: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.trim().is_empty() && width(&line) + 1 + width(word) > most {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
        }
        if !line.is_empty() && line != indent {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_where_they_say_least() {
        assert_eq!(cut("Amazon Elastic", 14), "Amazon Elastic");
        assert_eq!(cut("Amazon Elastic", 8), "Amazon…");
        assert_eq!(cut("arn:aws:ec2:i-1234", 7), "…i-1234");
        assert_eq!(cut("東京東京", 5), "東京…");
        assert_eq!(cut("abc", 0), "…");
    }

    #[test]
    fn the_widest_elastic_column_gives_way() {
        let column =
            |text: &str, side| Column::new("h", side, vec![text.to_owned()], String::new());
        let columns = [
            column("aaaaaaaaaaaaaaaaaaaa", Side::Left),
            column("bbbbbb", Side::Left),
            column("1,234.00", Side::Right),
        ];
        assert_eq!(total_width(&columns), 38);
        let laid = lay_out(&columns, 2, 30);
        assert_eq!(laid.lines, ["aaaaaaaaaaa…  bbbbbb  1,234.00"]);
        assert_eq!((laid.width, laid.header.as_str()), (30, "h             h              h"));
    }

    #[test]
    fn sentences_are_broken_at_spaces() {
        assert_eq!(wrapped("note: one two three", 10, "  "), ["note: one", "  two", "  three"]);
        assert_eq!(wrapped("one", 10, "  "), ["one"]);
        // Words stay whole, so that names of files can be copied.
        let text = "for arn:aws:s3:::a-very-long-bucket-name";
        assert_eq!(wrapped(text, 10, " "), ["for", " arn:aws:s3:::a-very-long-bucket-name"]);
    }
}
