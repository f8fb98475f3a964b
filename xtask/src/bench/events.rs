//! `cargo xtask bench events`: how fast events come to a receiver that takes them in batches.
//!
//! A month of many days, accounts and services is imported once; every line is an entry of the
//! ledger, and so an event. Each round sends all of them over HTTP to a process that reads and
//! acknowledges them, and measures the one that sends. So do months of other sizes.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use super::measure::{self, Measurement, Meter};
use super::{ROUNDS, remove};
use crate::python::{self, Outcome};
use crate::{Verdict, workspace};

/// Of each there are so many; of accounts, one size after another, so that it is seen whether
/// memory grows with what is sent.
const DAYS: u32 = 30;
const ACCOUNTS: [u32; 3] = [25, 250, 1_000];
const SERVICES: u32 = 40;

const HEADER: &str = "identity/LineItemId,identity/TimeInterval,bill/PayerAccountId,\
     bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/UsageAccountId,\
     lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,\
     lineItem/UsageAmount,lineItem/CurrencyCode,lineItem/UnblendedCost";

/// Who takes the events; killed when dropped.
struct Receiver(Child);

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Runs the benchmark and prints its table; measuring is the whole verdict.
pub(crate) fn events() -> Verdict {
    let python = match python::provide(&python::TESTS)? {
        Outcome::Ready(python) => python,
        Outcome::Skipped(line) => bail!("{line} (the measuring needs it)"),
    };
    let billhook = workspace::build_release()?;
    let meter = Meter::new(&python)?;
    let scratch = workspace::cache()?.join("bench").join("events");
    println!("events about costs, over HTTP in batches; medians of {ROUNDS} rounds");
    println!("  events    wall s     CPU s  peak MiB   events/s");
    for accounts in ACCOUNTS {
        let rounds = send(&billhook, &meter, &scratch, accounts)?;
        print(accounts, &rounds);
    }
    remove(&scratch)?;
    Ok(true)
}

/// Sends the events of a month with so many accounts, again and again.
fn send(
    billhook: &Path,
    meter: &Meter,
    scratch: &Path,
    accounts: u32,
) -> anyhow::Result<Vec<Measurement>> {
    remove(scratch)?;
    fs::create_dir_all(scratch).with_context(|| format!("could not make {}", scratch.display()))?;
    let bill = scratch.join("bill.csv");
    fs::write(&bill, text(accounts)?)
        .with_context(|| format!("could not write {}", bill.display()))?;
    let home = scratch.join("home");
    let run = |args: &[&str]| -> Command {
        let mut command = Command::new(billhook);
        command.arg("--home").arg(&home).args(args);
        command
    };
    workspace::succeed(run(&["import", "--as", "bench"]).arg(&bill))?;
    let (_receiver, url) = receive(billhook)?;
    let sink = ["--kind", "http", "--url", &url, "--mode", "batched", "--from", "history"];
    workspace::succeed(&mut run(&[&["sinks", "add", "bench"], &sink[..]].concat()))?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(meter.run(&run(&["events", "replay", "bench", "--from", "0"]))?);
    }
    Ok(rounds)
}

/// The bill.
fn text(accounts: u32) -> anyhow::Result<String> {
    let mut text = format!("{HEADER}\n");
    for day in 1..=DAYS {
        let (start, end) = (midnight(day), midnight(day + 1));
        for account in 0..accounts {
            for service in 0..SERVICES {
                writeln!(
                    text,
                    "line-{day}-{account}-{service},{start}/{end},111122223333,\
                     2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,44445555{account:04},Usage,\
                     {start},{end},AmazonBench{service},1,USD,{}.{:010}",
                    account + service,
                    day * 1_000_003 + service
                )?;
            }
        }
    }
    Ok(text)
}

/// Midnight before a day of the month, or of the one after it.
fn midnight(day: u32) -> String {
    if day > DAYS {
        "2026-10-01T00:00:00Z".to_owned()
    } else {
        format!("2026-09-{day:02}T00:00:00Z")
    }
}

/// Starts somebody who takes the events, and says where.
fn receive(billhook: &Path) -> anyhow::Result<(Receiver, String)> {
    let mut command = Command::new(billhook);
    command.arg("bench-receiver").stdout(Stdio::piped());
    let mut receiver = Receiver(command.spawn().context("could not start the receiver")?);
    let out = receiver.0.stdout.take().context("the receiver says nothing")?;
    let mut url = String::new();
    BufReader::new(out).read_line(&mut url).context("the receiver says nothing")?;
    Ok((receiver, url.trim().to_owned()))
}

fn print(accounts: u32, rounds: &[Measurement]) {
    let median = measure::median(&rounds.iter().collect::<Vec<_>>());
    let events = u64::from(DAYS) * u64::from(accounts) * u64::from(SERVICES);
    println!(
        "{events:>8} {:>9} {:>9} {:>9} {:>10}",
        measure::decimal(median.wall_us, 1_000_000),
        measure::decimal(median.cpu_us, 1_000_000),
        median.peak_kib / 1024,
        events.saturating_mul(1_000_000) / median.wall_us.max(1),
    );
}
