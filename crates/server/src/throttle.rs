//! Slows down who guesses passwords: by the name that is tried and by the address that tries.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Names and addresses that are remembered.
const KEPT: usize = 8_192;

/// What was tried is forgotten after so long without another try; microseconds.
const FORGOTTEN: i64 = 3_600_000_000;

const SECOND: i64 = 1_000_000;

/// Wrong tries of a name before the first wait, and the longest wait. It is short because anybody
/// can have others wait who know the name; with 12 characters a try a minute finds nothing.
const NAME: (u32, i64) = (5, 60 * SECOND);

/// The same for an address, which many people may share.
const ADDRESS: (u32, i64) = (20, 900 * SECOND);

/// Who tried to sign in, and how often in vain.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    known: Mutex<HashMap<Key, Tries>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Name(String),
    Address(IpAddr),
}

impl Key {
    fn of(name: &str, address: IpAddr) -> [Self; 2] {
        // No name is longer; what is longer is guessed at as one.
        let name = name.chars().take(64).flat_map(char::to_lowercase).collect();
        [Self::Name(name), Self::Address(network(address))]
    }

    fn limits(&self) -> (u32, i64) {
        match self {
            Self::Name(_) => NAME,
            Self::Address(_) => ADDRESS,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    count: u32,
    last: i64,
    /// No other try before.
    until: i64,
}

impl Throttle {
    /// Notes that somebody tries. A try counts as a wrong one until [`Self::right`] is said, so
    /// many at once are no way round.
    ///
    /// # Errors
    /// When the next try is possible, microseconds since 1970 UTC.
    pub(crate) fn begin(&self, name: &str, address: IpAddr, now: i64) -> Result<(), i64> {
        let mut known = self.lock();
        let keys = Key::of(name, address);
        let waits = keys.iter().filter_map(|key| known.get(key)).map(|tries| tries.until);
        if let Some(until) = waits.max()
            && until > now
        {
            return Err(until);
        }
        make_room(&mut known, now);
        for key in keys {
            let (free, longest) = key.limits();
            let tries = known.entry(key).or_insert(Tries { count: 0, last: now, until: now });
            if now.saturating_sub(tries.last) > FORGOTTEN {
                tries.count = 0;
            }
            tries.count = tries.count.saturating_add(1);
            tries.last = now;
            tries.until = now.saturating_add(wait(tries.count, free, longest));
        }
        Ok(())
    }

    /// The try was right: the name begins anew, and the address has one less.
    pub(crate) fn right(&self, name: &str, address: IpAddr) {
        let mut known = self.lock();
        let [name, address] = Key::of(name, address);
        known.remove(&name);
        if let Some(tries) = known.get_mut(&address) {
            tries.count = tries.count.saturating_sub(1);
            tries.until = tries.last;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Tries>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One second after the last free try, and twice as long after each other one.
fn wait(count: u32, free: u32, longest: i64) -> i64 {
    match count.checked_sub(free) {
        None => 0,
        Some(over) => SECOND.saturating_mul(1 << over.min(20)).min(longest),
    }
}

/// Whoever has an address of IPv6 has a whole network of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Forgets what is long ago; if that is not enough, the tries that are the longest ago.
fn make_room(known: &mut HashMap<Key, Tries>, now: i64) {
    if known.len() + 2 <= KEPT {
        return;
    }
    known.retain(|_, tries| now.saturating_sub(tries.last) <= FORGOTTEN);
    if known.len() + 2 > KEPT {
        let mut times: Vec<i64> = known.values().map(|tries| tries.last).collect();
        times.sort_unstable();
        let Some(middle) = times.get(times.len() / 2).copied() else { return };
        known.retain(|_, tries| tries.last > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    #[test]
    fn waits_grow_and_end() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            assert_eq!(throttle.begin("maria", HERE, 0), Ok(()));
        }
        assert_eq!(throttle.begin("maria", HERE, 0), Err(SECOND));
        // Upper and lower case are the same name; another name may still be tried.
        assert_eq!(throttle.begin("MARIA", HERE, 0), Err(SECOND));
        assert_eq!(throttle.begin("tom", HERE, 0), Ok(()));
        assert_eq!(throttle.begin("maria", HERE, SECOND), Ok(()));
        assert_eq!(throttle.begin("maria", HERE, SECOND), Err(3 * SECOND));
        assert_eq!(throttle.begin("maria", HERE, 2 * FORGOTTEN), Ok(()));
        assert_eq!(throttle.begin("maria", HERE, 2 * FORGOTTEN), Ok(()));
    }

    #[test]
    fn the_right_password_begins_anew() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            assert_eq!(throttle.begin("maria", HERE, 0), Ok(()));
            throttle.right("maria", HERE);
        }
    }

    #[test]
    fn an_address_that_tries_many_names_waits() {
        let throttle = Throttle::default();
        for at in 0..20 {
            assert_eq!(throttle.begin(&format!("user{at}"), HERE, 0), Ok(()));
        }
        assert_eq!(throttle.begin("another", HERE, 0), Err(SECOND));
        let elsewhere = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        assert_eq!(throttle.begin("another", elsewhere, 0), Ok(()));
    }

    #[test]
    fn no_wait_is_longer_than_the_longest() {
        assert_eq!(wait(4, 5, 60 * SECOND), 0);
        assert_eq!(wait(u32::MAX, 5, 60 * SECOND), 60 * SECOND);
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let throttle = Throttle::default();
        for at in 0..20_000_u32 {
            let address = IpAddr::V4(std::net::Ipv4Addr::from(at));
            let name = format!("user{at}");
            assert_eq!(throttle.begin(&name, address, i64::from(at)), Ok(()));
        }
        assert!(throttle.lock().len() <= KEPT);
    }
}
