//! Rules on the text of Rust files: length, width, words that must not be there.

use super::SourceFile;

const MAX_LINES: usize = 600;
const MAX_WIDTH: usize = 100;

/// Words that stand for unfinished work, with what to do instead. Written apart, so that this list
/// does not find itself.
const FORBIDDEN: [(&str, &str); 4] = [
    (concat!("todo", "!("), "finish it, or leave it out"),
    (concat!("unimplemented", "!("), "finish it, or return an error"),
    (concat!("dbg", "!("), "remove it"),
    (concat!("#[", "ignore"), "make the test run, or remove it"),
];

/// What breaks a rule, one line each.
pub(super) fn check(files: &[SourceFile]) -> Vec<String> {
    files.iter().filter(|file| file.is_rust()).flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<String> {
    let path = &file.path;
    let mut broken = Vec::new();
    let length = file.text.lines().count();
    if length > MAX_LINES && !file.is_test_file() {
        broken.push(format!("{path}: {length} lines, at most {MAX_LINES}: split it by concept"));
    }
    for (number, line) in (1..).zip(file.text.lines()) {
        let width = line.chars().count();
        // rustfmt leaves lines with long texts alone, and a web address cannot be broken.
        let is_text = line.contains('"') || line.contains("https://");
        if width > MAX_WIDTH && !is_text {
            broken.push(format!("{path}:{number}: {width} characters, at most {MAX_WIDTH}"));
        }
        for (word, mend) in FORBIDDEN {
            if line.contains(word) {
                broken.push(format!("{path}:{number}: `{word}`: {mend}"));
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::{FORBIDDEN, SourceFile, check};

    fn file(path: &str, text: String) -> SourceFile {
        SourceFile { path: path.to_owned(), text }
    }

    #[test]
    fn long_files_are_found_unless_they_are_tests() {
        let text = "// line\n".repeat(601);
        let files =
            [file("crates/a/src/b.rs", text.clone()), file("crates/a/src/tests.rs", text.clone())];
        assert_eq!(
            check(&files),
            ["crates/a/src/b.rs: 601 lines, at most 600: split it by concept"]
        );
        assert!(check(&[file("notes.md", text)]).is_empty());
    }

    #[test]
    fn wide_lines_are_counted_in_characters() {
        let fits = "é".repeat(100);
        assert!(check(&[file("a.rs", fits.clone())]).is_empty());
        assert_eq!(check(&[file("a.rs", fits + "é")]), ["a.rs:1: 101 characters, at most 100"]);
    }

    #[test]
    fn every_forbidden_word_is_found() {
        for (word, _) in FORBIDDEN {
            assert_eq!(check(&[file("a.rs", format!("    {word}"))]).len(), 1, "{word}");
        }
    }
}
