//! Parameters of a client's session: SET keeps them, SHOW tells them, and nobody else sees them.

use std::collections::BTreeMap;
use std::time::Duration;

use datafusion::sql::sqlparser::ast::{Expr, Set, TransactionAccessMode, TransactionMode};

use crate::fault::{Fault, fault, hinted};

/// What clients may set, with what holds at first.
const SETTABLE: [(&str, &str); 25] = [
    ("application_name", ""),
    ("bytea_output", "hex"),
    ("check_function_bodies", "on"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("datestyle", "ISO, YMD"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "on"),
    ("escape_string_warning", "on"),
    ("extra_float_digits", "1"),
    ("geqo", "on"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("intervalstyle", "postgres"),
    ("jit", "off"),
    ("lock_timeout", "0"),
    ("row_security", "off"),
    ("search_path", "public"),
    ("session_replication_role", "origin"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("synchronous_commit", "on"),
    ("timezone", "UTC"),
    ("transaction_read_only", "on"),
    ("xmloption", "content"),
];

/// What is as it is.
const FIXED: [(&str, &str); 11] = [
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("is_superuser", "off"),
    ("lc_collate", "C"),
    ("lc_ctype", "C.UTF-8"),
    ("max_identifier_length", "63"),
    ("server_encoding", "UTF8"),
    ("server_version", SERVER_VERSION),
    ("server_version_num", "160006"),
    ("transaction_isolation", "read committed"),
    ("wal_level", "replica"),
];

/// What we say we are: the Postgres whose catalogue we have.
pub(crate) const SERVER_VERSION: &str = concat!("16.6 (Billhook ", env!("CARGO_PKG_VERSION"), ")");

/// Parameters of one client.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    set: BTreeMap<&'static str, String>,
}

/// What there is to tell after a SET.
pub(crate) struct Kept {
    /// The parameter.
    pub(crate) name: &'static str,
    /// What holds now.
    pub(crate) value: String,
    /// What the client should know.
    pub(crate) notice: Option<&'static str>,
}

impl Parameters {
    /// Runs a SET.
    ///
    /// # Errors
    /// When the parameter is none that a client may set, or the value will not do.
    pub(crate) fn set(&mut self, set: &Set) -> Result<Option<Kept>, Fault> {
        match set {
            Set::SingleAssignment { variable, values, hivevar: false, .. } => {
                let name = variable.to_string().replace('"', "").to_lowercase();
                let values: Vec<String> = values.iter().map(plain).collect();
                self.keep(&name, &values.join(", ")).map(Some)
            }
            Set::SetTimeZone { value, .. } => self.keep("timezone", &plain(value)).map(Some),
            Set::SetNames { charset_name, .. } => {
                self.keep("client_encoding", &charset_name.value).map(Some)
            }
            Set::SetTransaction { modes, .. } => access(modes).map(|()| None),
            other => Err(refused(&other.to_string())),
        }
    }

    /// Notes the value of a parameter.
    ///
    /// # Errors
    /// See [`Self::set`].
    pub(crate) fn keep(&mut self, name: &str, value: &str) -> Result<Kept, Fault> {
        let Some(&(name, default)) = SETTABLE.iter().find(|(known, _)| *known == name) else {
            return Err(refused(name));
        };
        let value = if value.eq_ignore_ascii_case("default") { default } else { value };
        let mut kept = Kept { name, value: value.to_owned(), notice: None };
        let is_off = ["off", "false", "0", "no"].contains(&value.to_lowercase().as_str());
        match name {
            "default_transaction_read_only" | "transaction_read_only" if is_off => {
                return Err(read_only("a transaction that writes"));
            }
            "client_encoding"
                if !["utf8", "utf-8", "unicode"].contains(&&*value.to_lowercase()) =>
            {
                return Err(fault("22023", format!("text is UTF8 here, not {value}")));
            }
            "statement_timeout" => {
                milliseconds(value).ok_or_else(|| {
                    fault("22023", format!("{value} is no time; one is 30s, 5min or 2000"))
                })?;
            }
            "timezone" if !is_utc(value) => {
                "UTC".clone_into(&mut kept.value);
                kept.notice = Some("times stay in UTC; AT TIME ZONE shows them in another zone");
            }
            "datestyle" => default.clone_into(&mut kept.value),
            _ => {}
        }
        self.set.insert(name, kept.value.clone());
        Ok(kept)
    }

    /// What holds for a parameter.
    ///
    /// # Errors
    /// When there is no such parameter.
    pub(crate) fn show(&self, name: &str) -> Result<String, Fault> {
        let found = self.all().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.to_owned()).ok_or_else(|| unknown(name))
    }

    /// All parameters, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let known = SETTABLE.iter().chain(&FIXED);
        known.map(move |(name, default)| {
            (*name, self.set.get(name).map_or(*default, String::as_str))
        })
    }

    /// As at first: one, or all.
    ///
    /// # Errors
    /// When there is no such parameter.
    pub(crate) fn reset(&mut self, name: Option<&str>) -> Result<(), Fault> {
        match name {
            None => self.set.clear(),
            Some(name) => {
                self.show(name)?;
                self.set.retain(|known, _| *known != name);
            }
        }
        Ok(())
    }

    /// How long a statement may take, of what the server allows.
    pub(crate) fn timeout(&self, most: Duration) -> Duration {
        let wanted = self.set.get("statement_timeout").and_then(|text| milliseconds(text));
        wanted
            .filter(|wanted| *wanted > 0)
            .map_or(most, |wanted| most.min(Duration::from_millis(wanted)))
    }
}

/// May a transaction begin like this?
///
/// # Errors
/// When it asks to write.
pub(crate) fn access(modes: &[TransactionMode]) -> Result<(), Fault> {
    let writes = TransactionMode::AccessMode(TransactionAccessMode::ReadWrite);
    if modes.contains(&writes) { Err(read_only("a transaction that writes")) } else { Ok(()) }
}

/// The rule that nothing is written, broken by `what`.
pub(crate) fn read_only(what: &str) -> Fault {
    hinted(
        "25006",
        format!("cannot run {what}: SQL here only reads the lake"),
        "Imports change the tables. To get a file, run \\copy (SELECT ...) TO 'file.csv' CSV in \
         psql, or billhook export.",
    )
}

fn refused(name: &str) -> Fault {
    if FIXED.iter().any(|(known, _)| *known == name) {
        return fault("55P02", format!("parameter \"{name}\" cannot be changed"));
    }
    if name.starts_with("datafusion.") {
        return hinted(
            "42501",
            format!("parameter \"{name}\" is the server's: a client cannot set it"),
            "What a query may take is set in the configuration of the server.",
        );
    }
    unknown(name)
}

fn unknown(name: &str) -> Fault {
    fault("42704", format!("unrecognized configuration parameter \"{name}\""))
}

/// A value as it was meant, without its quotes.
fn plain(value: &Expr) -> String {
    let text = value.to_string();
    let inner = ['\'', '"']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote).and_then(|text| text.strip_suffix(*quote)));
    inner.map_or_else(|| text.clone(), str::to_owned)
}

fn is_utc(zone: &str) -> bool {
    ["utc", "etc/utc", "gmt", "etc/gmt", "z", "zulu", "+00:00", "+00", "0", "local"]
        .contains(&zone.to_lowercase().as_str())
}

/// A time as Postgres writes it.
fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
    let factor = match text.get(digits.len()..)?.trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_lower_its_timeout_and_not_raise_it() {
        let mut parameters = Parameters::default();
        let most = Duration::from_secs(30);
        assert_eq!(parameters.timeout(most), most);
        parameters.keep("statement_timeout", "5s").unwrap();
        assert_eq!(parameters.timeout(most), Duration::from_secs(5));
        parameters.keep("statement_timeout", "5min").unwrap();
        assert_eq!(parameters.timeout(most), most);
        assert_eq!(parameters.keep("statement_timeout", "soon").err().unwrap().code, "22023");
        parameters.reset(None).unwrap();
        assert_eq!(parameters.show("statement_timeout").unwrap(), "0");
    }

    #[test]
    fn nothing_reaches_the_server() {
        let mut parameters = Parameters::default();
        for (name, code) in [
            ("datafusion.execution.target_partitions", "42501"),
            ("server_version", "55P02"),
            ("nonsense", "42704"),
        ] {
            assert_eq!(parameters.keep(name, "1").err().unwrap().code, code, "{name}");
        }
        assert_eq!(parameters.keep("transaction_read_only", "off").err().unwrap().code, "25006");
    }

    #[test]
    fn times_stay_in_utc() {
        let kept = Parameters::default().keep("timezone", "Europe/Berlin").unwrap();
        assert_eq!(kept.value, "UTC");
        assert!(kept.notice.is_some());
    }
}
