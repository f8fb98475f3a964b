//! Reading `billhook.toml`. What is wrong with it is told with file, line and key, and never with
//! what stands around it.

use std::path::Path;

use billhook_engine::EngineError;
use toml::de::{DeTable, DeValue};

use super::keys::{Form, KEYS, Key};
use super::near;

/// A setting that the file makes.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: &'static Key,
    /// Its value, as the command line would have it.
    pub(super) text: String,
    /// Its line, from 1.
    pub(super) line: usize,
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read, is no TOML, or says something that there is not.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, EngineError> {
    let text = std::fs::read_to_string(path).map_err(|source| EngineError::Disk {
        action: format!("cannot read the configuration file {}", path.display()),
        source,
    })?;
    entries(path, &text)
}

/// The settings of a text.
fn entries(path: &Path, text: &str) -> Result<Vec<Entry>, EngineError> {
    let reader = Reader { path, text };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        reader.wrong(at, &format!("this is no TOML: {}", error.message()))
    })?;
    let mut entries = Vec::new();
    reader.walk(table.get_ref(), "", &mut entries)?;
    Ok(entries)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    /// Gathers what a table says; `above` is its name, with a dot after it.
    fn walk(
        &self,
        table: &DeTable<'_>,
        above: &str,
        entries: &mut Vec<Entry>,
    ) -> Result<(), EngineError> {
        for (name, value) in table {
            let at = name.span().start;
            let name = format!("{above}{}", name.get_ref());
            let section = format!("{name}.");
            let of_section = || KEYS.iter().filter(|key| key.name.starts_with(&section));
            match value.get_ref() {
                DeValue::Table(inner) if !inner.is_empty() || of_section().next().is_some() => {
                    self.walk(inner, &section, entries)?;
                }
                value => {
                    let Some(key) = KEYS.iter().find(|key| key.name == name) else {
                        let all: Vec<&str> = of_section().map(|key| key.name).collect();
                        return Err(self.wrong(at, &unknown(&name, &all)));
                    };
                    let Some(text) = plain(key.form, value) else {
                        let allowed = key.allowed;
                        let why = format!("{name} cannot be used as it is: write {allowed}");
                        return Err(self.wrong(at, &why));
                    };
                    entries.push(Entry { key, text, line: self.line(at) });
                }
            }
        }
        Ok(())
    }

    /// The line of a place in the text.
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        1 + before.split(|byte| *byte == b'\n').count().saturating_sub(1)
    }

    fn wrong(&self, at: usize, why: &str) -> EngineError {
        EngineError::Usage(format!("{}, line {}: {why}", self.path.display(), self.line(at)))
    }
}

/// What to say of a name that no setting has. `within` are those that begin with it.
fn unknown(name: &str, within: &[&str]) -> String {
    if within.is_empty() {
        let known: Vec<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
        format!("there is no setting {name}{}", near(name, &known))
    } else {
        format!("{name} is no setting but a section; in it are {}", within.join(", "))
    }
}

/// A value as a text; `None` when no setting has values of its type.
fn plain(form: Form, value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(is_so) => Some(is_so.to_string()),
        DeValue::Array(parts) if form == Form::List => {
            let parts: Option<Vec<String>> =
                parts.iter().map(|part| plain(Form::One, part.get_ref())).collect();
            Some(parts?.join(","))
        }
        DeValue::Array(_) | DeValue::Table(_) | DeValue::Float(_) | DeValue::Datetime(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(&'static str, String, usize)>, String> {
        let entries = entries(Path::new("billhook.toml"), text).map_err(|e| e.to_string())?;
        Ok(entries.into_iter().map(|one| (one.key.name, one.text, one.line)).collect())
    }

    fn wrong(text: &str) -> String {
        read(text).unwrap_err()
    }

    #[test]
    fn sections_and_dotted_names_are_the_same() {
        let text = "# Billhook\nlisten = \"127.0.0.1:80\"\n\n[limits]\nclients = 5\n\
                    [sign_in]\nrequired = false\nproxy_from = [\"10.0.0.7\", \"10.0.0.8\"]\n";
        let said = |name, text: &str, line| (name, text.to_owned(), line);
        let mut found = read(text).unwrap();
        found.sort_by_key(|(_, _, line)| *line);
        assert_eq!(
            found,
            [
                said("listen", "127.0.0.1:80", 2),
                said("limits.clients", "5", 5),
                said("sign_in.required", "false", 7),
                said("sign_in.proxy_from", "10.0.0.7,10.0.0.8", 8),
            ]
        );
        let dotted = read("\nlimits.clients = 5\n").unwrap();
        assert_eq!(dotted, [said("limits.clients", "5", 2)]);
        assert!(read("[limits]\n").unwrap().is_empty());
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn an_unknown_name_is_told_with_its_line_and_the_nearest() {
        let text = wrong("listen = \"127.0.0.1:80\"\n[postgres]\nlisten = \"x\"\nlisen = \"y\"\n");
        let start = "billhook.toml, line 4: there is no setting postgres.lisen";
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains("did you mean postgres.listen?"), "{text}");
        let text = wrong("[limit]\nclients = 5\n");
        assert!(text.contains("line 2: there is no setting limit.clients"), "{text}");
        assert!(text.contains("did you mean limits.clients?"), "{text}");
        assert!(wrong("[nothing]\n").contains("line 1: there is no setting nothing"));
        let text = wrong("sign_in = false\n");
        assert!(text.contains("sign_in is no setting but a section"), "{text}");
        assert!(text.contains("sign_in.required"), "{text}");
    }

    #[test]
    fn a_value_of_another_type_is_told_with_what_is_allowed() {
        for text in ["[limits]\nclients = 1.5\n", "[limits]\nclients = [1]\n"] {
            let text = wrong(text);
            assert!(text.contains("line 2: limits.clients cannot be used"), "{text}");
            assert!(text.contains("write a whole number from 1 to 100000"), "{text}");
        }
        assert!(wrong("listen.port = 80\n").contains("there is no setting listen.port"));
    }

    #[test]
    fn what_is_no_toml_is_told_without_what_stands_there() {
        let text = wrong("listen = \"127.0.0.1:80\"\npassword hunter2\n");
        assert!(text.starts_with("billhook.toml, line "), "{text}");
        assert!(text.contains("this is no TOML"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
