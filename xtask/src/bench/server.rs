//! `cargo xtask bench server`: how fast and how light the pages are.
//!
//! The synthetic organisation, with so many times its resources that its bills have 10 million
//! lines in four months, is loaded once a month and kept in the cache. `server.py` then asks a
//! server of the release build for every page: once cold, 20 times warm, with 200 clients at once,
//! and once after a delivery. A page is asked to take at most 150 ms (the first time that anybody
//! asks, 95 of 100 later ones, and the first after a delivery) and, with style sheet and script,
//! 150 kB.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::remove;
use crate::python::{self, Outcome};
use crate::serving::Serving;
use crate::{Verdict, workspace};

/// Lines that the lake has to have.
const LINES: u64 = 10_000_000;

/// What `cargo xtask bench server` can be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerOptions {
    /// So many times the resources of the demonstration.
    times: u32,
    /// Load the lake anew though it is in the cache.
    fresh: bool,
}

impl ServerOptions {
    /// Reads the arguments after `bench server`.
    pub(crate) fn parse(args: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self { times: 40, fresh: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "--fresh" => options.fresh = true,
                "--times" => {
                    let value = args.next().with_context(|| format!("{arg} needs a number"))?;
                    let wrong = || format!("{arg}: `{value}` is no number");
                    options.times = value.parse().with_context(wrong)?;
                    ensure!(options.times > 0, "--times must be at least 1");
                }
                other => bail!("unknown argument `{other}`"),
            }
        }
        Ok(options)
    }
}

/// Runs the benchmark and prints its table; false when a page takes too long or is too large.
pub(crate) fn server(options: &ServerOptions) -> Verdict {
    let python = match python::provide(&python::TESTS)? {
        Outcome::Ready(python) => python,
        Outcome::Skipped(line) => bail!("{line} (the measuring needs it)"),
    };
    let billhook = workspace::build_release()?;
    let home = home(options, &billhook)?;
    let lines = ask(&billhook, &home, "SELECT COUNT(*) FROM cost_and_usage")?;
    println!("{lines} lines in the lake");
    if lines < LINES {
        println!("fewer than {LINES}: give --times more than {}", options.times);
    }
    let mut serve = Command::new(&billhook);
    serve.arg("--home").arg(&home).env("BILLHOOK_LOG_LEVEL", "warn");
    serve.args(["serve", "--listen", "127.0.0.1:0", "--no-sign-in"]);
    let serving = Serving::start(&mut serve)?;
    let mut measure = Command::new(python);
    measure.arg("-B").arg(workspace::root()?.join("xtask/src/bench/server.py"));
    measure.arg(&serving.url).arg(serving.process().to_string());
    measure.arg(&billhook).arg(&home).arg(home.with_file_name("news"));
    let status = measure.status().context("could not start the measuring")?;
    Ok(status.success() && lines >= LINES)
}

/// The home with the organisation's bills up to today, loaded when it is not in the cache.
fn home(options: &ServerOptions, billhook: &Path) -> anyhow::Result<PathBuf> {
    let today = today()?;
    let month = today.get(..7).context("the day has no month")?;
    let name = format!("server-{month}-{}", options.times);
    let folder = workspace::cache()?.join("bench").join(name);
    let (home, complete) = (folder.join("home"), folder.join("complete"));
    if complete.is_file() && !options.fresh {
        return Ok(home);
    }
    remove(&folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    let buckets = folder.join("buckets");
    // The second round is what AWS delivers again, changed.
    let rounds: [&[&str]; 2] = [&[], &["--restated"]];
    for round in rounds {
        eprintln!("writing the organisation's bills, {} times as large", options.times);
        let mut write = Command::new(billhook);
        write.arg("bench-data").arg("--to").arg(&buckets).args(["--today", &today]);
        write.args(["--times", &options.times.to_string()]).args(round);
        workspace::succeed(&mut write)?;
        let mut import = Command::new(billhook);
        import.arg("--home").arg(&home).arg("import");
        import.arg(buckets.join("acme-billing")).arg(buckets.join("globex-billing"));
        workspace::succeed(&mut import)?;
    }
    remove(&buckets)?;
    fs::write(&complete, "").with_context(|| format!("could not write {}", complete.display()))?;
    Ok(home)
}

/// The day (UTC), `YYYY-MM-DD`.
fn today() -> anyhow::Result<String> {
    let output = Command::new("date").args(["-u", "+%F"]).output().context("could not run date")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The one number that a query answers with.
fn ask(billhook: &Path, home: &Path, sql: &str) -> anyhow::Result<u64> {
    let mut command = Command::new(billhook);
    command.arg("--home").arg(home).args(["sql", sql, "--format", "csv"]);
    let output = command.output().context("could not ask for the figures")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    last.parse().with_context(|| format!("no figure: {text}"))
}

#[cfg(test)]
mod tests {
    use super::ServerOptions;

    #[test]
    fn arguments_are_read() {
        let options = ServerOptions::parse(&["--times", "2", "--fresh"]).unwrap();
        assert_eq!(options, ServerOptions { times: 2, fresh: true });
        for args in [&["--times"][..], &["--times", "0"], &["--times", "x"], &["--fast"]] {
            assert!(ServerOptions::parse(args).is_err(), "{args:?}");
        }
    }
}
