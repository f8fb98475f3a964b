//! Passwords of users: typed without being shown, or taken from a file. Never an argument, which
//! others on the machine can read.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use billhook_engine::EngineError;
use billhook_registry::{ExposeSecret as _, SecretString};
use clap::Args;

/// Where a password comes from.
#[derive(Debug, Args)]
pub(crate) struct PasswordArgs {
    /// A file with the password, `-` for standard input (default: it is asked for)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// The password for a user.
    ///
    /// # Errors
    /// When the file cannot be read, there is nobody to ask, or what is typed twice differs.
    pub(crate) fn password(&self, user: &str) -> Result<SecretString, EngineError> {
        match &self.password_file {
            Some(path) => from_file(path),
            None => typed(user),
        }
    }
}

fn from_file(path: &Path) -> Result<SecretString, EngineError> {
    let disk = |source| EngineError::Disk {
        action: format!("cannot read the password from {}", path.display()),
        source,
    };
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map_err(disk)?;
    } else {
        text = std::fs::read_to_string(path).map_err(disk)?;
    }
    Ok(line(&SecretString::from(text)))
}

/// Asks on the terminal, twice.
fn typed(user: &str) -> Result<SecretString, EngineError> {
    let nobody = || {
        let text = "the password is missing: give --password-file, or run this on a terminal";
        EngineError::Usage(text.to_owned())
    };
    if !std::io::stdin().is_terminal() {
        return Err(nobody());
    }
    let term = console::Term::stderr();
    let ask = |what: String| -> Result<SecretString, EngineError> {
        write!(&term, "{what}: ").map_err(|_| nobody())?;
        term.read_secure_line().map(SecretString::from).map_err(|_| nobody())
    };
    let first = ask(format!("password of {user}, at least 12 characters"))?;
    let again = ask("the same again".to_owned())?;
    if first.expose_secret() != again.expose_secret() {
        return Err(EngineError::Usage("the two passwords are not the same".to_owned()));
    }
    Ok(first)
}

/// The text without the end of its line.
fn line(text: &SecretString) -> SecretString {
    let text = text.expose_secret();
    let text = text.strip_suffix('\n').unwrap_or(text);
    SecretString::from(text.strip_suffix('\r').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_the_line_is_taken_off() {
        for (text, expected) in [
            ("correct horse\n", "correct horse"),
            ("correct horse\r\n", "correct horse"),
            (" correct horse ", " correct horse "),
            ("two\nlines\n", "two\nlines"),
        ] {
            assert_eq!(line(&SecretString::from(text)).expose_secret(), expected);
        }
    }
}
