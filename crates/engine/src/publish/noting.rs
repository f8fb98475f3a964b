//! What is new is noted: each delivery and each change of health gets its place in the order in
//! which it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use billhook_lake::Lake;
use billhook_lake::session::LakeSession;
use billhook_lake::spec::DELIVERIES;
use billhook_lake::table::Table;
use billhook_registry::{Happening, HappeningKind, HealthRecord, Registry};

use super::blocking;
use super::deliveries::Deliveries;
use crate::EngineError;

/// Records of health that are looked back at.
const RECORDS: u32 = 10_000;

/// What was seen the last time, so that looking again costs little.
#[derive(Debug, Default)]
pub(super) struct Noter {
    deliveries: Option<Table>,
    /// The version of `deliveries` that was noted.
    noted: Option<u64>,
    /// By connection: the newest record of its health that was noted.
    healths: BTreeMap<String, i64>,
}

impl Noter {
    /// Notes what is new since the last time.
    ///
    /// # Errors
    /// When the lake or the control database cannot be read.
    pub(super) async fn note(
        &mut self,
        lake: &Lake,
        registry: &Arc<Registry>,
    ) -> Result<(), EngineError> {
        let known = self.healths.clone();
        let (mut new, healths) = blocking(registry, move |own| healths(own, known)).await?;
        let version = self.version(lake).await?;
        if version.is_some() && version != self.noted {
            let session = LakeSession::open(lake, None).await?;
            new.extend(Deliveries::read(&session).await?.iter().map(|delivery| Happening {
                recorded_at: delivery.recorded_at,
                connection: delivery.connection.clone(),
                period: delivery.period.clone(),
                revision: delivery.revision.clone(),
                kind: HappeningKind::Delivery,
            }));
        }
        if !new.is_empty() {
            blocking(registry, move |own| Ok(own.note_happenings(&new)?)).await?;
        }
        (self.noted, self.healths) = (version, healths);
        Ok(())
    }

    /// The version of `deliveries` now; `None` while there is no such table.
    async fn version(&mut self, lake: &Lake) -> Result<Option<u64>, EngineError> {
        if let Some(table) = &mut self.deliveries {
            table.refresh().await?;
        } else if lake.exists(&DELIVERIES).await? {
            self.deliveries = Some(lake.table(&DELIVERIES).await?);
        }
        Ok(self.deliveries.as_ref().map(Table::version))
    }
}

/// By connection: the newest record of its health.
type Newest = BTreeMap<String, i64>;

/// Changes of health after those that are known, and what is known then.
fn healths(
    registry: &Registry,
    mut known: Newest,
) -> Result<(Vec<Happening>, Newest), EngineError> {
    let mut new = Vec::new();
    for connection in registry.connections()? {
        let name = connection.name.to_string();
        let newest = registry.health_history(&connection.id, 1)?;
        let newest = newest.first().map(|record| record.since);
        let before = known.get(&name).copied();
        // Asked every second: nothing more is read while nothing has changed.
        if newest == before {
            continue;
        }
        let records = registry.health_history(&connection.id, RECORDS)?;
        let newest = records.first().map(|record| record.since);
        for (_, record) in changed(&records) {
            if before.is_none_or(|before| record.since > before) {
                new.push(Happening {
                    recorded_at: record.since,
                    connection: name.clone(),
                    period: String::new(),
                    revision: String::new(),
                    kind: HappeningKind::Health,
                });
            }
        }
        if let Some(newest) = newest {
            known.insert(name, newest);
        }
    }
    Ok((new, known))
}

/// Of records, the newest first, those that tell another health than the one before, and that one.
pub(super) fn changed(
    records: &[HealthRecord],
) -> impl Iterator<Item = (Option<&HealthRecord>, &HealthRecord)> {
    records.iter().enumerate().filter_map(|(place, record)| {
        let before = records.get(place + 1);
        let is_change = before.is_none_or(|before| before.health != record.health);
        is_change.then_some((before, record))
    })
}

#[cfg(test)]
mod tests {
    use billhook_registry::{Credentials, Health, NewConnection, Schedule};
    use serde_json::json;

    use super::*;

    #[test]
    fn health_is_told_when_it_changes_and_not_when_its_reasons_do() {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let new = NewConnection {
            name: "acme".parse().unwrap(),
            kind: "cur".to_owned(),
            location: None,
            settings: json!({}),
            access: Credentials::Ambient.into(),
            schedule: Schedule::Manual,
            payer: None,
        };
        let acme = registry.add(new, 0).unwrap().id;
        let set = |health, codes: &[&str], at| {
            let findings: Vec<_> = codes.iter().map(|code| json!({ "code": code })).collect();
            registry.set_health(&acme, health, &json!(findings), at).unwrap();
        };
        set(Health::Healthy, &[], 10);
        set(Health::Broken, &["one"], 20);
        set(Health::Broken, &["two"], 30);
        let (new, known) = healths(&registry, Newest::new()).unwrap();
        let mut times: Vec<i64> = new.iter().map(|one| one.recorded_at).collect();
        times.sort_unstable();
        assert_eq!(times, [10, 20]);
        assert_eq!(known["acme"], 30);
        set(Health::Healthy, &[], 40);
        let (new, known) = healths(&registry, known).unwrap();
        assert_eq!(new.iter().map(|one| one.recorded_at).collect::<Vec<_>>(), [40]);
        assert!(healths(&registry, known).unwrap().0.is_empty());
    }

    #[test]
    fn a_renamed_connection_is_not_told_again() {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let new = NewConnection {
            name: "acme".parse().unwrap(),
            kind: "cur".to_owned(),
            location: None,
            settings: json!({}),
            access: Credentials::Ambient.into(),
            schedule: Schedule::Manual,
            payer: None,
        };
        let acme = registry.add(new, 0).unwrap().id;
        registry.set_health(&acme, Health::Healthy, &json!([]), 10).unwrap();
        let (new, known) = healths(&registry, Newest::new()).unwrap();
        assert_eq!(registry.note_happenings(&new).unwrap(), 1);
        registry.rename(&acme, &"other".parse().unwrap()).unwrap();
        for known in [known, Newest::new()] {
            let (new, _) = healths(&registry, known).unwrap();
            assert_eq!(registry.note_happenings(&new).unwrap(), 0);
        }
        let noted = registry.happenings(0, 10).unwrap();
        assert_eq!(noted.len(), 1);
        assert_eq!(noted[0].1.connection, "other");
    }
}
