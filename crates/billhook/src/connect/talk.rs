//! Asking: explanations, defaults, help, and wrong answers that are asked for again.
//!
//! Knows nothing of AWS, nor of terminals: it reads lines and writes lines.

use std::fmt;
use std::io::{self, BufRead, Write};

/// Reads a line from a terminal without showing it; `None` when whoever types has left.
pub(super) type Hidden<'a> = &'a dyn Fn() -> io::Result<Option<String>>;

/// Whoever answers has left.
#[derive(Debug)]
pub(super) struct Left;

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the dialogue was left")
    }
}

impl std::error::Error for Left {}

/// A question for a line of text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// What is asked.
    pub(super) text: &'a str,
    /// What an empty answer means; without, an answer is needed.
    pub(super) default: Option<&'a str>,
    /// What `?` says.
    pub(super) help: &'a str,
}

/// A conversation.
pub(super) struct Talk<'a> {
    input: &'a mut dyn BufRead,
    out: &'a mut (dyn Write + Send),
    /// How secrets are read; `None` where answers come from no terminal.
    hidden: Option<Hidden<'a>>,
}

impl<'a> Talk<'a> {
    pub(super) fn new(
        input: &'a mut dyn BufRead,
        out: &'a mut (dyn Write + Send),
        hidden: Option<Hidden<'a>>,
    ) -> Self {
        Self { input, out, hidden }
    }

    /// Where everything is written.
    pub(super) fn out(&mut self) -> &mut (dyn Write + Send) {
        self.out
    }

    /// Writes a line.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Writes an empty line, and one that says what is next.
    pub(super) fn head(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n{text}")
    }

    /// Asks until `read` makes sense of the answer. What it says of a wrong one is told.
    pub(super) fn ask<T>(
        &mut self,
        question: &Question<'_>,
        mut read: impl FnMut(&str) -> Result<T, String>,
    ) -> anyhow::Result<T> {
        let Question { text, default, help } = *question;
        let prompt = match default {
            None | Some("") => format!("{text}: "),
            Some(default) => format!("{text} [{default}]: "),
        };
        loop {
            let answer = self.line(&prompt)?;
            let understood = match (answer.as_str(), default) {
                ("?", _) => Err(help.to_owned()),
                ("", None) => Err("an answer is needed; ? explains".to_owned()),
                ("", Some(default)) => read(default),
                (answer, _) => read(answer),
            };
            match understood {
                Ok(value) => return Ok(value),
                Err(why) => self.say(&indented(&why))?,
            }
        }
    }

    /// Lets one of some things be chosen by number; `default` counts from 1.
    pub(super) fn choose<S: AsRef<str>, T: Clone>(
        &mut self,
        text: &str,
        options: &[(S, T)],
        default: usize,
        help: &str,
    ) -> anyhow::Result<T> {
        self.head(text)?;
        for (number, (label, _)) in (1_usize..).zip(options) {
            self.say(&format!("{number:>3}  {}", label.as_ref()))?;
        }
        let default = default.to_string();
        let question = Question { text: "Number", default: Some(&default), help };
        self.ask(&question, |answer| {
            let number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let chosen = number.and_then(|at| options.get(at));
            let wrong = || format!("{answer}: give a number from 1 to {}", options.len());
            chosen.map(|(_, value)| value.clone()).ok_or_else(wrong)
        })
    }

    /// Asks for yes or no.
    pub(super) fn confirm(
        &mut self,
        text: &str,
        default: bool,
        help: &str,
    ) -> anyhow::Result<bool> {
        let default = if default { "yes" } else { "no" };
        let question = Question { text, default: Some(default), help };
        self.ask(&question, |answer| match answer.to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err(format!("{answer}: answer yes or no")),
        })
    }

    /// Waits for an empty line.
    pub(super) fn pause(&mut self, text: &str, help: &str) -> anyhow::Result<()> {
        self.ask(&Question { text, default: Some(""), help }, |_| Ok(()))
    }

    /// Asks for something that is not to be seen.
    pub(super) fn secret(&mut self, text: &str, help: &str) -> anyhow::Result<String> {
        loop {
            let answer = self.secret_line(&format!("{text}: "))?;
            match answer.trim() {
                "" => self.say("  nothing was given; Ctrl-C leaves")?,
                "?" => self.say(&indented(help))?,
                answer => return Ok(answer.to_owned()),
            }
        }
    }

    fn line(&mut self, prompt: &str) -> anyhow::Result<String> {
        let line = self.raw_line(prompt)?;
        // A terminal has shown what was typed.
        if self.hidden.is_none() {
            writeln!(self.out, "{line}")?;
        }
        Ok(line)
    }

    fn secret_line(&mut self, prompt: &str) -> anyhow::Result<String> {
        let Some(hidden) = self.hidden else {
            let line = self.raw_line(prompt)?;
            writeln!(self.out)?;
            return Ok(line);
        };
        write!(self.out, "{prompt}")?;
        self.out.flush()?;
        hidden()?.ok_or_else(|| Left.into())
    }

    fn raw_line(&mut self, prompt: &str) -> anyhow::Result<String> {
        write!(self.out, "{prompt}")?;
        self.out.flush()?;
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            writeln!(self.out)?;
            return Err(Left.into());
        }
        Ok(line.trim().to_owned())
    }
}

/// Numbers out of an answer, counted from 0: `1,3`, `1 3`, `all`. `0` stands for none of them.
///
/// # Errors
/// What is wrong with it.
pub(super) fn several(answer: &str, count: usize) -> Result<Vec<usize>, String> {
    if answer == "0" {
        return Ok(Vec::new());
    }
    if answer.eq_ignore_ascii_case("all") {
        return Ok((0..count).collect());
    }
    let mut chosen = Vec::new();
    for word in answer.split([',', ' ']).filter(|word| !word.is_empty()) {
        let number = word.parse::<usize>().ok().filter(|number| (1..=count).contains(number));
        let Some(at) = number.and_then(|number| number.checked_sub(1)) else {
            return Err(format!("{word}: give numbers from 1 to {count}, all, or 0"));
        };
        if !chosen.contains(&at) {
            chosen.push(at);
        }
    }
    if chosen.is_empty() {
        return Err(format!("give numbers from 1 to {count}, all, or 0"));
    }
    Ok(chosen)
}

fn indented(text: &str) -> String {
    format!("  {}", text.trim_end().replace('\n', "\n  "))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// What is written when lines are answered, and what comes of it.
    fn talk<T>(
        lines: &str,
        ask: impl FnOnce(&mut Talk<'_>) -> anyhow::Result<T>,
    ) -> (String, anyhow::Result<T>) {
        let (mut input, mut out) = (lines.as_bytes(), Vec::<u8>::new());
        let result = ask(&mut Talk::new(&mut input, &mut out, None));
        (String::from_utf8(out).unwrap(), result)
    }

    const AGE: Question<'_> =
        Question { text: "Age", default: Some("7"), help: "years,\nnot months" };

    fn age(talk: &mut Talk<'_>) -> anyhow::Result<u8> {
        talk.ask(&AGE, |answer| answer.parse().map_err(|_| format!("{answer}: no age")))
    }

    #[test]
    fn an_empty_answer_is_the_default() {
        let (told, answer) = talk("\n", age);
        assert_eq!((told.as_str(), answer.unwrap()), ("Age [7]: \n", 7));
        let (_, answer) = talk(" 12 \n", age);
        assert_eq!(answer.unwrap(), 12);
        let needed = Question { default: None, ..AGE };
        let (told, answer) = talk("\nx\n", |talk| talk.ask(&needed, |text| Ok(text.to_owned())));
        assert_eq!(answer.unwrap(), "x");
        assert!(told.contains("an answer is needed"), "{told}");
    }

    #[test]
    fn wrong_answers_and_questions_are_answered_and_asked_again() {
        let (told, answer) = talk("old\n?\n8\n", age);
        assert_eq!(answer.unwrap(), 8);
        let expected =
            "Age [7]: old\n  old: no age\nAge [7]: ?\n  years,\n  not months\nAge [7]: 8\n";
        assert_eq!(told, expected);
    }

    #[test]
    fn the_end_of_answers_is_told_apart() {
        for lines in ["", "old\n"] {
            let (_, answer) = talk(lines, age);
            assert!(answer.unwrap_err().is::<Left>(), "{lines:?}");
        }
        let (_, answer) = talk("", |talk| talk.secret("Secret", ""));
        assert!(answer.unwrap_err().is::<Left>());
    }

    #[test]
    fn one_is_chosen_by_number() {
        let options = [("first", 'a'), ("second", 'b')];
        let choose = |talk: &mut Talk<'_>| talk.choose("Which?", &options, 2, "either");
        let (told, answer) = talk("0\n3\nfirst\n1\n", choose);
        assert_eq!(answer.unwrap(), 'a');
        assert!(told.starts_with("\nWhich?\n  1  first\n  2  second\nNumber [2]: "), "{told}");
        for wrong in ["0", "3", "first"] {
            assert!(told.contains(&format!("{wrong}: give a number from 1 to 2")), "{told}");
        }
        assert_eq!(talk("\n", choose).1.unwrap(), 'b');
    }

    #[test]
    fn yes_and_no_are_understood() {
        let sure = |lines: &str| talk(lines, |talk| talk.confirm("Sure?", true, "")).1.unwrap();
        assert!(sure("\n") && sure("Yes\n") && sure("perhaps\ny\n"));
        assert!(!sure("n\n") && !sure("NO\n"));
    }

    #[test]
    fn several_are_chosen_by_numbers() {
        for (answer, expected) in [
            ("1", vec![0]),
            ("3, 1", vec![2, 0]),
            ("2 2", vec![1]),
            ("ALL", vec![0, 1, 2]),
            ("0", Vec::new()),
        ] {
            assert_eq!(several(answer, 3), Ok(expected), "{answer}");
        }
        for wrong in ["4", "1,0", "one", ",", "-1"] {
            assert!(several(wrong, 3).is_err(), "{wrong}");
        }
    }

    #[test]
    fn inv_sec_a_secret_is_not_written_back() {
        let secret = |talk: &mut Talk<'_>| talk.secret("Secret", "the long one");
        let (told, answer) = talk("\n?\nhush\n", secret);
        assert_eq!(answer.unwrap(), "hush");
        assert!(told.contains("the long one") && !told.contains("hush"), "{told}");
        // A terminal is asked by a way of its own.
        let asked = Cell::new(0);
        let hidden = || -> io::Result<Option<String>> {
            asked.set(asked.get() + 1);
            Ok((asked.get() < 2).then(|| "hush".to_owned()))
        };
        let (mut input, mut out) = (&b"no\n"[..], Vec::<u8>::new());
        let mut talk = Talk::new(&mut input, &mut out, Some(&hidden));
        assert_eq!(talk.secret("Secret", "").unwrap(), "hush");
        assert!(talk.secret("Secret", "").unwrap_err().is::<Left>());
        assert_eq!(String::from_utf8(out).unwrap(), "Secret: Secret: ");
    }
}
