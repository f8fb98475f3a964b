//! Leases: who may do something for now. They keep processes, also on several machines that share
//! the database, from doing it twice, and end by themselves when their holder dies.

use std::time::Duration;

use rusqlite::Transaction;

use crate::runs::close_left_open;
use crate::{ConnectionId, Registry, RegistryError, random};

/// A lease that was taken. Whoever has this value holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is about.
    pub name: String,
    /// Who holds it, for people.
    pub holder: String,
    /// When it ends unless renewed (microseconds since 1970 UTC).
    pub until: i64,
    /// Another one each time that a lease is taken, so that one process holds it only once too.
    token: String,
}

/// The answer to who wants a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// It is the caller's now.
    Taken(Lease),
    /// Somebody else holds it.
    Held {
        /// Who.
        holder: String,
        /// Until when, unless renewed (microseconds since 1970 UTC).
        until: i64,
    },
}

/// Takes a lease that is free or has ended, and leaves any other as it is. Either way the row says
/// afterwards who holds it.
const TAKE: &str = "INSERT INTO leases (name, holder, token, until) VALUES (?1, ?2, ?3, ?4) \
     ON CONFLICT (name) DO UPDATE SET \
     holder = CASE WHEN leases.until <= ?5 THEN excluded.holder ELSE leases.holder END, \
     token = CASE WHEN leases.until <= ?5 THEN excluded.token ELSE leases.token END, \
     until = CASE WHEN leases.until <= ?5 THEN excluded.until ELSE leases.until END \
     RETURNING holder, token, until";

impl Registry {
    /// Takes a lease for `ttl`, unless somebody holds it. `holder` says who wants it; see
    /// [`new_holder`]. Who holds a lease already does not get it twice.
    ///
    /// # Errors
    /// When the database fails.
    pub fn try_lease(
        &self,
        name: &str,
        holder: &str,
        now: i64,
        ttl: Duration,
    ) -> Result<LeaseOutcome, RegistryError> {
        let wanted = wanted(name.to_owned(), holder, end(now, ttl))?;
        self.write("take a lease", |transaction| take(transaction, wanted, now))
    }

    /// Takes the lease over a connection, as [`Registry::try_lease`]. Once it is taken, runs that
    /// are still noted as under way are those of a killed process, and are noted as stopped.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lease_connection(
        &self,
        connection: &ConnectionId,
        holder: &str,
        now: i64,
        ttl: Duration,
    ) -> Result<LeaseOutcome, RegistryError> {
        let wanted = wanted(name_of(connection), holder, end(now, ttl))?;
        self.write("take the lease over a connection", |transaction| {
            let outcome = take(transaction, wanted, now)?;
            if matches!(outcome, LeaseOutcome::Taken(_)) {
                close_left_open(transaction, connection, now)?;
            }
            Ok(outcome)
        })
    }

    /// Holds a lease for another `ttl` from now. `None` when it was lost: it had ended and somebody
    /// else took it, or its connection was removed. Whoever loses a lease must stop.
    ///
    /// # Errors
    /// When the database fails.
    pub fn renew(
        &self,
        lease: &Lease,
        now: i64,
        ttl: Duration,
    ) -> Result<Option<Lease>, RegistryError> {
        let until = end(now, ttl);
        self.write("renew a lease", |transaction| {
            let sql = "UPDATE leases SET until = ?3 WHERE name = ?1 AND token = ?2";
            let renewed = transaction.execute(sql, (&lease.name, &lease.token, until))?;
            Ok((renewed == 1).then(|| Lease { until, ..lease.clone() }))
        })
    }

    /// Gives a lease back. False when it was lost before.
    ///
    /// # Errors
    /// When the database fails.
    pub fn release(&self, lease: &Lease) -> Result<bool, RegistryError> {
        self.write("release a lease", |transaction| {
            let sql = "DELETE FROM leases WHERE name = ?1 AND token = ?2";
            Ok(transaction.execute(sql, [&lease.name, &lease.token])? == 1)
        })
    }

    /// Ends the lease that `holder`, as [`LeaseOutcome::Held`] names it, has over a connection: for
    /// who knows that its process is dead, so that nobody has to wait until the lease ends by
    /// itself. False when it is not the holder's any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn break_lease(
        &self,
        connection: &ConnectionId,
        holder: &str,
    ) -> Result<bool, RegistryError> {
        self.break_lease_named(&name_of(connection), holder)
    }

    /// As [`Registry::break_lease`], for the lease of a name, such as `sink/NAME`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn break_lease_named(&self, name: &str, holder: &str) -> Result<bool, RegistryError> {
        self.write("end the lease of a dead process", |transaction| {
            // A holder has a random part, so this never ends the lease of a later process.
            let sql = "DELETE FROM leases WHERE name = ?1 AND holder = ?2";
            Ok(transaction.execute(sql, [name, holder])? == 1)
        })
    }
}

/// Who wants a lease: the host, this process, and a random part, for people who look who it is.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn new_holder(host: &str) -> Result<String, RegistryError> {
    let random = hex::encode(random::bytes::<4>()?);
    Ok(format!("{host}/{}/{random}", std::process::id()))
}

/// Name of the lease over a connection.
pub(crate) fn name_of(connection: &ConnectionId) -> String {
    format!("connection/{connection}")
}

fn take(
    transaction: &Transaction<'_>,
    wanted: Lease,
    now: i64,
) -> Result<LeaseOutcome, RegistryError> {
    let values = (&wanted.name, &wanted.holder, &wanted.token, wanted.until, now);
    // `query_one` runs the statement to its end, which `query_row` does not.
    let (holder, token, until): (String, String, i64) =
        transaction.query_one(TAKE, values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if token == wanted.token {
        Ok(LeaseOutcome::Taken(wanted))
    } else {
        Ok(LeaseOutcome::Held { holder, until })
    }
}

/// A lease as it will be if it can be taken.
fn wanted(name: String, holder: &str, until: i64) -> Result<Lease, RegistryError> {
    Ok(Lease { name, holder: holder.to_owned(), until, token: random::uuid()? })
}

fn end(now: i64, ttl: Duration) -> i64 {
    now.saturating_add(i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX))
}
