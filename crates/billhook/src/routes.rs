//! `billhook routes`, hidden: every way into the server, for tests.

use std::io::Write as _;

pub(crate) fn run() -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    for (method, path, need) in billhook_server::route_list() {
        writeln!(out, "{method} {path} {need}")?;
    }
    Ok(0)
}
