//! Cost Explorer: sums against the ledger and against the Cost and Usage Report of the same ledger;
//! pages, throttling, failures, restatements, the request budget; the AWS emulator.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;

use billhook_testkit::calendar::Month;
use billhook_testkit::decimal::Decimal;
use billhook_testkit::render::cost_explorer::{CostExplorer, Failure, Metric, Server, record_type};
use billhook_testkit::render::cur::{Compression, CurReport, Layout, write_delivery};
use billhook_testkit::synth::{Kind, Line, Organisation, Scale};
use serde_json::{Value, json};

use crate::s3::Moto;
use crate::support::{Home, Ran, python, report, today};

/// Columns of the cost table and the metrics that they carry.
const METRICS: [(&str, Metric); 6] = [
    ("x_UnblendedCost", Metric::UnblendedCost),
    ("x_BlendedCost", Metric::BlendedCost),
    ("x_AmortizedCost", Metric::AmortizedCost),
    ("x_NetUnblendedCost", Metric::NetUnblendedCost),
    ("x_NetAmortizedCost", Metric::NetAmortizedCost),
    ("x_UsageAmount", Metric::UsageQuantity),
];

/// Keys to the texts of [`METRICS`].
type Sums = BTreeMap<Vec<String>, Vec<String>>;

fn organisation() -> Organisation {
    Organisation::ending(3, today(), Scale::Small)
}

/// Four months of a payer, the last one open.
fn ledger(payer: usize) -> Vec<Line> {
    let organisation = organisation();
    let payer = &organisation.payers()[payer];
    let months = organisation.months().into_iter();
    months.flat_map(|month| organisation.ledger(payer, month, 1)).collect()
}

fn explorer(lines: &[Line]) -> CostExplorer {
    CostExplorer::new(lines.to_vec(), &[today().month()], today())
}

fn this_month() -> Month {
    today().month()
}

/// Requests for the months from so many before the current one to another: one for the record
/// types, one for each of them.
fn requests(lines: &[Line], from: i32, to: i32) -> u64 {
    let (from, to) = (this_month().plus(-from), this_month().plus(-to));
    let (start, end) = (from.interval().start, to.interval().end);
    let is_in = |line: &&Line| line.usage.start >= start && line.usage.start < end;
    let names: BTreeSet<&str> =
        lines.iter().filter(is_in).map(|line| record_type(line.kind)).collect();
    1 + names.len() as u64
}

fn run_at(home: &Home, endpoint: &str, args: &[&str]) -> Ran {
    let mut command = home.command();
    command.arg("import").arg("cost-explorer:").args(args);
    command.env("AWS_ACCESS_KEY_ID", "k").env("AWS_SECRET_ACCESS_KEY", "s");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(name, "/dev/null");
    }
    command.env("AWS_ENDPOINT_URL_COST_EXPLORER", endpoint).env("AWS_ENDPOINT_URL_STS", endpoint);
    Ran::of(command.output().unwrap())
}

/// Imports as the payer of the ledger.
fn run(home: &Home, server: &Server, args: &[&str]) -> Ran {
    let payer = organisation().payers()[0].id;
    run_at(home, &server.endpoint(), &[&["--account", payer][..], args].concat())
}

fn sums(home: &Home, sql: &str) -> Sums {
    let ran = home.run(&["sql", sql, "--format", "csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows = ran.out.lines().skip(1).map(|line| {
        let cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        let keys = cells.len() - METRICS.len();
        (cells[..keys].to_vec(), cells[keys..].to_vec())
    });
    rows.filter(|(_, sums)| sums.iter().any(|sum| sum != "0")).collect()
}

const COLUMNS: &str = "SUM(x_UnblendedCost), SUM(x_BlendedCost), SUM(x_AmortizedCost), \
                       SUM(x_NetUnblendedCost), SUM(x_NetAmortizedCost), SUM(x_UsageAmount)";

const DAY: &str = "CAST(CAST(ChargePeriodStart AS DATE) AS VARCHAR)";

/// By day, account, service and record type.
fn stored(home: &Home) -> Sums {
    let sql = format!(
        "SELECT {DAY} AS d, SubAccountId, ServiceName, x_LineItemType, {COLUMNS} \
         FROM cost_and_usage WHERE x_LineItemType <> 'x_Residual' GROUP BY 1, 2, 3, 4"
    );
    sums(home, &sql)
}

fn expected(lines: &[Line]) -> Sums {
    let mut sums: BTreeMap<Vec<String>, Vec<Decimal>> = BTreeMap::new();
    for line in lines {
        let service = if line.kind == Kind::Tax { "Tax" } else { line.sku.product.name };
        let day = line.usage.start.to_string()[..10].to_owned();
        let texts = [line.account.id, service, line.kind.name()].map(str::to_owned);
        let key = [day].into_iter().chain(texts).collect();
        let entry = sums.entry(key).or_insert_with(|| vec![Decimal::ZERO; METRICS.len()]);
        for (sum, (_, metric)) in entry.iter_mut().zip(METRICS) {
            *sum += metric.of(line);
        }
    }
    let texts = sums
        .into_iter()
        .map(|(key, sums)| (key, sums.iter().map(ToString::to_string).collect::<Vec<_>>()));
    texts.filter(|(_, sums)| sums.iter().any(|sum| sum != "0")).collect()
}

#[track_caller]
fn assert_same(ours: &Sums, theirs: &Sums) {
    assert!(theirs.len() > 100, "{}", theirs.len());
    for (key, sums) in theirs {
        assert_eq!(ours.get(key), Some(sums), "{key:?}");
    }
    for key in ours.keys() {
        assert!(theirs.contains_key(key), "{key:?}: {:?}", ours[key]);
    }
}

/// Every metric of every day, account, service and record type, over many pages.
#[test]
fn inv_sum_cost_explorer_equals_the_ledger() {
    for (payer, page_size) in [(0, 5_000), (1, 23)] {
        let home = Home::new();
        let lines = ledger(payer);
        let server = Server::start(explorer(&lines).with_page_size(page_size)).unwrap();
        let account = organisation().payers()[payer].id;
        let args = ["--account", account, "--months", "3", "--request-budget", "5000"];
        let ran = run_at(&home, &server.endpoint(), &args);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_same(&stored(&home), &expected(&lines));
        // To the last digit, whatever FOCUS leaves out.
        let billed = home.ask("SELECT SUM(BilledCost) FROM costs");
        assert_eq!(billed, home.ask("SELECT SUM(x_UnblendedCost) FROM cost_and_usage"));
        let effective = home.ask("SELECT SUM(EffectiveCost) FROM costs");
        let amortized: Decimal = lines.iter().map(|line| Metric::NetAmortizedCost.of(line)).sum();
        assert_eq!(effective, amortized.to_string());
        let requests = server.requests();
        let price = format!("{requests} requests, {}.{:02} USD", requests / 100, requests % 100);
        assert!(ran.err.contains(&price), "{price}: {}", ran.err);
        // The three months that are restated come in one chain.
        let chains = self::requests(&lines, 2, 0) + self::requests(&lines, 3, 3);
        if page_size == 5_000 {
            assert_eq!(requests, chains);
        } else {
            assert!(requests > 4 * chains, "{requests} of {chains}");
        }
        let open = format!(
            "SELECT COUNT(*) FROM deliveries WHERE State = 'open' \
            AND x_BillingPeriod = '{}'",
            this_month()
        );
        assert_eq!(home.ask(&open), "1", "{}", home.run(&["history"]).out);
        let closed = "SELECT COUNT(*) FROM deliveries WHERE State = 'final'";
        assert_eq!(home.ask(closed), "3");
        let names =
            "SELECT COUNT(DISTINCT SubAccountName) FROM costs WHERE SubAccountName <> SubAccountId";
        assert_ne!(home.ask(names), "0");
        let unfiled = "SELECT COUNT(*) FROM costs WHERE BillingAccountId IS NULL \
                       OR ServiceName LIKE '%Other' OR x_Extra IS NULL";
        assert_eq!(home.ask(unfiled), "0");
    }
}

/// The same ledger as a legacy report: every sum by day, account, service and category.
#[test]
fn cost_explorer_agrees_with_the_cost_and_usage_report() {
    for payer in [0, 1] {
        let home = Home::new();
        let lines = ledger(payer);
        let server = Server::start(explorer(&lines)).unwrap();
        let organisation = organisation();
        let owner = &organisation.payers()[payer];
        let args = ["--account", owner.id, "--months", "3"];
        let ran = run_at(&home, &server.endpoint(), &args);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let definition = CurReport {
            account: owner.id.to_owned(),
            with_net: owner.edp_percent.is_some(),
            ..report(Layout::CreateNew, Compression::Gzip)
        };
        for month in organisation.months() {
            let lines = organisation.ledger(owner, month, 1);
            write_delivery(&home.path("bucket"), &definition, month, "20260907T0Z", &lines)
                .unwrap();
        }
        assert_eq!(home.import(&home.path("bucket")).code, 0);
        // Without net columns, net is what is not.
        let net = "SUM(coalesce(x_NetUnblendedCost, x_UnblendedCost)), \
                   SUM(coalesce(x_NetAmortizedCost, x_AmortizedCost))";
        let by = |connection: &str| {
            let sql = format!(
                "SELECT {DAY} AS d, SubAccountId, ChargeCategory, \
                 CASE ChargeCategory WHEN 'Tax' THEN 'Tax' ELSE ServiceName END AS s, \
                 SUM(x_UnblendedCost), coalesce(SUM(x_BlendedCost), 0), SUM(x_AmortizedCost), \
                 {net}, SUM(x_UsageAmount) \
                 FROM cost_and_usage WHERE x_Connection = '{connection}' \
                 AND x_LineItemType <> 'x_Residual' GROUP BY 1, 2, 3, 4"
            );
            sums(&home, &sql)
        };
        assert_same(&by("cost-explorer"), &by("hourly"));
        // The report tells more, so its rows count.
        assert_eq!(home.ask("SELECT DISTINCT x_Connection FROM costs"), "hourly");
    }
}

#[test]
fn again_is_a_no_op_and_old_months_are_not_asked_for_again() {
    let home = Home::new();
    let lines = ledger(0);
    let server = Server::start(explorer(&lines)).unwrap();
    assert_eq!(run(&home, &server, &["--months", "3"]).code, 0);
    let before = home.digest();
    let first = server.requests();
    // Its kind is implied, and may be said.
    let ran = run(&home, &server, &["--months", "3", "--kind", "cost_explorer"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.err.matches(": unchanged").count(), 3, "{}", ran.err);
    assert_eq!(home.digest(), before);
    let window = requests(&lines, 2, 0);
    assert_eq!(server.requests() - first, window);
    // Another name has nothing yet; what AWS said of closed months is kept.
    let second = server.requests();
    let ran = run(&home, &server, &["--months", "3", "--as", "again"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(server.requests() - second, window);
    let kept = requests(&lines, 3, 3);
    assert!(ran.err.contains(&format!("{kept} answers kept from before")), "{}", ran.err);
    // Unless it is asked for again.
    let third = server.requests();
    let ran = run(&home, &server, &["--months", "3", "--refetch-all"]);
    assert_eq!(ran.err.matches(": unchanged").count(), 4, "{}", ran.err);
    assert_eq!(server.requests() - third, window + kept);
    assert!(!home.path("home/spool").exists());
}

#[test]
fn a_restated_month_is_replaced() {
    let home = Home::new();
    let mut lines = ledger(0);
    let server = Server::start(explorer(&lines)).unwrap();
    assert_eq!(run(&home, &server, &["--months", "2"]).code, 0);
    let month = this_month().plus(-1);
    let line = lines.iter().find(|line| line.month == month && line.kind == Kind::Usage);
    let late = line.unwrap().clone();
    let cost = late.cost;
    lines.push(late);
    let before = home.ask("SELECT SUM(x_UnblendedCost) FROM cost_and_usage");
    let restated = Server::start(explorer(&lines)).unwrap();
    let ran = run(&home, &restated, &["--months", "2"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains(&format!("{month}: restated")), "{}", ran.err);
    assert_eq!(ran.err.matches(": unchanged").count(), 2, "{}", ran.err);
    let difference =
        home.ask(&format!("SELECT SUM(x_UnblendedCost) - {before} FROM cost_and_usage"));
    assert_eq!(difference, cost.to_string());
    let state = format!(
        "SELECT State FROM deliveries WHERE x_BillingPeriod = '{month}' \
                         ORDER BY x_RecordedAt DESC LIMIT 1"
    );
    assert_eq!(home.ask(&state), "reopened");
}

#[test]
fn throttling_errors_and_broken_connections_are_survived() {
    let home = Home::new();
    let lines = ledger(0);
    let server = Server::start(explorer(&lines)).unwrap();
    server.fail_next(1, Failure::Throttling);
    server.fail_next(1, Failure::LimitExceeded);
    server.fail_at(5, Failure::ServerError);
    server.fail_at(6, Failure::DropConnection);
    let ran = run(&home, &server, &["--months", "0"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // Whether AWS charges for them or not, they are counted.
    let count = requests(&lines, 0, 0) + 4;
    assert_eq!(server.requests(), count);
    assert!(ran.err.contains(&format!("{count} requests")), "{}", ran.err);
    let start = this_month().interval().start;
    let lines: Vec<Line> = lines.into_iter().filter(|line| line.usage.start >= start).collect();
    assert_same(&stored(&home), &expected(&lines));
}

#[test]
fn inv_atom_a_failure_in_the_middle_leaves_the_slices_as_before() {
    let home = Home::new();
    let mut lines = ledger(0);
    let server = Server::start(explorer(&lines)).unwrap();
    assert_eq!(run(&home, &server, &["--months", "3"]).code, 0);
    let before = home.digest();
    let late: Vec<Line> = lines.iter().filter(|line| line.kind == Kind::Usage).cloned().collect();
    lines.extend(late);
    let server = Server::start(explorer(&lines).with_page_size(200)).unwrap();
    server.fail_at(7, Failure::AccessDenied);
    let ran = run(&home, &server, &["--months", "3"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("ce:GetCostAndUsage"), "{}", ran.err);
    assert!(ran.err.contains("7 requests, 0.07 USD"), "{}", ran.err);
    assert_eq!(server.requests(), 7);
    assert_eq!(home.digest(), before);
    // And then it goes on.
    let ran = run(&home, &server, &["--months", "3", "--request-budget", "5000"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.err.matches(": restated").count(), 3, "{}", ran.err);
}

#[test]
fn the_request_budget_is_kept() {
    let home = Home::new();
    let lines = ledger(0);
    let server = Server::start(explorer(&lines)).unwrap();
    let window = requests(&lines, 2, 0);
    let budget = (window + 4).to_string();
    let args = ["--months", "3", "--request-budget", &budget];
    let ran = run(&home, &server, &args);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains(&format!("budget of {budget} Cost Explorer requests")), "{}", ran.err);
    assert_eq!(server.requests(), window + 4);
    // What was complete is there, the rest is not.
    assert_eq!(home.ask("SELECT COUNT(*) FROM deliveries"), "3");
    let before = home.digest();
    let ran = run(&home, &server, &args);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("0 requests, 0.00 USD"), "{}", ran.err);
    assert_eq!((server.requests(), home.digest()), (window + 4, before));
    // More is allowed; what was paid for is not paid for again.
    let ran = run(&home, &server, &["--months", "3"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("4 answers kept from before"), "{}", ran.err);
    assert_eq!(server.requests(), 2 * window + requests(&lines, 3, 3));
    assert_eq!(home.ask("SELECT COUNT(*) FROM deliveries"), "4");
}

#[test]
fn history_ends_quietly_where_aws_has_none() {
    let home = Home::new();
    let lines = ledger(0);
    let server = Server::start(explorer(&lines)).unwrap();
    let known = requests(&lines, 2, 0) + requests(&lines, 3, 3);
    server.fail_at(known + 1, Failure::DataUnavailable);
    let ran = run(&home, &server, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let month = this_month().plus(-4);
    assert!(ran.err.contains(&format!("AWS has no costs of {month} and before")), "{}", ran.err);
    assert_eq!(server.requests(), known + 1);
    assert_eq!(home.ask("SELECT COUNT(*) FROM deliveries"), "4");
    // All thirteen months: those before the ledger are empty, and then known to be.
    let ran = run(&home, &server, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(home.ask("SELECT COUNT(*) FROM deliveries"), "14");
    let before = server.requests();
    assert_eq!(run(&home, &server, &[]).code, 0);
    assert_eq!(server.requests() - before, requests(&lines, 2, 0));
    // A history that has just begun, and none at all.
    let young = Home::new();
    server.fail_next(1, Failure::DataUnavailable);
    let ran = run(&young, &server, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(young.ask("SELECT COUNT(*) FROM deliveries"), "2");
    let none = Home::new();
    server.fail_next(3, Failure::DataUnavailable);
    let ran = run(&none, &server, &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("open Cost Explorer once"), "{}", ran.err);
}

#[test]
fn hours_are_of_the_last_14_days_and_the_days_before_complete_their_month() {
    let home = Home::new();
    let lines = ledger(1);
    let server = Server::start(explorer(&lines).with_page_size(1_000)).unwrap();
    let account = organisation().payers()[1].id;
    let hourly = ["--account", account, "--granularity", "hourly"];
    for others in [["--months", "2"].as_slice(), &["--refetch-all"]] {
        let ran = run_at(&home, &server.endpoint(), &[&hourly[..], others].concat());
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains("14 days") && ran.err.contains("preferences"), "{}", ran.err);
    }
    assert_eq!(server.requests(), 0);
    let args = [&hourly[..], &["--request-budget", "1000"]].concat();
    let ran = run_at(&home, &server.endpoint(), &args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let first_hour = today().start().plus(-24 * 13);
    let start = first_hour.date().month().interval().start;
    let lines: Vec<Line> = lines.into_iter().filter(|line| line.usage.start >= start).collect();
    assert_same(&stored(&home), &expected(&lines));
    let hours = "SELECT MIN(ChargePeriodStart) FROM costs WHERE \
                 ChargePeriodEnd - ChargePeriodStart = INTERVAL '1 hour'";
    assert!(home.ask(hours).as_str() >= &first_hour.to_string()[..10], "{}", home.ask(hours));
    assert!(ran.err.contains("hourly"), "{}", ran.err);
    // AWS refuses hours to those who have not turned them on.
    let before = home.digest();
    server.fail_at(server.requests() + daily_requests(&server) + 1, Failure::DataUnavailable);
    let ran = run_at(&home, &server.endpoint(), &args);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("turn on hourly granularity"), "{}", ran.err);
    assert_eq!(home.digest(), before);
}

/// How many requests for days came before the first one for hours.
fn daily_requests(server: &Server) -> u64 {
    let is_daily = |body: &&Value| body["Granularity"] == "DAILY";
    server.bodies().iter().take_while(is_daily).count() as u64
}

#[test]
fn who_is_billed_is_asked_for_said_or_told_to_say() {
    let home = Home::new();
    let lines = ledger(0);
    let server = Server::start(explorer(&lines)).unwrap();
    // This server knows of no identities, and there are several accounts.
    let ran = run_at(&home, &server.endpoint(), &["--months", "0"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("--account"), "{}", ran.err);
    let ran = run_at(&home, &server.endpoint(), &["--account", "12"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    // One account is its own payer.
    let id = lines[0].account.id;
    let own: Vec<Line> = lines.into_iter().filter(|line| line.account.id == id).collect();
    let server = Server::start(explorer(&own)).unwrap();
    let ran = run_at(&home, &server.endpoint(), &["--months", "0"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(home.ask("SELECT DISTINCT BillingAccountId FROM costs"), id);
    // The options mean nothing elsewhere, and without credentials there is nothing to ask.
    let ran = home.run(&["import", "/tmp", "--months", "3"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    let mut command = home.command();
    command.args(["import", "cost-explorer:"]).env("AWS_EC2_METADATA_DISABLED", "true");
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(name, "/dev/null");
    }
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("credentials") && ran.err.contains("AWS_PROFILE"), "{}", ran.err);
}

fn post(endpoint: &str, path: &str, body: &Value) {
    let address = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(" 20"), "{answer}");
}

/// The AWS emulator, which also says whose credentials they are; and answers that contradict each
/// other.
#[test]
fn the_emulator_is_read_and_contradictions_are_refused() {
    let Some(python) = python("BILLHOOK_TEST_PYTHON") else { return };
    let lines = ledger(0);
    let explorer = explorer(&lines);
    let server = Server::start(explorer.clone()).unwrap();
    let direct = Home::new();
    assert_eq!(run(&direct, &server, &["--months", "0"]).code, 0);
    let presets = explorer.moto_presets(&server.bodies()).unwrap();
    let presented = |presets: &[Value]| {
        let home = Home::new();
        std::fs::create_dir_all(home.path("nothing")).unwrap();
        let moto = Moto::start(&python, &home.path("nothing"));
        for preset in presets {
            post(&moto.endpoint, "/moto-api/static/ce/cost-and-usage-results", preset);
        }
        let ran = run_at(&home, &moto.endpoint, &["--months", "0"]);
        (home, ran)
    };
    let (home, ran) = presented(&presets);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(home.ask("SELECT DISTINCT BillingAccountId FROM costs"), "123456789012");
    assert_same(&stored(&home), &stored(&direct));

    let mut wrong = presets;
    let metrics = "/results/0/ResultsByTime/0/Groups/0/Metrics/UnblendedCost";
    let amount = wrong[0].pointer_mut(metrics).unwrap();
    *amount = json!({"Amount": "12345.678", "Unit": "USD"});
    let (home, ran) = presented(&wrong);
    assert_eq!(ran.code, 4, "{}", ran.err);
    let day = &this_month().to_string();
    assert!(ran.err.contains(&format!("{day}-01, record type ")), "{}", ran.err);
    assert!(ran.err.contains("UnblendedCost: Cost Explorer's total is 12345.678"), "{}", ran.err);
    assert_eq!(home.run(&["history"]).code, 1);
}
