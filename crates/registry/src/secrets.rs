//! Secrets in the database. Nothing here returns or stores one that is not sealed but
//! [`Registry::access`].

use rusqlite::{OptionalExtension, Row, Transaction};
use secrecy::SecretString;

use crate::connections::by_id;
use crate::seal::{Key, Place};
use crate::{Access, ConnectionId, Registry, RegistryError, Sealed, json};

/// A row of `secrets`, with the name of its connection.
struct SealedSecret {
    connection: String,
    name: String,
    field: String,
    sealed: Vec<u8>,
}

/// What [`SealedSecret`] is read from.
const SELECT: &str = "SELECT secrets.connection, connections.name, secrets.field, secrets.sealed \
     FROM secrets JOIN connections ON connections.id = secrets.connection";

impl SealedSecret {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            connection: row.get(0)?,
            name: row.get(1)?,
            field: row.get(2)?,
            sealed: row.get(3)?,
        })
    }

    /// `key_place` is where the key is, for people.
    fn open(&self, key: &Key, key_place: &str) -> Result<SecretString, RegistryError> {
        let place = Place { connection: &self.connection, field: &self.field };
        key.open(place, &self.sealed).ok_or_else(|| RegistryError::WrongKey {
            place: key_place.to_owned(),
            connection: self.name.clone(),
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
            let sealed = secrets_of(transaction, id)?;
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
            self.store_secrets(transaction, id, &secrets)
        })
    }

    /// Forgets all sealed secrets, for when their key is lost. The connections stay, and those that
    /// had secrets need their credentials again. Returns how many secrets were forgotten.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_secrets(&self) -> Result<usize, RegistryError> {
        self.write("forget the sealed secrets", |transaction| {
            Ok(transaction.execute("DELETE FROM secrets", [])?)
        })
    }

    /// Seals secrets of a connection that has none stored.
    pub(crate) fn store_secrets(
        &self,
        transaction: &Transaction<'_>,
        id: &ConnectionId,
        secrets: &[(&'static str, SecretString)],
    ) -> Result<(), RegistryError> {
        if secrets.is_empty() {
            return Ok(());
        }
        let key = self.sealing_key(transaction)?;
        for (field, secret) in secrets {
            let field = *field;
            let place = Place { connection: id.as_str(), field };
            let sealed = key.seal(place, secret)?;
            let sealed = sealed.ok_or(RegistryError::TooLong { field })?;
            let sql = "INSERT INTO secrets (connection, field, sealed) VALUES (?1, ?2, ?3)";
            transaction.execute(sql, (id.as_str(), field, sealed))?;
        }
        Ok(())
    }

    /// The key to seal with. It must open what is sealed already, so that no database ever needs
    /// two keys; a new one is made only while nothing is sealed. The transaction writes, so that no
    /// other process makes another key meanwhile.
    fn sealing_key(&self, transaction: &Transaction<'_>) -> Result<Key, RegistryError> {
        let sql = format!("{SELECT} LIMIT 1");
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
    id: &ConnectionId,
) -> Result<Vec<SealedSecret>, RegistryError> {
    let mut statement = transaction.prepare(&format!("{SELECT} WHERE secrets.connection = ?1"))?;
    let secrets = statement.query_map([id.as_str()], SealedSecret::of)?;
    Ok(secrets.collect::<rusqlite::Result<_>>()?)
}
