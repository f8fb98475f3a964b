//! Tokens: what programs sign in with, on behalf of a user.

use std::fmt;

use rusqlite::{Row, Transaction};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};

use crate::owner::Owner;
use crate::users::{self, is_long_ago, require_free, require_name};
use crate::{Registry, RegistryError, Role, User, UserId, bearer, random, scram};

/// What the text of every token begins with, so that one that leaked is known for what it is.
const PREFIX: &str = "bht_";

/// What a token is known by to the database: a random UUID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(String);

impl TokenId {
    /// The UUID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for TokenId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes {
    /// The API.
    pub api: bool,
    /// SQL over the Postgres protocol.
    pub wire: bool,
}

/// A token, without its text. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Its name, which no user has either.
    pub name: String,
    /// On whose behalf it acts.
    pub owner: UserId,
    /// The name of its owner.
    pub owner_name: String,
    /// What its owner may do now, and so whoever has it.
    pub role: Role,
    /// What it is for.
    pub scopes: Scopes,
    /// When it was made.
    pub made_at: i64,
    /// When it ends; `None` when it does not.
    pub expires_at: Option<i64>,
    /// When it was last used, give or take a minute.
    pub used_at: Option<i64>,
    /// The address from which it was then.
    pub used_from: Option<String>,
}

impl Token {
    pub(crate) fn is_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

/// What [`token_of`] reads, in its order.
const SELECT: &str = "SELECT tokens.id, tokens.name, tokens.owner, users.name, users.role, \
     tokens.api, tokens.wire, tokens.made_at, tokens.expires_at, tokens.used_at, tokens.used_from \
     FROM tokens JOIN users ON users.id = tokens.owner";

const INSERT: &str = "INSERT INTO tokens (id, name, owner, digest, api, wire, made_at, expires_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

impl Registry {
    /// Makes a token. Its text is nowhere else.
    ///
    /// # Errors
    /// [`RegistryError::UserName`], [`RegistryError::NameTaken`], [`RegistryError::NoUser`]; for
    /// one that is for SQL, whatever keeps secrets from being sealed.
    pub fn new_token(
        &self,
        owner: &UserId,
        name: &str,
        scopes: Scopes,
        expires_at: Option<i64>,
        now: i64,
    ) -> Result<(Token, SecretString), RegistryError> {
        require_name(name)?;
        let id = TokenId(random::uuid()?);
        let text = bearer::new(PREFIX)?;
        let mut secrets = Vec::new();
        if scopes.wire {
            secrets.push((scram::FIELD, scram::verifier(&text)?));
        }
        let owner = self.write("store a token", |transaction| {
            let owner = users::by_id(transaction, owner.as_str())?;
            require_free(transaction, name, now)?;
            let values = (
                id.as_str(),
                name,
                owner.id.as_str(),
                bearer::digest(&text),
                scopes.api,
                scopes.wire,
                now,
                expires_at,
            );
            transaction.execute(INSERT, values)?;
            self.store_secrets(transaction, Owner::token(id.as_str()), &secrets)?;
            Ok(owner)
        })?;
        let token = Token {
            id,
            name: name.to_owned(),
            owner: owner.id,
            owner_name: owner.name,
            role: owner.role,
            scopes,
            made_at: now,
            expires_at,
            used_at: None,
            used_from: None,
        };
        Ok((token, text))
    }

    /// The tokens of a user, or of all, by name. Those that have expired are among them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tokens(&self, owner: Option<&UserId>) -> Result<Vec<Token>, RegistryError> {
        self.read("list the tokens", |transaction| {
            let sql =
                format!("{SELECT} WHERE ?1 IS NULL OR tokens.owner = ?1 ORDER BY tokens.name");
            let mut statement = transaction.prepare(&sql)?;
            statement.query_and_then([owner.map(UserId::as_str)], token_of)?.collect()
        })
    }

    /// Revokes a token, at once. False when it is not there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn revoke_token(&self, id: &TokenId) -> Result<bool, RegistryError> {
        self.write("revoke a token", |transaction| {
            let sql = "DELETE FROM tokens WHERE id = ?1";
            Ok(transaction.execute(sql, [id.as_str()])? == 1)
        })
    }

    /// The token for the API with that text and its owner, and notes that it was used from an
    /// address. `None` for one that has expired, and one that is not for the API.
    ///
    /// # Errors
    /// When the database fails.
    pub fn token(
        &self,
        text: &SecretString,
        from: Option<&str>,
        now: i64,
    ) -> Result<Option<(User, Token)>, RegistryError> {
        let digest = bearer::digest(text);
        let found = self.read("look for a token", |transaction| {
            let mut statement =
                transaction.prepare(&format!("{SELECT} WHERE tokens.digest = ?1"))?;
            let token = statement.query_and_then([&digest], token_of)?.next().transpose()?;
            let token = token.filter(|token| token.scopes.api && !token.is_expired(now));
            let Some(token) = token else { return Ok(None) };
            Ok(Some((users::by_id(transaction, token.owner.as_str())?, token)))
        })?;
        let Some((user, mut token)) = found else { return Ok(None) };
        if token.used_at.is_none_or(|used_at| is_long_ago(used_at, now)) {
            self.note_use(&token.id, from, now)?;
            token.used_at = Some(now);
            token.used_from = from.map(str::to_owned);
        }
        Ok(Some((user, token)))
    }

    /// Notes that a token was used for SQL from an address.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_wire_use(
        &self,
        token: &TokenId,
        from: Option<&str>,
        now: i64,
    ) -> Result<(), RegistryError> {
        self.note_use(token, from, now)
    }

    fn note_use(&self, id: &TokenId, from: Option<&str>, now: i64) -> Result<(), RegistryError> {
        self.write("note that a token was used", |transaction| {
            let sql = "UPDATE tokens SET used_at = ?2, used_from = ?3 WHERE id = ?1";
            transaction.execute(sql, (id.as_str(), now, from))?;
            Ok(())
        })
    }
}

/// The token of that name, if there is one.
pub(crate) fn by_name(
    transaction: &Transaction<'_>,
    name: &str,
) -> Result<Option<Token>, RegistryError> {
    let mut statement = transaction.prepare(&format!("{SELECT} WHERE tokens.name = ?1"))?;
    let mut found = statement.query_and_then([name], token_of)?;
    found.next().transpose()
}

fn token_of(row: &Row<'_>) -> Result<Token, RegistryError> {
    let role: String = row.get(4)?;
    Ok(Token {
        id: TokenId(row.get(0)?),
        name: row.get(1)?,
        owner: UserId::from_database(row.get(2)?),
        owner_name: row.get(3)?,
        role: Role::of(&role)?,
        scopes: Scopes { api: row.get(5)?, wire: row.get(6)? },
        made_at: row.get(7)?,
        expires_at: row.get(8)?,
        used_at: row.get(9)?,
        used_from: row.get(10)?,
    })
}
