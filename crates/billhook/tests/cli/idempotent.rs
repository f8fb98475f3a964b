//! Again, killed, restated, two at once: the same tables, nothing twice, nothing lost (INV-IDEM,
//! INV-HIST).

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use billhook_testkit::calendar::Month;
use billhook_testkit::demo::{write_first_round, write_second_round};
use billhook_testkit::render::cur::{Compression, Layout};

use crate::support::{Home, Ran, deliver, organisation, report};

/// Files under the lake that no version of a table names.
fn leftovers(home: &Home) -> Vec<String> {
    let mut named = std::collections::HashSet::new();
    let mut data = Vec::new();
    walk(&home.path("home/lake"), &mut |path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".json") && path.to_string_lossy().contains("_delta_log") {
            for part in fs::read_to_string(path).unwrap().split('"') {
                if part.contains(".parquet") {
                    named.insert(part.rsplit('/').next().unwrap().to_owned());
                }
            }
        } else if !path.to_string_lossy().contains("_delta_log") {
            data.push(name);
        }
    });
    data.retain(|name| !named.contains(name));
    data
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, visit) } else { visit(&path) }
    }
}

#[test]
fn inv_idem_an_unchanged_delivery_is_a_no_op() {
    let home = Home::new();
    let definition = report(Layout::CreateNew, Compression::Gzip);
    deliver(&home.path("bucket"), &definition, Month::new(2026, 8), "20260907T031500Z");
    assert_eq!(home.import(&home.path("bucket")).code, 0);
    let before = home.digest();
    let ran = home.import(&home.path("bucket"));
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("unchanged"), "{}", ran.err);
    assert_eq!(home.digest(), before);
}

#[test]
fn inv_hist_a_restated_month_replaces_the_old_one_and_the_ledger_tells() {
    let home = Home::new();
    let organisation = organisation();
    write_first_round(&home.path("buckets"), &organisation).unwrap();
    let (payer, month) = organisation.restated().unwrap();
    let bucket = home.path("buckets").join(format!("{}-billing", payer.name.to_lowercase()));
    assert_eq!(home.import(&bucket).code, 0);
    let month = format!("{:04}-{:02}", month.year, month.month);
    let total = format!("SELECT SUM(BilledCost) FROM cost_daily WHERE x_BillingPeriod = '{month}'");
    let before = home.ask(&total);
    // The system's clock is read to the second.
    std::thread::sleep(Duration::from_millis(1100));
    let then = chrono_now();
    std::thread::sleep(Duration::from_millis(1100));
    write_second_round(&home.path("buckets"), &organisation).unwrap();
    let ran = home.import(&bucket);
    assert!(ran.err.contains(&format!("{month}: restated")), "{}", ran.err);
    let after = home.ask(&total);
    assert_ne!(before, after);
    let ledger = home.ask(&format!(
        "SELECT SUM(BilledCostDifference) FROM changes WHERE x_BillingPeriod = '{month}'"
    ));
    assert_eq!(ledger, after);
    let ran = home.run(&["sql", &total, "--as-of", &then, "--format", "csv"]);
    assert_eq!(ran.out.lines().nth(1), Some(before.as_str()), "{}", ran.err);
    let history = home.run(&["history", "--period", &month]);
    assert!(history.out.contains("difference"), "{}", history.out);
}

fn chrono_now() -> String {
    // RFC 3339 of now, by the system's own tool: the test needs no clock crate.
    let output = std::process::Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn inv_idem_killed_at_any_moment_and_run_again() {
    let month = Month::new(2026, 8);
    let definition = report(Layout::CreateNew, Compression::Gzip);
    let whole = Home::new();
    deliver(&whole.path("bucket"), &definition, month, "20260907T031500Z");
    let begun = Instant::now();
    assert_eq!(whole.import(&whole.path("bucket")).code, 0);
    let usual = begun.elapsed();
    let expected = whole.digest();
    let seed = std::process::id();
    eprintln!("seed {seed}, a run takes {usual:?}");
    let home = Home::new();
    for attempt in 0..12_u32 {
        // Moments spread over a whole run, shifted by the seed.
        let share = (attempt * 83 + seed * 37) % 1000;
        let mut child = home
            .command()
            .arg("import")
            .arg(whole.path("bucket"))
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(usual * share / 1000);
        child.kill().unwrap();
        child.wait().unwrap();
        if attempt % 4 == 3 {
            assert_eq!(home.import(&whole.path("bucket")).code, 0);
            assert_eq!(home.digest(), expected, "seed {seed}, attempt {attempt}");
            let ran = home.run(&["maintain", "--keep", "0"]);
            // Without a home that holds a lake there is nothing to maintain.
            assert_eq!(ran.code, 0, "{}", ran.err);
            assert_eq!(leftovers(&home), Vec::<String>::new(), "seed {seed}");
            assert_eq!(home.digest(), expected);
            fs::remove_dir_all(home.path("home")).unwrap();
        }
    }
}

#[test]
fn two_imports_at_once_both_end_well() {
    let home = Home::new();
    let definition = report(Layout::CreateNew, Compression::Gzip);
    for month in [8, 9] {
        let month = Month::new(2026, month);
        deliver(&home.path("bucket"), &definition, month, "20261007T031500Z");
    }
    let start = || {
        let mut command = home.command();
        command.arg("import").arg(home.path("bucket"));
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let runs = [start(), start()].map(|child| Ran::of(child.wait_with_output().unwrap()));
    assert!(runs.iter().all(|ran| ran.code == 0), "{runs:?}");
    assert!(runs.iter().any(|ran| ran.err.contains("unchanged")), "{runs:?}");
    assert_eq!(home.ask("SELECT COUNT(*) FROM deliveries"), "2");
}
