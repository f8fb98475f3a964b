//! Costs by the hour: kept where somebody wants them, and told to the last digit.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::events::{
    COSTS, LINES, add_file, connected, count, lines, total, units, works, write_bill,
};
use crate::support::Home;

/// What hours cost, by a query of hour and sum.
fn by_hour(home: &Home, sql: &str) -> BTreeMap<String, i128> {
    let table = works(home, &["sql", sql, "--format", "csv"]).out;
    let row = |line: &str| {
        let (hour, sum) = line.rsplit_once(',').unwrap();
        (format!("{hour:0>2}"), units(sum))
    };
    table.lines().skip(1).map(row).collect()
}

#[test]
fn hours_come_to_who_wants_them_and_add_up_to_the_last_digit() {
    let home = connected();
    let hourly = ["--granularity", "hourly"];
    let file = add_file(&home, "hours", &hourly);
    let days = add_file(&home, "days", &[]);
    let vanus = add_file(&home, "vanus", &[&hourly[..], &["--format", "vanus"]].concat());
    for costs in &COSTS {
        write_bill(&home, costs);
        works(&home, &["sync"]);
    }
    let read = |path: &PathBuf| lines(&fs::read_to_string(path).unwrap());
    let filed = read(&file);
    let tail = lines(&works(&home, &[&["events", "tail"], &hourly[..]].concat()).out);
    assert_eq!(filed, tail);
    let columns = [
        ("billedCost", "BilledCost"),
        ("effectiveCost", "EffectiveCost"),
        ("unblendedCost", "x_UnblendedCost"),
    ];
    let hour = "CAST(date_part('hour', ChargePeriodStart) AS BIGINT)";
    for (field, column) in columns {
        let mut told: BTreeMap<String, i128> = BTreeMap::new();
        for event in filed.iter().filter(|event| event["data"][field].is_object()) {
            assert_eq!(event["data"]["granularity"], "hourly");
            let start = event["data"]["chargePeriodStart"].as_str().unwrap();
            let difference = event["data"][field]["difference"].as_str().unwrap();
            *told.entry(start[11..13].to_owned()).or_default() += units(difference);
        }
        let sql = format!("SELECT {hour}, SUM({column}) FROM costs GROUP BY 1");
        assert_eq!(told, by_hour(&home, &sql), "{column}");
        let table = home.ask(&format!("SELECT SUM({column}) FROM cost_daily"));
        assert_eq!(total(&read(&days), field), units(&table), "{column}");
    }
    assert_eq!(count(&filed, "cost.recorded"), LINES.len());
    let changed = home.ask("SELECT COUNT(*) FROM changes_hourly");
    assert_eq!(count(&filed, "cost.restated") + LINES.len(), changed.parse::<usize>().unwrap());
    let mut last: BTreeMap<String, i128> = BTreeMap::new();
    for event in read(&vanus) {
        assert_eq!(event["type"], "amazon.billing.hourly");
        let amount = event["data"]["unblendedCost"]["amount"].as_str().unwrap();
        let (date, service) = (event["data"]["date"].as_str(), &event["data"]["service"]);
        last.insert(format!("{}{service}", date.unwrap()), units(amount));
    }
    assert_eq!(last.len(), LINES.len(), "{last:?}");
    let table = home.ask("SELECT SUM(x_UnblendedCost) FROM cost_and_usage");
    assert_eq!(last.values().sum::<i128>(), units(&table));
    // Sent again, everything is as it was.
    works(&home, &["events", "replay", "hours", "--from", "1970-01-01"]);
    let twice = read(&file);
    assert_eq!(twice[filed.len()..], filed);
    // What nobody wants any more is not kept, and the next one who wants it misses nothing.
    for name in ["hours", "vanus"] {
        works(&home, &["sinks", "remove", name]);
    }
    write_bill(&home, &COSTS[0]);
    works(&home, &["sync"]);
    assert_eq!(home.ask("SELECT COUNT(*) FROM changes_hourly"), changed);
    works(&home, &["connections", "set", "acme", "--keep-hours", "true"]);
    write_bill(&home, &COSTS[1]);
    works(&home, &["sync"]);
    let sql = "SELECT SUM(BilledCostDifference) FROM changes_hourly";
    assert_eq!(home.ask(sql), home.ask("SELECT SUM(BilledCost) FROM costs"));
}

#[test]
fn hours_are_not_kept_where_nobody_wants_them() {
    let home = connected();
    add_file(&home, "days", &[]);
    works(&home, &["sync"]);
    assert!(!home.path("home/lake/changes_hourly").exists());
    assert_eq!(home.ask("SELECT COUNT(*) FROM changes_hourly"), "0");
}

#[test]
fn who_wants_hours_late_gets_those_that_stand() {
    const TOLD: &str = "SELECT SUM(BilledCostDifference) FROM changes_hourly";
    const HELD: &str = "SELECT SUM(BilledCost) FROM cost_and_usage";
    let home = connected();
    works(&home, &["sync"]);
    write_bill(&home, &COSTS[1]);
    works(&home, &["sync"]);
    let file = add_file(&home, "late", &["--granularity", "hourly"]);
    assert_eq!(home.ask(TOLD), home.ask(HELD));
    works(&home, &["events", "send", "late"]);
    let read = || lines(&fs::read_to_string(&file).unwrap());
    assert_eq!(count(&read(), "cost.recorded"), LINES.len());
    let entries = home.ask("SELECT COUNT(*) FROM changes_hourly");
    add_file(&home, "later", &["--granularity", "hourly"]);
    assert_eq!(home.ask("SELECT COUNT(*) FROM changes_hourly"), entries);
    for costs in &COSTS[2..] {
        write_bill(&home, costs);
        works(&home, &["sync"]);
        assert_eq!(home.ask(TOLD), home.ask(HELD));
        assert_eq!(total(&read(), "billedCost"), units(&home.ask(HELD)));
    }
    assert_eq!(count(&read(), "cost.recorded"), LINES.len());
}
