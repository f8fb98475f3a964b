//! A server that is under way, for benches and screenshots.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};

/// A server that is under way; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    /// Held, so that what it prints goes somewhere.
    _lines: Lines<BufReader<ChildStdout>>,
    /// `http://127.0.0.1:port`
    pub(crate) url: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Serving {
    /// Starts a command that serves, and waits until it says where.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let shown = format!("{command:?}");
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = started.with_context(|| format!("could not start {shown}"))?;
        let out = child.stdout.take().with_context(|| format!("{shown} says nothing"))?;
        let mut lines = BufReader::new(out).lines();
        let told = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let rest = line.strip_prefix("listening on ")?;
            rest.split(';').next().map(str::to_owned)
        });
        if let Some(address) = told {
            return Ok(Self { child, _lines: lines, url: format!("http://{address}") });
        }
        let status = child.wait().with_context(|| format!("could not wait for {shown}"))?;
        bail!("{shown} ended ({status}) before it served")
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}
