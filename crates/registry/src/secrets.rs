//! Secrets in the database. Nothing here returns or stores one that is not sealed but
//! [`Registry::access`], [`Registry::sink_secrets`] and what serves drafts and SQL passwords.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row, Transaction};
use secrecy::SecretString;

use crate::connections::by_id;
use crate::owner::{Owner, SHELVES, Shelf};
use crate::seal::{Key, Place};
use crate::sinks;
use crate::{Access, ConnectionId, Registry, RegistryError, Sealed, SinkId, SinkRecord, json};

/// A sealed secret, with the name of its owner.
struct SealedSecret {
    shelf: &'static Shelf,
    id: String,
    name: String,
    field: String,
    sealed: Vec<u8>,
}

impl SealedSecret {
    /// Reads a row of [`select`].
    fn of(shelf: &'static Shelf, row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            shelf,
            id: row.get(0)?,
            name: row.get(1)?,
            field: row.get(2)?,
            sealed: row.get(3)?,
        })
    }

    /// `key_place` is where the key is, for people.
    fn open(&self, key: &Key, key_place: &str) -> Result<SecretString, RegistryError> {
        let place = Place { owner: Owner::on(self.shelf, &self.id), field: &self.field };
        key.open(place, &self.sealed).ok_or_else(|| RegistryError::WrongKey {
            place: key_place.to_owned(),
            owner: format!("{} {}", self.shelf.sort, self.name),
            field: self.field.clone(),
        })
    }
}

/// The secrets of one sort of owner.
fn select(shelf: &Shelf) -> String {
    let Shelf { sort, secrets, owners, name } = shelf;
    format!(
        "SELECT {owners}.id, {owners}.{name}, field, sealed \
         FROM {secrets} JOIN {owners} ON {owners}.id = {secrets}.{sort}"
    )
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
            let sealed = secrets_of(transaction, Owner::connection(id.as_str()))?;
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
            self.store_secrets(transaction, Owner::connection(id.as_str()), &secrets)
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
        self.sink_secrets_but(id, &[])
    }

    /// As [`Registry::sink_secrets`], without those of some fields: they may be missing.
    ///
    /// # Errors
    /// As [`Registry::sink_secrets`].
    pub fn sink_secrets_but(
        &self,
        id: &SinkId,
        without: &[&str],
    ) -> Result<BTreeMap<String, SecretString>, RegistryError> {
        self.read("read the secrets of a sink", |transaction| {
            let SinkRecord { name, secrets, .. } = sinks::by_id(transaction, id)?;
            let secrets = secrets.into_iter().filter(|field| !without.contains(&field.as_str()));
            let sealed = secrets_of(transaction, Owner::sink(id.as_str()))?;
            let key = if sealed.is_empty() { None } else { Some(self.key.key()?) };
            let key_place = self.key.place();
            let open = |field: String| -> Result<(String, SecretString), RegistryError> {
                let secret = sealed.iter().find(|secret| secret.field == field);
                let Some((secret, key)) = secret.zip(key.as_ref()) else {
                    return Err(RegistryError::SinkSecretMissing { sink: name.clone(), field });
                };
                Ok((field, secret.open(key, &key_place)?))
            };
            secrets.map(open).collect()
        })
    }

    /// Forgets all sealed secrets, for when their key is lost. Their owners stay: connections and
    /// sinks need theirs again, users can use SQL again once they have signed in with their
    /// passwords, and tokens that are for SQL must be made anew. Returns how many secrets were
    /// forgotten.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_secrets(&self) -> Result<usize, RegistryError> {
        self.write("forget the sealed secrets", |transaction| {
            let mut forgotten = 0;
            for shelf in SHELVES {
                forgotten += transaction.execute(&format!("DELETE FROM {}", shelf.secrets), [])?;
            }
            Ok(forgotten)
        })
    }

    /// Seals secrets of an owner that has none of these fields stored.
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
        let Shelf { secrets: table, sort, .. } = owner.shelf;
        let sql = format!("INSERT INTO {table} ({sort}, field, sealed) VALUES (?1, ?2, ?3)");
        for (field, secret) in secrets {
            let field = field.as_ref();
            let sealed = key.seal(Place { owner, field }, secret)?;
            let sealed =
                sealed.ok_or_else(|| RegistryError::TooLong { field: field.to_owned() })?;
            transaction.execute(&sql, (owner.id, field, sealed))?;
        }
        Ok(())
    }

    /// All secrets of an owner, opened, by their fields.
    pub(crate) fn open_secrets(
        &self,
        transaction: &Transaction<'_>,
        owner: Owner<'_>,
    ) -> Result<BTreeMap<String, SecretString>, RegistryError> {
        let sealed = secrets_of(transaction, owner)?;
        if sealed.is_empty() {
            return Ok(BTreeMap::new());
        }
        let (key, key_place) = (self.key.key()?, self.key.place());
        let open = |secret: SealedSecret| -> Result<(String, SecretString), RegistryError> {
            let opened = secret.open(&key, &key_place)?;
            Ok((secret.field, opened))
        };
        sealed.into_iter().map(open).collect()
    }

    /// The key to seal with. It must open what is sealed already, so that no database ever needs
    /// two keys; a new one is made only while nothing is sealed. The transaction writes, so that no
    /// other process makes another key meanwhile.
    fn sealing_key(&self, transaction: &Transaction<'_>) -> Result<Key, RegistryError> {
        let Some(witness) = any_secret(transaction)? else { return self.key.key_or_new() };
        let key = self.key.key()?;
        witness.open(&key, &self.key.place())?;
        Ok(key)
    }
}

/// What stands in `connections.access`.
pub(crate) fn access_json(access: &Access<Sealed>) -> Result<String, RegistryError> {
    json::write(access, "the credentials of a connection")
}

fn any_secret(transaction: &Transaction<'_>) -> Result<Option<SealedSecret>, RegistryError> {
    for shelf in SHELVES {
        let sql = format!("{} LIMIT 1", select(shelf));
        let found = transaction.query_row(&sql, [], |row| SealedSecret::of(shelf, row));
        if let Some(secret) = found.optional()? {
            return Ok(Some(secret));
        }
    }
    Ok(None)
}

fn secrets_of(
    transaction: &Transaction<'_>,
    owner: Owner<'_>,
) -> Result<Vec<SealedSecret>, RegistryError> {
    let shelf = owner.shelf;
    let sql = format!("{} WHERE {}.id = ?1", select(shelf), shelf.owners);
    let mut statement = transaction.prepare(&sql)?;
    let secrets = statement.query_map([owner.id], |row| SealedSecret::of(shelf, row))?;
    Ok(secrets.collect::<rusqlite::Result<_>>()?)
}
