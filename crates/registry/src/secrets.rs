//! Secrets in the database. Nothing here returns or stores one that is not sealed but
//! [`Registry::access`] and [`Registry::sink_secrets`].

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row, Transaction};
use secrecy::SecretString;

use crate::connections::by_id;
use crate::seal::{Key, Owner, Place};
use crate::sinks;
use crate::{Access, ConnectionId, Registry, RegistryError, Sealed, SinkId, SinkRecord, json};

/// A row of `secrets` or `sink_secrets`, with the name of its connection or sink.
struct SealedSecret {
    of_sink: bool,
    id: String,
    name: String,
    field: String,
    sealed: Vec<u8>,
}

/// What [`SealedSecret`] is read from, for those of connections.
const OF_CONNECTIONS: &str = "SELECT 0, connections.id, connections.name, field, sealed \
     FROM secrets JOIN connections ON connections.id = secrets.connection";

/// The same for those of sinks.
const OF_SINKS: &str = "SELECT 1, sinks.id, sinks.name, field, sealed \
     FROM sink_secrets JOIN sinks ON sinks.id = sink_secrets.sink";

impl SealedSecret {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            of_sink: row.get(0)?,
            id: row.get(1)?,
            name: row.get(2)?,
            field: row.get(3)?,
            sealed: row.get(4)?,
        })
    }

    /// `key_place` is where the key is, for people.
    fn open(&self, key: &Key, key_place: &str) -> Result<SecretString, RegistryError> {
        let (owner, sort) = if self.of_sink {
            (Owner::Sink(&self.id), "sink")
        } else {
            (Owner::Connection(&self.id), "connection")
        };
        let place = Place { owner, field: &self.field };
        key.open(place, &self.sealed).ok_or_else(|| RegistryError::WrongKey {
            place: key_place.to_owned(),
            owner: format!("{sort} {}", self.name),
            field: self.field.clone(),
        })
    }
}

impl Registry {
    /// How a connection reaches AWS, with its secrets opened.
    ///
    /// # Errors
    /// [`RegistryError::WrongKey`], [`RegistryError::KeyMissing`] and the like when there are
    /// secrets that the key does not open; [`RegistryError::NoConnection`].
    pub fn access(&self, id: &ConnectionId) -> Result<Access, RegistryError> {
        self.read("read the credentials of a connection", |transaction| {
            let connection = by_id(transaction, id)?;
            let sealed = secrets_of(transaction, Owner::Connection(id.as_str()))?;
            let key = if sealed.is_empty() { None } else { Some(self.key.key()?) };
            let key_place = self.key.place();
            connection.access.exchange::<SecretString, RegistryError>(&mut |field, _| {
                let missing = || RegistryError::SecretMissing {
                    connection: connection.name.to_string(),
                    field,
                };
                let secret = sealed.iter().find(|secret| secret.field == field);
                let (secret, key) = secret.zip(key.as_ref()).ok_or_else(missing)?;
                secret.open(key, &key_place)
            })
        })
    }

    /// Gives a connection other credentials, region and endpoint, in place of all that it had.
    ///
    /// # Errors
    /// [`RegistryError::NoConnection`]; as [`Registry::access`] when secrets of other connections
    /// are sealed with a key that is not there.
    pub fn set_access(&self, id: &ConnectionId, access: Access) -> Result<(), RegistryError> {
        let (shown, secrets) = access.apart();
        let shown = access_json(&shown)?;
        self.write("store the credentials of a connection", |transaction| {
            let sql = "UPDATE connections SET access = ?2 WHERE id = ?1";
            if transaction.execute(sql, (id.as_str(), &shown))? == 0 {
                return Err(RegistryError::NoConnection { id: id.to_string() });
            }
            transaction.execute("DELETE FROM secrets WHERE connection = ?1", [id.as_str()])?;
            self.store_secrets(transaction, Owner::Connection(id.as_str()), &secrets)
        })
    }

    /// The secrets of a sink, opened, by their fields.
    ///
    /// # Errors
    /// As [`Registry::access`]; [`RegistryError::NoSink`], [`RegistryError::SinkSecretMissing`].
    pub fn sink_secrets(
        &self,
        id: &SinkId,
    ) -> Result<BTreeMap<String, SecretString>, RegistryError> {
        self.read("read the secrets of a sink", |transaction| {
            let SinkRecord { name, secrets, .. } = sinks::by_id(transaction, id)?;
            let sealed = secrets_of(transaction, Owner::Sink(id.as_str()))?;
            let key = if sealed.is_empty() { None } else { Some(self.key.key()?) };
            let key_place = self.key.place();
            let open = |field: String| -> Result<(String, SecretString), RegistryError> {
                let secret = sealed.iter().find(|secret| secret.field == field);
                let Some((secret, key)) = secret.zip(key.as_ref()) else {
                    return Err(RegistryError::SinkSecretMissing { sink: name.clone(), field });
                };
                Ok((field, secret.open(key, &key_place)?))
            };
            secrets.into_iter().map(open).collect()
        })
    }

    /// Forgets all sealed secrets, for when their key is lost. Connections and sinks stay, and
    /// those that had secrets need theirs again. Returns how many secrets were forgotten.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_secrets(&self) -> Result<usize, RegistryError> {
        self.write("forget the sealed secrets", |transaction| {
            let of_connections = transaction.execute("DELETE FROM secrets", [])?;
            Ok(of_connections + transaction.execute("DELETE FROM sink_secrets", [])?)
        })
    }

    /// Seals secrets of a connection or sink that has none stored.
    pub(crate) fn store_secrets<F: AsRef<str>>(
        &self,
        transaction: &Transaction<'_>,
        owner: Owner<'_>,
        secrets: &[(F, SecretString)],
    ) -> Result<(), RegistryError> {
        if secrets.is_empty() {
            return Ok(());
        }
        let key = self.sealing_key(transaction)?;
        let (table, id) = match owner {
            Owner::Connection(id) => ("secrets (connection, field, sealed)", id),
            Owner::Sink(id) => ("sink_secrets (sink, field, sealed)", id),
        };
        let sql = format!("INSERT INTO {table} VALUES (?1, ?2, ?3)");
        for (field, secret) in secrets {
            let field = field.as_ref();
            let sealed = key.seal(Place { owner, field }, secret)?;
            let sealed =
                sealed.ok_or_else(|| RegistryError::TooLong { field: field.to_owned() })?;
            transaction.execute(&sql, (id, field, sealed))?;
        }
        Ok(())
    }

    /// The key to seal with. It must open what is sealed already, so that no database ever needs
    /// two keys; a new one is made only while nothing is sealed. The transaction writes, so that no
    /// other process makes another key meanwhile.
    fn sealing_key(&self, transaction: &Transaction<'_>) -> Result<Key, RegistryError> {
        let sql = format!("{OF_CONNECTIONS} UNION ALL {OF_SINKS} LIMIT 1");
        let witness = transaction.query_row(&sql, [], SealedSecret::of).optional()?;
        let Some(witness) = witness else { return self.key.key_or_new() };
        let key = self.key.key()?;
        witness.open(&key, &self.key.place())?;
        Ok(key)
    }
}

/// What stands in `connections.access`.
pub(crate) fn access_json(access: &Access<Sealed>) -> Result<String, RegistryError> {
    json::write(access, "the credentials of a connection")
}

fn secrets_of(
    transaction: &Transaction<'_>,
    owner: Owner<'_>,
) -> Result<Vec<SealedSecret>, RegistryError> {
    let (sql, id) = match owner {
        Owner::Connection(id) => (format!("{OF_CONNECTIONS} WHERE connections.id = ?1"), id),
        Owner::Sink(id) => (format!("{OF_SINKS} WHERE sinks.id = ?1"), id),
    };
    let mut statement = transaction.prepare(&sql)?;
    let secrets = statement.query_map([id], SealedSecret::of)?;
    Ok(secrets.collect::<rusqlite::Result<_>>()?)
}
