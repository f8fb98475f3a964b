//! Passwords of users. The database keeps their argon2id hashes, and what SQL needs sealed.

use argon2::password_hash::Error as HashError;
use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use rusqlite::OptionalExtension;
use secrecy::{ExposeSecret, SecretString};

use crate::owner::Owner;
use crate::{Registry, RegistryError, SignIn, User, UserId, random, scram, users};

/// In characters.
const SHORTEST: usize = 12;

/// In bytes.
const LONGEST: usize = 1024;

const SALT_BYTES: usize = 16;

/// A password that is to be stored.
pub(crate) struct NewPassword {
    /// A PHC string.
    pub(crate) hash: String,
    /// What SQL needs, to be sealed.
    pub(crate) verifier: SecretString,
}

impl NewPassword {
    /// Checks and hashes a password. It takes long: not to be called in a transaction.
    pub(crate) fn of(password: &SecretString) -> Result<Self, RegistryError> {
        let text = password.expose_secret();
        if text.chars().count() < SHORTEST {
            return Err(RegistryError::PasswordShort);
        }
        if text.len() > LONGEST {
            return Err(RegistryError::PasswordLong);
        }
        Ok(Self { hash: hash(password)?, verifier: scram::verifier(password)? })
    }
}

impl Registry {
    /// The user of that name, if this is the password, and notes that they were seen. Names that
    /// nobody has take as long as wrong passwords.
    ///
    /// # Errors
    /// When the database fails.
    pub fn check_password(
        &self,
        name: &str,
        password: &SecretString,
        now: i64,
    ) -> Result<Option<User>, RegistryError> {
        let stored = self.read("look for a user", |transaction| {
            let sql = "SELECT id, password FROM users WHERE name = ?1 AND password IS NOT NULL";
            let read = transaction.query_row(sql, [name], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            });
            Ok(read.optional()?)
        })?;
        let Some((id, stored)) = stored else {
            hash(password)?;
            return Ok(None);
        };
        if !is_hash_of(&stored, password)? {
            return Ok(None);
        }
        let user = self.write("note that a user signed in", |transaction| {
            // Not if the password was changed while this one was compared.
            let sql = "UPDATE users SET seen_at = ?3 WHERE id = ?1 AND password = ?2";
            if transaction.execute(sql, (&id, &stored, now))? == 0 {
                return Ok(None);
            }
            users::by_id(transaction, &id).map(Some)
        })?;
        if let Some(user) = &user {
            self.mend_verifier(user, password)?;
        }
        Ok(user)
    }

    /// Gives a user another password, and ends all their sessions.
    ///
    /// # Errors
    /// [`RegistryError::PasswordShort`], [`RegistryError::PasswordLong`],
    /// [`RegistryError::NoUser`], [`RegistryError::SignsInElsewhere`], and whatever keeps secrets
    /// from being sealed.
    pub fn set_password(
        &self,
        id: &UserId,
        password: &SecretString,
        now: i64,
    ) -> Result<(), RegistryError> {
        let new = NewPassword::of(password)?;
        self.write("store a password", |transaction| {
            let User { name, sign_in, .. } = users::by_id(transaction, id.as_str())?;
            if sign_in != SignIn::Password {
                return Err(RegistryError::SignsInElsewhere { name });
            }
            let sql = "UPDATE users SET password = ?2, changed_at = ?3 WHERE id = ?1";
            transaction.execute(sql, (id.as_str(), &new.hash, now))?;
            transaction.execute("DELETE FROM sessions WHERE user = ?1", [id.as_str()])?;
            transaction.execute("DELETE FROM user_secrets WHERE user = ?1", [id.as_str()])?;
            let secrets = [(scram::FIELD, new.verifier.clone())];
            self.store_secrets(transaction, Owner::user(id.as_str()), &secrets)
        })
    }

    /// Stores again what SQL needs of a password, if it is not there because all sealed secrets
    /// were forgotten. Nobody is kept from signing in by a key that is not there.
    fn mend_verifier(&self, user: &User, password: &SecretString) -> Result<(), RegistryError> {
        let id = user.id.as_str();
        let is_there = self.read("look for the password of a user", |transaction| {
            let sql = "SELECT EXISTS (SELECT 1 FROM user_secrets WHERE user = ?1)";
            Ok(transaction.query_row(sql, [id], |row| row.get::<_, bool>(0))?)
        })?;
        if is_there {
            return Ok(());
        }
        let verifier = scram::verifier(password)?;
        let stored = self.write("store a password", |transaction| {
            // Not if another sign-in was quicker, or the password was changed meanwhile.
            let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1 AND changed_at = ?2) \
                 AND NOT EXISTS (SELECT 1 FROM user_secrets WHERE user = ?1)";
            let is_wanted: bool =
                transaction.query_row(sql, (id, user.changed_at), |row| row.get(0))?;
            if !is_wanted {
                return Ok(());
            }
            self.store_secrets(transaction, Owner::user(id), &[(scram::FIELD, verifier)])
        });
        match stored {
            Err(error) if error.is_about_key() => Ok(()),
            stored => stored,
        }
    }
}

/// The PHC string of a password, with a salt of its own.
fn hash(password: &SecretString) -> Result<String, RegistryError> {
    let salt = random::bytes::<SALT_BYTES>()?;
    let text = password.expose_secret().as_bytes();
    let hashed: Result<PasswordHash, HashError> =
        Argon2::default().hash_password_with_salt(text, &salt);
    Ok(hashed.map_err(|source| RegistryError::Hash { source })?.to_string())
}

fn is_hash_of(stored: &str, password: &SecretString) -> Result<bool, RegistryError> {
    let text = password.expose_secret().as_bytes();
    match Argon2::default().verify_password(text, stored) {
        Ok(()) => Ok(true),
        Err(HashError::PasswordInvalid) => Ok(false),
        Err(error) => Err(RegistryError::damaged("the password of a user", error)),
    }
}
