//! Addresses of views and queries that are too long for a link. Equal addresses are one: each is
//! found by its own digest.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Row, Transaction};
use sha2::{Digest, Sha256};

use crate::{Registry, RegistryError};

const DAY: i64 = 24 * 3_600_000_000;

/// How long an address is kept after it was last opened.
pub(crate) const ADDRESS_LASTS: i64 = 90 * DAY;

/// The longest address that is kept, bytes.
pub const LONGEST_ADDRESS: usize = 64 * 1_024;

/// Addresses that are kept; of more, those that were opened last.
const MOST: i64 = 2_000;

/// Bytes of the digest that name an address.
const NAMED_BY: usize = 16;

/// An address that is kept. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// What it is found by: 22 letters, digits, `-` and `_`.
    pub hash: String,
    /// Path and query.
    pub address: String,
    /// The name of the user who made it first.
    pub owner: String,
    /// When that was.
    pub made_at: i64,
    /// The day it was last opened, or made.
    pub used_at: i64,
}

impl Registry {
    /// Keeps an address, unless it is kept already; gives what it is found by. `owner` is the name
    /// of a user.
    ///
    /// # Errors
    /// [`RegistryError::AddressLong`]; when the database fails.
    pub fn keep_address(
        &self,
        address: &str,
        owner: &str,
        now: i64,
    ) -> Result<String, RegistryError> {
        if address.len() > LONGEST_ADDRESS {
            let (bytes, most) = (address.len(), LONGEST_ADDRESS);
            return Err(RegistryError::AddressLong { bytes, most });
        }
        let hash = hash_of(address);
        if self.address(&hash, now)?.is_some() {
            return Ok(hash);
        }
        self.write("keep a long address", |transaction| {
            let sql = "INSERT INTO addresses (hash, address, owner, made_at, used_at) \
                       VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (hash) DO NOTHING";
            transaction.execute(sql, (&hash, address, owner, now))?;
            let sql = "DELETE FROM addresses WHERE hash NOT IN \
                       (SELECT hash FROM addresses ORDER BY used_at DESC, hash = ?1 DESC LIMIT ?2)";
            transaction.execute(sql, (&hash, MOST))?;
            Ok(())
        })?;
        Ok(hash)
    }

    /// The address that is found by that, if it is kept; notes the day on which it was opened.
    ///
    /// # Errors
    /// When the database fails.
    pub fn address(&self, hash: &str, now: i64) -> Result<Option<Address>, RegistryError> {
        let found = self.read("look for a long address", |transaction| by_hash(transaction, hash));
        let Some(mut address) = found? else { return Ok(None) };
        if now.saturating_sub(address.used_at) >= DAY {
            self.write("note that a long address was opened", |transaction| {
                let sql = "UPDATE addresses SET used_at = ?2 WHERE hash = ?1";
                transaction.execute(sql, (hash, now))?;
                Ok(())
            })?;
            address.used_at = now;
        }
        Ok(Some(address))
    }
}

/// What an address is found by.
fn hash_of(address: &str) -> String {
    let digest = Sha256::digest(address.as_bytes());
    URL_SAFE_NO_PAD.encode(&digest[..NAMED_BY])
}

fn by_hash(transaction: &Transaction<'_>, hash: &str) -> Result<Option<Address>, RegistryError> {
    let sql = "SELECT hash, address, owner, made_at, used_at FROM addresses WHERE hash = ?1";
    let mut statement = transaction.prepare(sql)?;
    let mut found = statement.query_and_then([hash], address_of)?;
    found.next().transpose()
}

fn address_of(row: &Row<'_>) -> Result<Address, RegistryError> {
    Ok(Address {
        hash: row.get(0)?,
        address: row.get(1)?,
        owner: row.get(2)?,
        made_at: row.get(3)?,
        used_at: row.get(4)?,
    })
}
