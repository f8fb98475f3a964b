//! Keeping up to date: what is due is run, a broken connection does not keep the others from it,
//! a killed process is taken over from (INV-IDEM), and what is wrong is said where connections are
//! listed.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Instant;

use billhook_testkit::calendar::Month;
use billhook_testkit::cloud::World;
use billhook_testkit::render::cur::{Compression, Layout};
use serde_json::Value;

use crate::connections::{Aws, BY_ROLE};
use crate::support::{Home, Ran, deliver, report};

/// A command that is under way, and what it has said so far.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    said: Vec<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Running {
    fn start(home: &Home, args: &[&str]) -> Self {
        let mut command = home.command();
        let mut child = command.args(args).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a line with `part` in it.
    fn until(&mut self, part: &str) -> String {
        loop {
            let line = self.lines.next();
            assert!(line.is_some(), "{part:?} is never said: {:#?}", self.said);
            let line = line.unwrap().unwrap();
            self.said.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Asks it to end, and gives its exit code.
    fn end(mut self) -> Option<i32> {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

/// Writes a report of some months.
fn reports(folder: &Path, months: &[u32]) {
    let definition = report(Layout::CreateNew, Compression::Gzip);
    for month in months {
        deliver(folder, &definition, Month::new(2026, *month), "20261007T031500Z");
    }
}

/// Connects a folder, to be looked at every hour.
fn connect(home: &Home, name: &str, folder: &Path) -> Ran {
    let place = folder.to_str().unwrap();
    let start = ["connect", name, "--kind", "cur", "--location", place];
    home.run(&[&start[..], &["--schedule", "every 1h"]].concat())
}

/// The list of connections for machines.
fn list(home: &Home) -> Value {
    let ran = home.run(&["connections", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

/// Whether the dead can be told from the living here.
fn knows_the_dead() -> bool {
    let knows = Path::new("/proc/self/stat").exists() && Path::new("/etc/hostname").exists();
    if !knows {
        eprintln!("SKIPPED: this machine has no /proc or no name");
    }
    knows
}

#[test]
fn a_watch_runs_what_is_due_and_goes_on_past_what_is_broken() {
    let home = Home::new();
    for name in ["gone", "archive", "later"] {
        reports(&home.path(name), &[8]);
    }
    assert_eq!(connect(&home, "a-broken-one", &home.path("gone")).code, 0);
    assert_eq!(connect(&home, "archive", &home.path("archive")).code, 0);
    fs::remove_dir_all(home.path("gone")).unwrap();
    let mut watch = Running::start(&home, &["sync", "--watch"]);
    watch.until("watching 2 connections; next now");
    watch.until("a-broken-one: failed; broken; next in");
    watch.until("archive: loaded 2026-08; healthy; next in ");
    // What is added meanwhile counts, and nobody is kept from working in between.
    assert_eq!(connect(&home, "later", &home.path("later")).code, 0);
    watch.until("later: loaded 2026-08; healthy");
    let ran = home.run(&["sync", "archive"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("unchanged"), "{}", ran.err);
    assert_eq!(watch.end(), Some(0));
    // Nothing is due again so soon.
    let mut watch = Running::start(&home, &["sync", "--watch", "archive"]);
    watch.until("watching 1 connection; next in");
    assert_eq!(watch.end(), Some(0));
    let ran = home.run(&["connections", "history", "archive", "--json"]);
    let history: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(history["runs"].as_array().unwrap().len(), 2, "{}", ran.out);
    assert_eq!(history["health"][0]["health"], "healthy", "{}", ran.out);
    let ran = home.run(&["connections"]);
    assert!(ran.out.contains("(location)"), "{}", ran.out);
    assert!(ran.out.lines().take(4).all(|line| line.chars().count() <= 80), "{}", ran.out);
}

#[test]
fn inv_idem_a_killed_sync_is_taken_over_and_ends_in_the_same_tables() {
    if !knows_the_dead() {
        return;
    }
    let whole = Home::new();
    reports(&whole.path("bucket"), &[8, 9]);
    assert_eq!(connect(&whole, "archive", &whole.path("bucket")).code, 0);
    let begun = Instant::now();
    assert_eq!(whole.run(&["sync"]).code, 0);
    let usual = begun.elapsed();
    let expected = whole.digest();
    let seed = std::process::id();
    eprintln!("seed {seed}, a run takes {usual:?}");
    for attempt in 0..6_u32 {
        let home = Home::new();
        assert_eq!(connect(&home, "archive", &whole.path("bucket")).code, 0);
        let mut watch = Running::start(&home, &["sync", "--watch", "--verbose"]);
        watch.until("archive: begins");
        // Moments spread over a whole run, shifted by the seed; the first one at once.
        let share = if attempt == 0 { 0 } else { (attempt * 167 + seed * 37) % 1000 };
        std::thread::sleep(usual * share / 1000);
        watch.child.kill().unwrap();
        watch.child.wait().unwrap();
        // Its lease would have lasted for minutes.
        let ran = home.run(&["sync"]);
        assert_eq!(ran.code, 0, "seed {seed}, attempt {attempt}: {}", ran.err);
        assert!(!ran.err.contains("at work"), "seed {seed}, attempt {attempt}: {}", ran.err);
        assert_eq!(home.digest(), expected, "seed {seed}, attempt {attempt}");
        assert_eq!(list(&home)[0]["health"], "healthy");
    }
}

#[test]
fn of_two_at_once_the_second_says_who_is_at_work() {
    let home = Home::new();
    reports(&home.path("bucket"), &[8]);
    assert_eq!(connect(&home, "archive", &home.path("bucket")).code, 0);
    let path = home.path("home/writer.lock");
    let lock = File::options().create(true).append(true).open(path).unwrap();
    lock.lock().unwrap();
    let mut first = Running::start(&home, &["sync", "--verbose"]);
    first.until("archive: begins");
    first.until("waiting for");
    let second = home.run(&["sync"]);
    assert_eq!(second.code, 0, "{}", second.err);
    let process = format!("/{}/", first.child.id());
    assert!(second.err.contains(&process), "{}", second.err);
    assert!(second.err.contains("is at work on it since"), "{}", second.err);
    drop(lock);
    first.until("loaded");
    assert_eq!(first.child.wait().unwrap().code(), Some(0));
    // Whoever waits can be told to stop.
    let lock = File::options().append(true).open(home.path("home/writer.lock")).unwrap();
    lock.lock().unwrap();
    let mut waiting = Running::start(&home, &["sync", "--verbose"]);
    waiting.until("waiting for");
    assert_eq!(waiting.end(), Some(3));
    assert_eq!(list(&home)[0]["last_run"]["outcome"], "stopped");
    assert_eq!(list(&home)[0]["health"], "healthy");
}

#[test]
fn schedules_months_and_lists() {
    let home = Home::new();
    reports(&home.path("bucket"), &[8, 9]);
    assert_eq!(connect(&home, "archive", &home.path("bucket")).code, 0);
    let ran = home.run(&["sync", "--period", "2026-08"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(home.ask("SELECT COUNT(*) FROM deliveries"), "1");
    // A single month is no whole run, and says nothing of the health.
    assert_eq!(list(&home)[0]["health"], "new");
    let ran = home.run(&["sync", "--period", "2026-07"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("no delivery of 2026-07"), "{}", ran.err);
    assert_eq!(home.run(&["sync", "--period", "2026-13"]).code, 2);
    assert_eq!(home.run(&["sync", "--period", "2026-08", "--watch"]).code, 2);
    fs::remove_dir_all(home.path("home/lake")).unwrap();
    let ran = home.run(&["sync"]);
    let (newer, older) = (ran.err.find("archive 2026-09"), ran.err.find("archive 2026-08"));
    assert!(newer.unwrap() < older.unwrap(), "{}", ran.err);
    let unknown = ["connections", "schedule", "archive", "daily 06:00 Europe/Berln"];
    let ran = home.run(&unknown);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("Europe/Berlin"), "{}", ran.err);
    let place = home.path("bucket");
    let place = ["--kind", "cur", "--location", place.to_str().unwrap()];
    let rest = ["--schedule", "daily 06:00 Nowhere"];
    assert_eq!(home.run(&[&["connect", "other"][..], &place, &rest].concat()).code, 2);
    let daily = ["connections", "schedule", "archive", "daily 06:00 Europe/Berlin"];
    assert_eq!(home.run(&daily).code, 0);
    let listed = list(&home);
    let one = &listed[0];
    assert_eq!(one["schedule"], "daily 06:00 Europe/Berlin");
    assert_eq!(one["health"], "healthy");
    assert_eq!(one["payer"].as_str().unwrap().len(), 12, "{one}");
    assert!(one["costs_through"].as_str().unwrap().starts_with("2026-09"), "{one}");
    assert!(one["next_run"].is_string() && one["loaded_at"].is_string(), "{one}");
    assert_eq!(home.run(&["connections", "schedule", "archive", "manual"]).code, 0);
    assert!(list(&home)[0]["next_run"].is_null());
}

#[test]
fn a_look_at_a_bucket_where_nothing_is_new_is_its_listing() {
    let Some(aws) = Aws::start() else { return };
    let connect = ["connect", "acme", "--kind", "cur", "--location", "s3://bills/bills"];
    let ran = aws.run(&[&connect[..], &BY_ROLE].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let sync = || {
        assert!(!aws.cloud.take_log().is_empty());
        let ran = aws.run(&["sync"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.err
    };
    assert!(sync().contains("loaded"));
    assert!(sync().contains("unchanged"));
    assert_eq!(aws.cloud.count("s3:GetObject"), 0, "{:?}", aws.cloud.log());
    assert_eq!(aws.cloud.count("s3:ListBucket"), 1, "{:?}", aws.cloud.log());
    // What is kept is only a help.
    let kept = aws.home.path("home/cache/manifests");
    for entry in fs::read_dir(&kept).unwrap() {
        fs::write(entry.unwrap().path(), "damaged").unwrap();
    }
    assert!(sync().contains("unchanged"));
    assert_ne!(aws.cloud.count("s3:GetObject"), 0);
    fs::remove_dir_all(&kept).unwrap();
    assert!(sync().contains("unchanged"));
    assert!(sync().contains("unchanged"));
    assert_eq!(aws.cloud.count("s3:GetObject"), 0);
}

#[test]
fn what_is_missing_is_said_where_connections_are_listed() {
    let Some(aws) = Aws::start() else { return };
    let connect = ["connect", "acme", "--kind", "cur", "--location", "s3://bills/bills"];
    assert_eq!(aws.run(&[&connect[..], &BY_ROLE].concat()).code, 0);
    assert_eq!(aws.run(&["sync"]).code, 0);
    for (action, code) in [("s3:ListBucket", "list-denied"), ("sts:AssumeRole", "role-denied")] {
        aws.cloud.world(|world| world.withdraw(action));
        let ran = aws.run(&["sync"]);
        assert_eq!(ran.code, 3, "{action}: {}", ran.err);
        let ran = aws.run(&["connections"]);
        assert!(ran.out.contains("broken") && ran.out.contains(code), "{action}: {}", ran.out);
        assert!(ran.out.contains(action), "{action}: {}", ran.out);
        aws.cloud.world(World::restore);
        let ran = aws.run(&["sync"]);
        assert_eq!(ran.code, 0, "{action}: {}", ran.err);
        assert_eq!(list(&aws.home)[0]["health"], "healthy");
    }
    let ran = aws.run(&["connections", "history", "acme"]);
    assert!(ran.out.contains("list-denied") && ran.out.contains("role-denied"), "{}", ran.out);
    // What may pass does not break at once.
    let Aws { home, cloud, .. } = aws;
    let endpoint = cloud.endpoint();
    drop(cloud);
    let mut command = home.command();
    command.args(["--endpoint", &endpoint, "--region", "us-east-1", "sync"]);
    command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    command.env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 3, "{}", ran.err);
    let listed = list(&home);
    assert_eq!(listed[0]["health"], "degraded", "{listed}");
    assert_eq!(listed[0]["findings"][0]["code"], "aws-unreachable", "{listed}");
}
