//! `billhook ready`: asks the server of the configuration whether it is ready.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use billhook_engine::EngineError;

use crate::context::{Context, say};

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a server that is ready answers with.
const READY: &[u8] = b"HTTP/1.1 200";

pub(crate) fn run(context: &Context) -> anyhow::Result<u8> {
    let address = reached(context.config.settings.listen);
    if address.port() == 0 {
        let text = "port 0 is any free port: set `listen` to the address of the server";
        return Err(EngineError::Usage(text.to_owned()).into());
    }
    match ask(address) {
        Ok(true) => Ok(0),
        Ok(false) => {
            say(&format!("the server at {address} is not ready"));
            Ok(1)
        }
        Err(error) => {
            say(&format!("no server answers at {address}: {error}"));
            Ok(1)
        }
    }
}

/// The address by which this machine reaches a server that listens on `address`.
fn reached(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn ask(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; READY.len()];
    stream.read_exact(&mut status)?;
    Ok(status == READY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reached_here() {
        let reached = |text: &str| reached(text.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(reached("[::]:80"), "[::1]:80");
        assert_eq!(reached("10.0.0.7:80"), "10.0.0.7:80");
    }
}
