//! Changing a sink that is there. It stays where it is in the order of what happened: what was
//! acknowledged is not sent again, and what comes next is told as it is said now.

use std::collections::BTreeMap;
use std::sync::Arc;

use billhook_registry::{Registry, RegistryError, SecretString, SinkChange, SinkRecord};
use billhook_stream::settings::{self, SinkSettings};
use serde_json::{Value, json};

use super::{blocking, settings_of};
use crate::EngineError;

/// What a sink is from now on.
#[derive(Debug, Clone)]
pub struct Change {
    /// Everything that it is told.
    pub settings: SinkSettings,
    /// By field: other values of secrets, and `None` for those that are forgotten. The others stay.
    pub secrets: BTreeMap<String, Option<SecretString>>,
}

/// Can a sink be opened with these settings and secrets? Nothing is sent.
///
/// # Errors
/// When it cannot.
pub async fn check(
    settings: &SinkSettings,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<(), EngineError> {
    drop(Box::pin(settings::open(settings, secrets)).await?);
    Ok(())
}

impl Change {
    /// All secrets of the sink as it will be, opened.
    ///
    /// # Errors
    /// When one that stays is missing, or does not open.
    pub async fn all_secrets(
        &self,
        registry: &Arc<Registry>,
        sink: &SinkRecord,
    ) -> Result<BTreeMap<String, SecretString>, EngineError> {
        let (id, changed) = (sink.id.clone(), self.secrets.clone());
        blocking(registry, move |own| {
            let without: Vec<&str> = changed.keys().map(String::as_str).collect();
            let mut secrets = own.sink_secrets_but(&id, &without)?;
            let new = changed.into_iter().filter_map(|(field, secret)| Some((field, secret?)));
            secrets.extend(new);
            Ok(secrets)
        })
        .await
    }

    /// What the audit log keeps: how the sink was, and how it is. No secrets.
    ///
    /// # Errors
    /// When the settings cannot be written.
    pub fn noted(&self, sink: &SinkRecord) -> Result<(Value, Value), EngineError> {
        let had: BTreeMap<&str, &str> =
            sink.secrets.iter().map(|field| (field.as_str(), "set")).collect();
        let changed = self.secrets.iter().map(|(field, value)| {
            let word = if value.is_some() { "changed" } else { "removed" };
            (field.as_str(), word)
        });
        let changed: BTreeMap<&str, &str> = changed.collect();
        let before = json!({ "settings": sink.settings, "secrets": had });
        Ok((before, json!({ "settings": self.written(sink)?, "secrets": changed })))
    }

    fn written(&self, sink: &SinkRecord) -> Result<Value, EngineError> {
        let written = serde_json::to_value(&self.settings);
        Ok(written.map_err(|source| RegistryError::Damaged {
            what: format!("the settings of sink {}", sink.name),
            source: Box::new(source),
        })?)
    }

    /// Nothing of what a sink is fixed by may change.
    fn is_possible(&self, before: &SinkSettings) -> Result<(), EngineError> {
        let (was, is) = (before.target.kind(), self.settings.target.kind());
        if was != is {
            let text = format!("kind: a sink stays {was}: add another one for {is}");
            return Err(EngineError::Usage(text));
        }
        if before.from != self.settings.from {
            let text = "from: where a sink began does not change: `billhook events replay` sends \
                        again";
            return Err(EngineError::Usage(text.to_owned()));
        }
        Ok(())
    }
}

/// Changes a sink as it was seen, once what it will be was opened as a new sink is. Whoever sends
/// to it hears of it within a moment.
///
/// # Errors
/// When kind or start would change; when it cannot be opened; [`RegistryError::ChangedMeanwhile`]
/// when it is not as it was seen. Nothing is changed after one.
pub async fn set(
    registry: &Arc<Registry>,
    sink: &SinkRecord,
    change: Change,
    now: i64,
) -> Result<SinkRecord, EngineError> {
    let before = settings_of(sink)?;
    change.is_possible(&before)?;
    let secrets = change.all_secrets(registry, sink).await?;
    check(&change.settings, &secrets).await?;
    let written = change.written(sink)?;
    let Change { settings, secrets: mut changed } = change;
    let fields = secrets.into_keys().map(|field| {
        let new = changed.remove(&field).flatten();
        (field, new)
    });
    let new = SinkChange {
        settings: written,
        secrets: fields.collect(),
        begins_anew: (before.format, before.granularity) != (settings.format, settings.granularity),
    };
    let (id, seen) = (sink.id.clone(), sink.changed_at);
    blocking(registry, move |own| Ok(own.set_sink(&id, new, seen, now)?)).await
}

#[cfg(test)]
mod tests {
    use billhook_registry::{ExposeSecret as _, NewSink};
    use billhook_stream::settings::From as Start;

    use super::*;

    fn settings(url: &str, granularity: &str) -> SinkSettings {
        let target = json!({ "kind": "http", "url": url, "signs": true });
        let settings = json!({ "target": target, "granularity": granularity });
        serde_json::from_value(settings).unwrap()
    }

    const FIRST: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SECOND: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn added(registry: &Registry) -> SinkRecord {
        let new = NewSink {
            name: "web".to_owned(),
            settings: json!(settings("http://127.0.0.1:9/a", "daily")),
            secrets: vec![("webhook".to_owned(), SecretString::from(FIRST))],
        };
        registry.add_sink_at(new, (3, 2), 0).unwrap()
    }

    fn change(url: &str, granularity: &str) -> Change {
        Change { settings: settings(url, granularity), secrets: BTreeMap::new() }
    }

    #[tokio::test]
    async fn what_is_not_said_stays_and_what_cannot_be_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let registry = Arc::new(Registry::open(home.path()).unwrap());
        let sink = added(&registry);
        let webhook = |sink: &SinkRecord| {
            let secrets = registry.sink_secrets(&sink.id).unwrap();
            secrets["webhook"].expose_secret().to_owned()
        };
        let (was, is) = change("http://127.0.0.1:9/b", "daily").noted(&sink).unwrap();
        assert_eq!(was["secrets"]["webhook"], "set");
        assert_eq!((&is["secrets"], &was["settings"]), (&json!({}), &sink.settings));
        let moved = set(&registry, &sink, change("http://127.0.0.1:9/b", "daily"), 5);
        let moved = moved.await.unwrap();
        assert_eq!((moved.cursor, webhook(&moved)), ((3, 2), FIRST.to_owned()));
        assert_eq!(moved.settings["target"]["url"], "http://127.0.0.1:9/b");
        // As it was seen before.
        let stale = set(&registry, &sink, change("http://127.0.0.1:9/c", "daily"), 6).await;
        let stale = stale.unwrap_err();
        assert!(
            matches!(stale, EngineError::Registry(RegistryError::ChangedMeanwhile { .. })),
            "{stale:?}"
        );
        // The rules of a new sink hold: addresses, secrets, and what fits together.
        let mut without = change("http://127.0.0.1:9/c", "daily");
        without.secrets.insert("webhook".to_owned(), None);
        let mut other = change("http://127.0.0.1:9/c", "daily");
        other.settings = serde_json::from_value(json!({ "target": { "kind": "stdout" } })).unwrap();
        let mut earlier = change("http://127.0.0.1:9/c", "daily");
        earlier.settings.from = Start::History;
        for wrong in [change("http://169.254.169.254/", "daily"), without, other, earlier] {
            assert!(set(&registry, &moved, wrong.clone(), 7).await.is_err(), "{wrong:?}");
        }
        let now = registry.sink("web").unwrap().unwrap();
        assert_eq!(now, moved);
        // Another secret, and another shape: what was begun is told from its beginning.
        let mut hourly = change("http://127.0.0.1:9/b", "hourly");
        hourly.secrets.insert("webhook".to_owned(), Some(SecretString::from(SECOND)));
        let (_, is) = hourly.noted(&moved).unwrap();
        assert_eq!(is["secrets"]["webhook"], "changed");
        let hourly = set(&registry, &moved, hourly, 8).await.unwrap();
        assert_eq!((hourly.cursor, webhook(&hourly)), ((3, 0), SECOND.to_owned()));
    }
}
