//! The AWS emulator, as a process of its own.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Serves moto on a free port, says which, and stays until nobody listens any more.
const SERVER: &str = "
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
";

/// A running `moto_server`. It stops when dropped.
#[derive(Debug)]
pub struct Emulator {
    child: Child,
    /// `http://127.0.0.1:port`, for all services.
    pub endpoint: String,
}

impl Emulator {
    /// Starts one with a Python that has `moto[server]`. Everything in it belongs to `account`.
    ///
    /// # Errors
    /// When it cannot be started, or says nothing.
    pub fn start(python: &Path, account: &str) -> io::Result<Self> {
        let mut command = Command::new(python);
        command.args(["-c", SERVER]).env("MOTO_ACCOUNT_ID", account);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut emulator = Self { child: command.spawn()?, endpoint: String::new() };
        let out = emulator.child.stdout.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut port = String::new();
        BufReader::new(out).read_line(&mut port)?;
        if port.trim().is_empty() {
            return Err(io::Error::other("the emulator does not start"));
        }
        emulator.endpoint = format!("http://127.0.0.1:{}", port.trim());
        Ok(emulator)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Nothing is left to do for one that has ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
