//! Users, and what they may do.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Row, Transaction};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};

use crate::name::is_user_name;
use crate::owner::Owner;
use crate::passwords::NewPassword;
use crate::{Registry, RegistryError, random, scram};

/// What is noted of being seen or used is noted again only after this time.
const SELDOM: i64 = 60_000_000;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at everything.
    Viewer,
    /// Change everything.
    Admin,
}

impl Role {
    /// `viewer` or `admin`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        }
    }

    pub(crate) fn of(text: &str) -> Result<Self, RegistryError> {
        text.parse().map_err(|error: RegistryError| RegistryError::damaged("a role", error))
    }
}

impl FromStr for Role {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, RegistryError> {
        let found = [Self::Viewer, Self::Admin].into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| RegistryError::Role { text: text.to_owned() })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a user signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignIn {
    /// With a password.
    Password,
    /// By a proxy that is trusted.
    Proxy,
    /// By a provider of OpenID Connect.
    Oidc,
}

impl SignIn {
    /// `password`, `proxy` or `oidc`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Proxy => "proxy",
            Self::Oidc => "oidc",
        }
    }

    fn of(text: &str) -> Result<Self, RegistryError> {
        let all = [Self::Password, Self::Proxy, Self::Oidc];
        let found = all.into_iter().find(|way| way.as_str() == text);
        found.ok_or_else(|| RegistryError::damaged("how a user signs in", format!("{text:?}")))
    }
}

/// What a user is known by to the database: a random UUID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(String);

impl UserId {
    /// The UUID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_database(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A user. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their name, of which no two are alike but for upper and lower case.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// How they sign in.
    pub sign_in: SignIn,
    /// When they were added.
    pub created_at: i64,
    /// When they were last seen; `None` when they never were.
    pub seen_at: Option<i64>,
    /// When role or password were last changed, or they were added.
    pub changed_at: i64,
}

/// What [`user_of`] reads, in its order.
pub(crate) const COLUMNS: &str = "users.id, users.name, users.role, \
     iif(EXISTS (SELECT 1 FROM identities WHERE identities.user = users.id), \
     'oidc', users.sign_in), \
     users.created_at, users.seen_at, users.changed_at";

const INSERT: &str = "INSERT INTO users \
     (id, name, role, sign_in, created_at, seen_at, changed_at, password) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5, ?7)";

/// What has a name already, if anything has.
const TAKEN: &str = "SELECT 'a user' FROM users WHERE name = ?1 \
     UNION ALL SELECT 'an invitation for' FROM links WHERE name = ?1 AND expires_at > ?2 \
     UNION ALL SELECT 'a token' FROM tokens WHERE name = ?1 LIMIT 1";

impl Registry {
    /// All users, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn users(&self) -> Result<Vec<User>, RegistryError> {
        self.read("list the users", |transaction| {
            let sql = format!("SELECT {COLUMNS} FROM users ORDER BY name");
            let mut statement = transaction.prepare(&sql)?;
            statement.query_and_then([], user_of)?.collect()
        })
    }

    /// The user of that name, in upper or lower case, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn user(&self, name: &str) -> Result<Option<User>, RegistryError> {
        self.read("look for a user", |transaction| by_name(transaction, name))
    }

    /// Adds a user with a password.
    ///
    /// # Errors
    /// [`RegistryError::UserName`], [`RegistryError::NameTaken`], [`RegistryError::PasswordShort`],
    /// [`RegistryError::PasswordLong`], and whatever keeps secrets from being sealed.
    pub fn add_user(
        &self,
        name: &str,
        role: Role,
        password: &SecretString,
        now: i64,
    ) -> Result<User, RegistryError> {
        require_name(name)?;
        let password = NewPassword::of(password)?;
        self.write("add a user", |transaction| {
            require_free(transaction, name, now)?;
            self.insert_user(transaction, name, role, &password, now)
        })
    }

    /// The user that a trusted proxy names, and notes that they were seen. One that is not known is
    /// added with that role; one that is keeps theirs.
    ///
    /// # Errors
    /// [`RegistryError::UserName`]; [`RegistryError::NameTaken`] by a token, an invitation, or a
    /// user by OpenID Connect: people choose their names there.
    pub fn proxy_user(&self, name: &str, role: Role, now: i64) -> Result<User, RegistryError> {
        require_name(name)?;
        // A proxy names the user in every request, and few of them have something to be noted.
        if let Some(user) = self.user(name)?
            && user.seen_at.is_some_and(|seen_at| !is_long_ago(seen_at, now))
        {
            return not_of_provider(user);
        }
        self.write("note that a user was seen", |transaction| {
            let sql = "UPDATE users SET seen_at = ?2 WHERE name = ?1";
            if transaction.execute(sql, (name, now))? == 0 {
                require_free(transaction, name, now)?;
                return insert_without_password(transaction, name, role, now);
            }
            by_name(transaction, name)?.ok_or_else(|| no(name)).and_then(not_of_provider)
        })
    }

    /// Gives a user another role, from their next request on.
    ///
    /// # Errors
    /// [`RegistryError::NoUser`]; [`RegistryError::LastAdmin`] when nobody would be admin then.
    pub fn set_role(&self, id: &UserId, role: Role, now: i64) -> Result<User, RegistryError> {
        self.write("store the role of a user", |transaction| {
            let user = by_id(transaction, id.as_str())?;
            if user.role == role {
                return Ok(user);
            }
            change_role(transaction, user, role, now)
        })
    }

    /// Removes a user with their sessions and tokens. What they saved stays.
    ///
    /// # Errors
    /// [`RegistryError::NoUser`]; [`RegistryError::LastAdmin`] when nobody would be admin then.
    pub fn remove_user(&self, id: &UserId) -> Result<(), RegistryError> {
        self.write("remove a user", |transaction| {
            let user = by_id(transaction, id.as_str())?;
            require_another_admin(transaction, &user)?;
            // The rows of other tables go with it (ON DELETE CASCADE).
            transaction.execute("DELETE FROM users WHERE id = ?1", [id.as_str()])?;
            Ok(())
        })
    }

    /// Adds a user with a password. The caller has made sure that the name is free.
    pub(crate) fn insert_user(
        &self,
        transaction: &Transaction<'_>,
        name: &str,
        role: Role,
        password: &NewPassword,
        now: i64,
    ) -> Result<User, RegistryError> {
        let id = random::uuid()?;
        let way = SignIn::Password.as_str();
        let values =
            (id.as_str(), name, role.as_str(), way, now, None::<i64>, Some(password.hash.as_str()));
        transaction.execute(INSERT, values)?;
        let secrets = [(scram::FIELD, password.verifier.clone())];
        self.store_secrets(transaction, Owner::user(&id), &secrets)?;
        by_id(transaction, &id)
    }
}

/// Adds a user who is seen now and signs in elsewhere. The caller has made sure that the name is
/// free.
pub(crate) fn insert_without_password(
    transaction: &Transaction<'_>,
    name: &str,
    role: Role,
    now: i64,
) -> Result<User, RegistryError> {
    let id = random::uuid()?;
    let way = SignIn::Proxy.as_str();
    let values = (id.as_str(), name, role.as_str(), way, now, Some(now), None::<String>);
    transaction.execute(INSERT, values)?;
    by_id(transaction, &id)
}

/// Stores the role of a user who has another one.
///
/// # Errors
/// [`RegistryError::LastAdmin`] when nobody would be admin then.
pub(crate) fn change_role(
    transaction: &Transaction<'_>,
    user: User,
    role: Role,
    now: i64,
) -> Result<User, RegistryError> {
    require_another_admin(transaction, &user)?;
    let sql = "UPDATE users SET role = ?2, changed_at = ?3 WHERE id = ?1";
    transaction.execute(sql, (user.id.as_str(), role.as_str(), now))?;
    Ok(User { role, changed_at: now, ..user })
}

/// The user of that id.
pub(crate) fn by_id(transaction: &Transaction<'_>, id: &str) -> Result<User, RegistryError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE id = ?1");
    let mut statement = transaction.prepare(&sql)?;
    let mut found = statement.query_and_then([id], user_of)?;
    found.next().unwrap_or_else(|| Err(no(id)))
}

/// The user of that name, if there is one.
pub(crate) fn by_name(
    transaction: &Transaction<'_>,
    name: &str,
) -> Result<Option<User>, RegistryError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE name = ?1");
    let mut statement = transaction.prepare(&sql)?;
    let mut found = statement.query_and_then([name], user_of)?;
    found.next().transpose()
}

/// Reads [`COLUMNS`], which a row begins with.
pub(crate) fn user_of(row: &Row<'_>) -> Result<User, RegistryError> {
    let role: String = row.get(2)?;
    let sign_in: String = row.get(3)?;
    Ok(User {
        id: UserId(row.get(0)?),
        name: row.get(1)?,
        role: Role::of(&role)?,
        sign_in: SignIn::of(&sign_in)?,
        created_at: row.get(4)?,
        seen_at: row.get(5)?,
        changed_at: row.get(6)?,
    })
}

/// An error when no user or token may have that name.
pub(crate) fn require_name(name: &str) -> Result<(), RegistryError> {
    if is_user_name(name) { Ok(()) } else { Err(RegistryError::UserName { name: name.to_owned() }) }
}

/// An error when a user, a token or an open invitation has that name.
pub(crate) fn require_free(
    transaction: &Transaction<'_>,
    name: &str,
    now: i64,
) -> Result<(), RegistryError> {
    let mut statement = transaction.prepare(TAKEN)?;
    let mut found = statement.query_map((name, now), |row| row.get::<_, String>(0))?;
    match found.next().transpose()? {
        Some(what) => Err(RegistryError::NameTaken { what, name: name.to_owned() }),
        None => Ok(()),
    }
}

/// Is a time so long ago that it is noted anew?
pub(crate) fn is_long_ago(noted_at: i64, now: i64) -> bool {
    now.saturating_sub(noted_at) >= SELDOM
}

fn require_another_admin(transaction: &Transaction<'_>, user: &User) -> Result<(), RegistryError> {
    if user.role != Role::Admin {
        return Ok(());
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND id <> ?1)";
    let is_there: bool = transaction.query_row(sql, [user.id.as_str()], |row| row.get(0))?;
    if is_there { Ok(()) } else { Err(RegistryError::LastAdmin { name: user.name.clone() }) }
}

/// An error when a provider of OpenID Connect signs the user in.
fn not_of_provider(user: User) -> Result<User, RegistryError> {
    if user.sign_in == SignIn::Oidc {
        let what = "a user by OpenID Connect".to_owned();
        return Err(RegistryError::NameTaken { what, name: user.name });
    }
    Ok(user)
}

fn no(id: &str) -> RegistryError {
    RegistryError::NoUser { id: id.to_owned() }
}
