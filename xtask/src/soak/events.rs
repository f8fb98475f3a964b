//! Events under fire: Billhook, or whoever receives its events, is killed at random moments while a
//! month is restated three times. Afterwards the receiver, which tells events apart by their ids
//! alone, must have the table's very figures. The command line tests include this file, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// The month is written once, and restated so often.
const RESTATEMENTS: u32 = 3;

/// Of each of them there are so many.
const DAYS: u32 = 31;
const ACCOUNTS: u64 = 5;
const SERVICES: u64 = 6;

/// Somebody is killed within so many milliseconds.
const WITHIN_MS: u64 = 400;

/// Digits after the decimal point of every amount.
const SCALE: usize = 18;

/// What is summed: the field of an event, the column of the table.
const SUMS: [(&str, &str); 3] = [
    ("billedCost", "BilledCost"),
    ("effectiveCost", "EffectiveCost"),
    ("unblendedCost", "x_UnblendedCost"),
];

const HEADER: &str = "identity/LineItemId,identity/TimeInterval,bill/PayerAccountId,\
     bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/UsageAccountId,\
     lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,\
     lineItem/UsageAmount,lineItem/CurrencyCode,lineItem/UnblendedCost";

/// A soak.
pub(crate) struct Soak {
    /// The program.
    pub(crate) billhook: PathBuf,
    /// A folder that may be made, and holds everything.
    pub(crate) folder: PathBuf,
    /// How often somebody is killed.
    pub(crate) times: u32,
    /// What chance begins with. Costs are told by day when it is even, else by hour.
    pub(crate) seed: u64,
}

/// Chance, the same for the same seed (xorshift64*).
struct Chance(u64);

/// A receiver, which is killed when it is dropped.
struct Receiver {
    child: Child,
    address: String,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Chance {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % below.max(1)
    }

    fn wait(&mut self, within_ms: u64) {
        sleep(Duration::from_millis(self.next(within_ms)));
    }
}

impl Soak {
    /// Runs it, and says in a line what it found.
    ///
    /// # Errors
    /// What does not hold, with the seed.
    pub(crate) fn run(&self) -> anyhow::Result<String> {
        self.kill_and_compare().with_context(|| format!("seed {}", self.seed))
    }

    fn kill_and_compare(&self) -> anyhow::Result<String> {
        let mut chance = Chance::new(self.seed);
        fs::create_dir_all(self.folder.join("bucket")).context("could not make the folder")?;
        self.write_bill(&mut chance)?;
        let mut receiver = self.receive("127.0.0.1:0")?;
        let bucket = self.folder.join("bucket").display().to_string();
        let connect = ["--kind", "cur", "--location", &bucket, "--schedule", "manual"];
        self.succeed(&[&["connect", "soak"], &connect[..]].concat())?;
        let url = format!("{}/events", receiver.address);
        let sink = ["--kind", "http", "--url", &url, "--mode", "structured", "--from", "history"];
        let fine = ["--granularity", self.granularity()];
        self.succeed(&[&["sinks", "add", "soak"], &sink[..], &fine[..]].concat())?;
        let mut restated = 0;
        for kill in 0..self.times {
            let due = kill.saturating_mul(RESTATEMENTS + 1) / self.times.max(1);
            while restated < due {
                self.restate(&mut chance)?;
                restated += 1;
            }
            let mut sync = self.command(&["sync"]).spawn().context("could not start billhook")?;
            chance.wait(WITHIN_MS);
            if chance.next(3) == 0 {
                let address = receiver.address.replace("http://", "");
                drop(receiver);
                chance.wait(WITHIN_MS / 4);
                receiver = self.receive(&address)?;
            } else {
                sync.kill().context("could not kill billhook")?;
            }
            sync.wait().context("could not wait for billhook")?;
        }
        while restated < RESTATEMENTS {
            self.restate(&mut chance)?;
            restated += 1;
        }
        self.succeed(&["sync"])?;
        self.succeed(&["events", "send"])?;
        self.compare()
    }

    fn granularity(&self) -> &'static str {
        if self.seed.is_multiple_of(2) { "daily" } else { "hourly" }
    }

    /// Loads what there is without sending it, then writes the next version of the bill.
    fn restate(&self, chance: &mut Chance) -> anyhow::Result<()> {
        self.succeed(&["sinks", "pause", "soak"])?;
        self.succeed(&["sync"])?;
        self.succeed(&["sinks", "resume", "soak"])?;
        self.write_bill(chance)
    }

    /// Writes a month whose costs are by chance. Some lines are left out, some cost nothing.
    fn write_bill(&self, chance: &mut Chance) -> anyhow::Result<()> {
        let mut text = format!("{HEADER}\n");
        for day in 1..=DAYS {
            for account in 0..ACCOUNTS {
                for service in 0..SERVICES {
                    // Some hours have several lines.
                    let hour = (account * SERVICES + service) % 23;
                    let [start, end] =
                        [hour, hour + 1].map(|hour| format!("2026-08-{day:02}T{hour:02}:00:00Z"));
                    let cost = match chance.next(10) {
                        0 => continue,
                        1 => "0".to_owned(),
                        _ => format!("{}.{:09}", chance.next(90), chance.next(999_999_999)),
                    };
                    writeln!(
                        text,
                        "line-{day}-{account}-{service},{start}/{end},111122223333,\
                         2026-08-01T00:00:00Z,2026-09-01T00:00:00Z,44445555{account:04},Usage,\
                         {start},{end},AmazonSoak{service},1,USD,{cost}"
                    )?;
                }
            }
        }
        // Nobody ever sees half of it.
        let (whole, part) = (self.folder.join("bucket/bill.csv"), self.folder.join("bill.part"));
        fs::write(&part, text).context("could not write the bill")?;
        fs::rename(&part, &whole).context("could not put the bill in its place")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.billhook);
        command.arg("--home").arg(self.folder.join("home")).args(args);
        command.env_remove("BILLHOOK_HOME").env_remove("BILLHOOK_LAKE");
        command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        command
    }

    /// Runs something that must work, and gives what it prints.
    fn succeed(&self, args: &[&str]) -> anyhow::Result<String> {
        let mut command = self.command(args);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
        let output = output.context("could not start billhook")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "billhook {args:?}: {}: {said}", output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    fn receive(&self, address: &str) -> anyhow::Result<Receiver> {
        let events = self.folder.join("events").display().to_string();
        let mut command = self.command(&["bench-receiver", "--listen", address, "--to", &events]);
        let mut child = command.stdout(Stdio::piped()).spawn().context("could not receive")?;
        let out = child.stdout.take().context("the receiver says nothing")?;
        let mut receiver = Receiver { child, address: String::new() };
        BufReader::new(out).read_line(&mut receiver.address)?;
        receiver.address = receiver.address.trim().to_owned();
        ensure!(!receiver.address.is_empty(), "there is no receiver at {address}");
        Ok(receiver)
    }

    /// Is what was received what the table holds?
    fn compare(&self) -> anyhow::Result<String> {
        let text = fs::read_to_string(self.folder.join("events")).context("nothing came")?;
        let mut arrived = 0_usize;
        let mut events: Vec<Value> = Vec::new();
        let mut known: BTreeMap<String, Value> = BTreeMap::new();
        for line in text.lines() {
            let body: Value = serde_json::from_str(line).context("a damaged line")?;
            let batch = if let Value::Array(batch) = body { batch } else { vec![body] };
            for event in batch {
                arrived += 1;
                let id = text_of(&event, "id")?;
                if let Some(before) = known.get(&id) {
                    ensure!(*before == event, "{id} came twice and differs");
                } else {
                    known.insert(id, event.clone());
                    events.push(event);
                }
            }
        }
        in_order(&events)?;
        let told = self.succeed(&["events", "tail", "--granularity", self.granularity()])?;
        let told: anyhow::Result<BTreeSet<String>> =
            told.lines().map(|line| text_of(&serde_json::from_str(line)?, "id")).collect();
        let told = told?;
        let came: BTreeSet<String> = known.into_keys().collect();
        let (missing, odd) = (told.difference(&came).count(), came.difference(&told).count());
        ensure!(missing == 0 && odd == 0, "{missing} events are missing, {odd} came from nowhere");
        self.compare_sums(&events)?;
        Ok(format!(
            "{} {} events, {} of them again after a kill; sums are equal to the last digit",
            events.len(),
            self.granularity(),
            arrived - events.len()
        ))
    }

    /// Do all differences, and the last figures, add up to what the table holds?
    fn compare_sums(&self, events: &[Value]) -> anyhow::Result<()> {
        let columns: Vec<String> =
            SUMS.iter().map(|(_, column)| format!("SUM({column})")).collect();
        let sql = format!("SELECT {} FROM cost_daily", columns.join(", "));
        let table = self.succeed(&["sql", &sql, "--format", "csv"])?;
        let table = table.lines().nth(1).context("the table says nothing")?;
        for ((field, column), expected) in SUMS.iter().zip(table.split(',')) {
            let expected = units(expected)?;
            let mut sum = 0_i128;
            let mut last: BTreeMap<String, i128> = BTreeMap::new();
            for event in events.iter().filter(|event| event["data"][field].is_object()) {
                let figures = &event["data"][field];
                sum += units(&text_of(figures, "difference")?)?;
                last.insert(text_of(event, "subject")?, units(&text_of(figures, "new")?)?);
            }
            ensure!(sum == expected, "{column}: differences add up to {sum}, not {expected}");
            let sum: i128 = last.values().sum();
            ensure!(sum == expected, "{column}: the last figures add up to {sum}, not {expected}");
        }
        Ok(())
    }
}

/// Came the events of each subject in the order of their sequence?
fn in_order(events: &[Value]) -> anyhow::Result<()> {
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for event in events {
        let (subject, sequence) = (text_of(event, "subject")?, text_of(event, "sequence")?);
        if let Some(before) = last.insert(subject.clone(), sequence.clone())
            && before >= sequence
        {
            bail!("{subject}: {sequence} came after {before}");
        }
    }
    Ok(())
}

fn text_of(value: &Value, field: &str) -> anyhow::Result<String> {
    let text = value[field].as_str();
    Ok(text.with_context(|| format!("no text `{field}` in {value}"))?.to_owned())
}

/// A decimal text as a whole number of units of 10⁻¹⁸.
fn units(text: &str) -> anyhow::Result<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    ensure!(fraction.len() <= SCALE, "{text} has more than {SCALE} places");
    let number: i128 =
        format!("{whole}{fraction:0<SCALE$}").parse().with_context(|| format!("{text:?}"))?;
    Ok(sign * number)
}
