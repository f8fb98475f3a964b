//! What the settings of a connection, and of sinks, say of its figures.

use std::collections::BTreeMap;
use std::path::Path;

use billhook_registry::Registry;
use billhook_stream::settings::{Granularity, SinkSettings};
use serde_json::{Value, json};

use super::settings_of;
use crate::EngineError;

/// Days after which a day's costs are expected to stand, where a connection says nothing else.
pub(super) const SETTLING_DAYS: u32 = 3;

/// Setting of a connection: days after which a day's costs are expected to stand.
const SETTLING: &str = "settling_days";

/// Setting of a connection: are hours kept, also when no sink wants them?
const KEEP_HOURS: &str = "keep_hours";

/// What somebody says of a connection's figures; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Days after which a day's costs are expected to stand.
    pub settling_days: Option<u32>,
    /// Are hours kept, also when no sink wants them?
    pub keep_hours: Option<bool>,
}

impl Figures {
    /// The settings of a connection with these.
    #[must_use]
    pub fn over(self, settings: &Value) -> Value {
        let mut settings = settings.as_object().cloned().unwrap_or_default();
        if let Some(days) = self.settling_days {
            settings.insert(SETTLING.to_owned(), json!(days));
        }
        if let Some(keeps) = self.keep_hours {
            settings.insert(KEEP_HOURS.to_owned(), json!(keeps));
        }
        Value::Object(settings)
    }
}

/// Days after which a day's costs are expected to stand, as the settings of a connection say.
#[must_use]
pub fn settling_days(settings: &Value) -> u32 {
    let days = settings[SETTLING].as_u64().and_then(|days| u32::try_from(days).ok());
    days.unwrap_or(SETTLING_DAYS)
}

/// The same by connection.
///
/// # Errors
/// When the control database cannot be read.
pub(super) fn settling(registry: &Registry) -> Result<BTreeMap<String, u32>, EngineError> {
    let connections = registry.connections()?;
    let days = connections.iter().map(|one| (one.name.to_string(), settling_days(&one.settings)));
    Ok(days.collect())
}

/// Is what a connection's deliveries change kept by the hour, too? That costs time and space: it is
/// where a sink wants it, be it paused, or the connection's own settings do.
///
/// # Errors
/// When the control database cannot be read.
pub fn keeps_hours(home: &Path, connection: &str) -> Result<bool, EngineError> {
    let Some(registry) = Registry::open_existing(home)? else { return Ok(false) };
    let wants = |settings: SinkSettings| {
        settings.granularity == Granularity::Hourly
            && (settings.connections.is_empty()
                || settings.connections.iter().any(|name| name == connection))
    };
    // What a later version stored is for that version to read.
    if registry.sinks()?.iter().filter_map(|sink| settings_of(sink).ok()).any(wants) {
        return Ok(true);
    }
    let connections = registry.connections()?;
    let own = connections.iter().find(|one| one.name.as_str() == connection);
    Ok(own.is_some_and(|one| one.settings[KEEP_HOURS].as_bool() == Some(true)))
}

#[cfg(test)]
mod tests {
    use billhook_registry::{Credentials, NewConnection, NewSink, Schedule};

    use super::*;

    #[test]
    fn what_is_not_said_stays() {
        let days = Figures { settling_days: Some(5), keep_hours: None };
        let settings = days.over(&json!({ "other": 1 }));
        assert_eq!(settings, json!({ "other": 1, "settling_days": 5 }));
        assert_eq!(settling_days(&settings), 5);
        let hours = Figures { settling_days: None, keep_hours: Some(true) };
        let both = json!({ "other": 1, "settling_days": 5, "keep_hours": true });
        assert_eq!(hours.over(&settings), both);
        assert_eq!(Figures::default().over(&both), both);
        assert_eq!(settling_days(&json!({})), SETTLING_DAYS);
    }

    #[test]
    fn hours_are_kept_where_somebody_wants_them() {
        let home = tempfile::tempdir().unwrap();
        let keeps = |name: &str| keeps_hours(home.path(), name).unwrap();
        assert!(!keeps("a"));
        let registry = Registry::open(home.path()).unwrap();
        let add = |name: &str, settings: Value| {
            let new = NewConnection {
                name: name.parse().unwrap(),
                kind: "cur".to_owned(),
                location: None,
                settings,
                access: Credentials::Ambient.into(),
                schedule: Schedule::Manual,
                payer: None,
            };
            registry.add(new, 0).unwrap();
        };
        add("a", json!({}));
        add("b", json!({ "keep_hours": true }));
        assert_eq!((keeps("a"), keeps("b")), (false, true));
        let sink = |name: &str, granularity: &str| {
            let settings = json!({
                "target": { "kind": "stdout" },
                "granularity": granularity,
                "connections": ["a"],
            });
            let new = NewSink { name: name.to_owned(), settings, secrets: Vec::new() };
            registry.add_sink(new, 0).unwrap();
        };
        sink("days", "daily");
        assert!(!keeps("a"));
        sink("hours", "hourly");
        assert_eq!((keeps("a"), keeps("b"), keeps("c")), (true, true, false));
    }
}
