//! Where events may be sent: what the address of a receiver may not be, looked at each time that a
//! connection is made.
//!
//! A name is resolved here and not by the client, and what is connected to is what was looked at.
//! So a name that turns into an address of the machine's own cloud later does not help anybody.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

/// A receiver at an address that events are not sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("events are not sent to {host}: {address} is {what}")]
pub(super) struct Forbidden {
    pub(super) host: String,
    pub(super) address: IpAddr,
    pub(super) what: &'static str,
}

/// Resolves names to those of their addresses that events may be sent to.
pub(super) struct Guard {
    /// All addresses may be.
    pub(super) allow_private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            let permitted = permitted(&host, found, allow_private)?;
            let permitted: Addrs = Box::new(permitted.into_iter());
            Ok::<Addrs, Box<dyn Error + Send + Sync>>(permitted)
        })
    }
}

/// Looks at a URL whose host is an address. Names are looked at when they are resolved.
pub(super) fn check(url: &Url, allow_private: bool) -> Result<(), Forbidden> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    match forbidden(address) {
        Some(what) if !allow_private => Err(Forbidden { host: address.to_string(), address, what }),
        _ => Ok(()),
    }
}

/// Those of `found` that may be connected to; an error when there are only others.
fn permitted(
    host: &str,
    found: Vec<SocketAddr>,
    allow_private: bool,
) -> Result<Vec<SocketAddr>, Forbidden> {
    if allow_private {
        return Ok(found);
    }
    let mut kept = Vec::with_capacity(found.len());
    let mut refused = None;
    for address in found {
        match forbidden(address.ip()) {
            None => kept.push(address),
            Some(what) => {
                refused = Some(Forbidden { host: host.to_owned(), address: address.ip(), what });
            }
        }
    }
    match refused {
        Some(refused) if kept.is_empty() => Err(refused),
        _ => Ok(kept),
    }
}

/// What an address is that events are not sent to; none for all others, those of this machine and
/// of private networks among them, as that is where self-hosted receivers are.
fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => forbidden_v4(address),
        IpAddr::V6(address) => forbidden_v6(address),
    }
}

fn forbidden_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [first, ..] = address.octets();
    if address.is_link_local() {
        // Clouds hand out credentials at 169.254.169.254 and 169.254.170.2.
        Some("a link-local address, where clouds keep the credentials of their machines")
    } else if first == 0 {
        Some("an unspecified address")
    } else if address.is_multicast() || address.is_broadcast() {
        Some("an address of many machines")
    } else {
        None
    }
}

fn forbidden_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = embedded(address) {
        return forbidden_v4(inner);
    }
    let [first, second, ..] = address.segments();
    if address.is_unicast_link_local() {
        Some("a link-local address, where clouds keep the credentials of their machines")
    } else if first == 0xfd00 && second == 0x0ec2 {
        // AWS answers at fd00:ec2::254 and fd00:ec2::23.
        Some("an address of AWS's metadata services")
    } else if address.is_unspecified() {
        Some("an unspecified address")
    } else if address.is_multicast() {
        Some("an address of many machines")
    } else {
        None
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped, or through NAT64 (RFC 6052) or 6to4
/// (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(from(high, low))
        }
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_clouds_and_of_nobody_are_forbidden() {
        let no = [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ];
        for text in no {
            assert!(forbidden(text.parse().unwrap()).is_some(), "{text}");
        }
    }

    #[test]
    fn this_machine_and_private_networks_are_not() {
        let yes = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "93.184.216.34",
            "::1",
            "fd12:3456::1",
            "2606:2800:220:1::1",
            "::ffff:127.0.0.1",
        ];
        for text in yes {
            assert_eq!(forbidden(text.parse().unwrap()), None, "{text}");
        }
    }

    /// The ways to write an address that a URL allows are all one to the parser.
    #[test]
    fn urls_with_addresses_are_looked_at_at_once() {
        let no = [
            "http://169.254.169.254/latest/meta-data",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://169.254.43518/",
            "http://[fd00:ec2::254]/",
            "https://[::ffff:169.254.169.254]/",
        ];
        for text in no {
            let url = Url::parse(text).unwrap();
            assert!(check(&url, false).is_err(), "{text}");
            assert_eq!(check(&url, true), Ok(()), "{text}");
        }
        for text in ["http://localhost/", "http://10.0.0.1:8080/x", "http://[::1]:9/"] {
            assert_eq!(check(&Url::parse(text).unwrap(), false), Ok(()), "{text}");
        }
    }

    #[test]
    fn of_many_addresses_the_permitted_ones_are_left() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
        };
        let found = addresses(&["fe80::1", "192.168.1.5"]);
        assert_eq!(permitted("nas", found, false), Ok(addresses(&["192.168.1.5"])));
        let rebound = permitted("evil.example", addresses(&["169.254.169.254"]), false);
        let text = rebound.unwrap_err().to_string();
        assert!(text.starts_with("events are not sent to evil.example: 169.254.169.254 is "));
        let all = addresses(&["169.254.169.254"]);
        assert_eq!(permitted("evil.example", all.clone(), true), Ok(all));
    }

    #[tokio::test]
    async fn names_are_resolved_by_the_guard() {
        let guard = Guard { allow_private: false };
        let found = guard.resolve("localhost".parse().unwrap()).await.unwrap();
        assert!(found.map(|address| address.ip()).all(|address| address.is_loopback()));
    }
}
