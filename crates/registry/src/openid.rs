//! Users whom a provider of OpenID Connect signs in. They are known by what it calls them for ever
//! (issuer and subject), never by a name that somebody may choose.

use rusqlite::{OptionalExtension as _, Transaction};

use crate::users::{by_id, change_role, insert_without_password, require_free, require_name};
use crate::{Registry, RegistryError, Role, User};

/// Somebody whom a provider of OpenID Connect has signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenIdPerson<'a> {
    /// The provider, as it writes itself.
    pub issuer: &'a str,
    /// What it calls them for ever.
    pub subject: &'a str,
    /// Their name here, if they come for the first time.
    pub name: &'a str,
    /// Their role.
    pub role: Role,
    /// Is the role that of everybody, each time they come? Else it is that of who is new.
    pub is_role_told: bool,
}

/// The user that a provider's person is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIdUser {
    /// The user, as they are now.
    pub user: User,
    /// Do they come for the first time?
    pub is_new: bool,
    /// The role that they had, when it has just been changed.
    pub role_before: Option<Role>,
}

impl Registry {
    /// The user whom a provider has signed in, and notes that they were seen. One that is not known
    /// is added; a user of the same name who is known otherwise stays who they are.
    ///
    /// # Errors
    /// Of who is new: [`RegistryError::UserName`], [`RegistryError::NameTaken`]. When the role is
    /// told: [`RegistryError::LastAdmin`] when nobody would be admin then.
    pub fn openid_user(
        &self,
        person: &OpenIdPerson<'_>,
        now: i64,
    ) -> Result<OpenIdUser, RegistryError> {
        self.write("store who signed in", |transaction| {
            let Some(id) = known(transaction, person)? else {
                return add(transaction, person, now);
            };
            let sql = "UPDATE users SET seen_at = ?2 WHERE id = ?1";
            transaction.execute(sql, (&id, now))?;
            let user = by_id(transaction, &id)?;
            if !person.is_role_told || user.role == person.role {
                return Ok(OpenIdUser { user, is_new: false, role_before: None });
            }
            let role_before = Some(user.role);
            let user = change_role(transaction, user, person.role, now)?;
            Ok(OpenIdUser { user, is_new: false, role_before })
        })
    }
}

/// The id of the user who is known by issuer and subject.
fn known(
    transaction: &Transaction<'_>,
    person: &OpenIdPerson<'_>,
) -> Result<Option<String>, RegistryError> {
    let sql = "SELECT user FROM identities WHERE issuer = ?1 AND subject = ?2";
    let found = transaction.query_row(sql, (person.issuer, person.subject), |row| row.get(0));
    Ok(found.optional()?)
}

fn add(
    transaction: &Transaction<'_>,
    person: &OpenIdPerson<'_>,
    now: i64,
) -> Result<OpenIdUser, RegistryError> {
    require_name(person.name)?;
    require_free(transaction, person.name, now)?;
    let user = insert_without_password(transaction, person.name, person.role, now)?;
    let sql = "INSERT INTO identities (issuer, subject, user) VALUES (?1, ?2, ?3)";
    transaction.execute(sql, (person.issuer, person.subject, user.id.as_str()))?;
    let user = by_id(transaction, user.id.as_str())?;
    Ok(OpenIdUser { user, is_new: true, role_before: None })
}
