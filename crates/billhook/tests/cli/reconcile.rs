//! `reconcile`: a Cost and Usage Report against the Cost Explorer of the same ledger, and of
//! ledgers that differ from it.

use std::path::Path;
use std::process::Command;

use billhook_testkit::calendar::Month;
use billhook_testkit::render::cost_explorer::{CostExplorer, Failure, Server};
use billhook_testkit::render::cur::{Compression, CurReport, Layout, write_delivery};
use billhook_testkit::synth::{Kind, Line, Organisation, Payer, Scale};
use serde_json::Value;

use crate::support::{Home, Ran, report, today};

/// What `import` calls the connection: the report's name.
const NAME: &str = "hourly";

/// An account of Acme.
const SANDBOX: &str = "310987654326";

fn organisation() -> Organisation {
    Organisation::ending(3, today(), Scale::Small)
}

/// Imports a delivery of a payer's month.
fn deliver(home: &Home, payer: &Payer, month: Month, assembly: &str, lines: &[Line]) {
    let place = home.path("bucket");
    write(&place, payer, month, assembly, lines);
    let ran = home.import(&place);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

fn write(place: &Path, payer: &Payer, month: Month, assembly: &str, lines: &[Line]) {
    let definition = CurReport {
        account: payer.id.to_owned(),
        with_net: payer.edp_percent.is_some(),
        ..report(Layout::CreateNew, Compression::Gzip)
    };
    write_delivery(place, &definition, month, assembly, lines).unwrap();
}

fn explorer(lines: Vec<Line>) -> Server {
    Server::start(CostExplorer::new(lines, &[today().month()], today())).unwrap()
}

fn command(home: &Home, server: &Server) -> Command {
    let mut command = home.command();
    command.env("AWS_ACCESS_KEY_ID", "k").env("AWS_SECRET_ACCESS_KEY", "s");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(name, "/dev/null");
    }
    for name in ["AWS_ENDPOINT_URL_COST_EXPLORER", "AWS_ENDPOINT_URL_STS"] {
        command.env(name, server.endpoint());
    }
    command
}

fn reconcile(home: &Home, server: &Server, month: Month, args: &[&str]) -> Ran {
    let mut command = command(home, server);
    command.arg("reconcile").args(["--period", &month.to_string()]).args(args);
    Ran::of(command.output().unwrap())
}

/// The only currency of the only comparison, and all in all.
fn section(ran: &Ran) -> (Value, String) {
    let all: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 1, "{}{}", ran.out, ran.err);
    let sections = all[0]["sections"].as_array().unwrap();
    assert_eq!(sections.len(), 1, "{}", ran.out);
    (sections[0].clone(), all[0]["verdict"].as_str().unwrap().to_owned())
}

fn units(value: &Value) -> i128 {
    billhook_money::parse(value.as_str().unwrap().as_bytes()).unwrap().units
}

/// Codes of the explanations, whose amounts must add up to the difference.
fn codes(section: &Value) -> Vec<&str> {
    let explanations = section["explanations"].as_array().unwrap();
    let sum: i128 = explanations.iter().map(|one| units(&one["amount"])).sum();
    assert_eq!(sum, units(&section["difference"]), "{section}");
    explanations.iter().map(|one| one["code"].as_str().unwrap()).collect()
}

/// Leaves one line of usage out.
fn without_a_line(lines: &[Line]) -> Vec<Line> {
    let cent = billhook_money::ONE / 100;
    let is_one = |line: &Line| line.kind == Kind::Usage && line.cost.units() > cent;
    let at = lines.iter().position(is_one).unwrap();
    let mut lines = lines.to_vec();
    lines.remove(at);
    lines
}

#[test]
fn inv_sum_a_report_equals_cost_explorer_in_every_metric() {
    let organisation = organisation();
    let month = organisation.months()[2];
    for payer in organisation.payers() {
        let home = Home::new();
        let lines = organisation.ledger(payer, month, 1);
        deliver(&home, payer, month, "20260907T0Z", &lines);
        let server = explorer(lines);
        for metric in ["unblended", "amortized", "net-unblended", "net-amortized"] {
            let args = [NAME, "--metric", metric, "--json", "--all"];
            let ran = reconcile(&home, &server, month, &args);
            assert_eq!(ran.code, 0, "{} {metric}: {}{}", payer.name, ran.out, ran.err);
            let (section, verdict) = section(&ran);
            assert_eq!((verdict.as_str(), codes(&section).len()), ("equal", 0), "{}", ran.out);
            assert_ne!(units(&section["lake"]), 0);
            assert!(section["cells"].as_array().unwrap().len() > 20, "{}", ran.out);
            assert!(ran.err.contains("1 request, 0.01 USD"), "{}", ran.err);
        }
        assert_eq!(server.requests(), 4);
        let ran = reconcile(&home, &server, month, &[NAME]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.ends_with("\nequal\n"), "{}", ran.out);
        assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
    }
}

#[test]
fn accounts_that_one_side_lacks() {
    let organisation = organisation();
    let (payer, month) = (&organisation.payers()[0], organisation.months()[2]);
    let lines = organisation.ledger(payer, month, 1);
    let others: Vec<Line> =
        lines.iter().filter(|line| line.account.id != SANDBOX).cloned().collect();
    assert!(others.len() < lines.len());
    // The report lacks it: money is missing in the lake.
    let home = Home::new();
    deliver(&home, payer, month, "20260907T0Z", &others);
    let server = explorer(lines.clone());
    let ran = reconcile(&home, &server, month, &[NAME, "--json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let (own, verdict) = section(&ran);
    assert_eq!((codes(&own).as_slice(), verdict.as_str()), (&["account-not-in-lake"][..], "gap"));
    let cells = own["cells"].as_array().unwrap();
    assert!(cells.iter().all(|cell| cell["account"] == SANDBOX), "{}", ran.out);
    // Nothing is left that a second request could explain.
    assert_eq!(server.requests(), 1);
    let ran = reconcile(&home, &server, month, &[NAME]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("FAIL") && ran.out.contains("billhook sync hourly"), "{}", ran.out);
    // Cost Explorer lacks it: its credentials see less.
    let home = Home::new();
    deliver(&home, payer, month, "20260907T0Z", &lines);
    let ran = reconcile(&home, &explorer(others), month, &[NAME, "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let (own, verdict) = section(&ran);
    assert_eq!(codes(&own), ["account-not-in-cost-explorer"]);
    assert_eq!(verdict, "explained");
}

#[test]
fn a_month_that_was_delivered_before_it_was_closed() {
    let organisation = organisation();
    let (payer, month) = organisation.restated().unwrap();
    let home = Home::new();
    deliver(&home, payer, month, "20260907T0Z", &organisation.ledger(payer, month, 1));
    let closed = organisation.ledger(payer, month, 2);
    let server = explorer(closed.clone());
    let ran = reconcile(&home, &server, month, &[NAME, "--json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let (own, verdict) = section(&ran);
    assert_eq!(verdict, "gap");
    assert_eq!(codes(&own).last(), Some(&"delivery-old"), "{}", ran.out);
    assert_eq!(server.requests(), 2);
    // And then it is loaded.
    deliver(&home, payer, month, "20260908T0Z", &closed);
    let ran = reconcile(&home, &server, month, &[NAME, "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(section(&ran).1, "equal");
}

#[test]
fn a_line_that_is_missing_in_a_closed_and_in_an_open_month() {
    let organisation = organisation();
    let payer = &organisation.payers()[0];
    let cases =
        [(organisation.months()[2], "unexplained", 1), (today().month(), "month-not-final", 0)];
    for (month, code, exit_code) in cases {
        let home = Home::new();
        let lines = organisation.ledger(payer, month, 1);
        deliver(&home, payer, month, "20260907T0Z", &without_a_line(&lines));
        let server = explorer(lines);
        let ran = reconcile(&home, &server, month, &[NAME, "--json"]);
        assert_eq!(ran.code, exit_code, "{}{}", ran.out, ran.err);
        let (own, _) = section(&ran);
        assert_eq!(codes(&own), [code], "{}", ran.out);
        let cells = own["cells"].as_array().unwrap();
        assert_eq!(cells.len(), 1, "{}", ran.out);
        assert_eq!(cells[0]["explained_by"], code);
        assert!(ran.err.contains("2 requests, 0.02 USD (2 of 200 today)"), "{}", ran.err);
    }
}

#[test]
fn credits_that_one_side_lacks() {
    let organisation = organisation();
    let (payer, month) = (&organisation.payers()[0], organisation.months()[0]);
    let lines = organisation.ledger(payer, month, 1);
    let others: Vec<Line> =
        lines.iter().filter(|line| line.kind != Kind::Credit).cloned().collect();
    assert!(others.len() < lines.len());
    let home = Home::new();
    deliver(&home, payer, month, "20260907T0Z", &others);
    let ran = reconcile(&home, &explorer(lines), month, &[NAME, "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let (own, verdict) = section(&ran);
    assert_eq!((codes(&own).as_slice(), verdict.as_str()), (&["credits-differ"][..], "explained"));
}

#[test]
fn what_cannot_be_asked_is_told_and_paid_requests_are_counted() {
    let organisation = organisation();
    let (payer, month) = (&organisation.payers()[0], organisation.months()[2]);
    let lines = organisation.ledger(payer, month, 1);
    let home = Home::new();
    let server = explorer(lines.clone());
    assert_eq!(reconcile(&home, &server, month, &[NAME]).code, 1);
    deliver(&home, payer, month, "20260907T0Z", &lines);
    let ran = reconcile(&home, &server, month, &["nobody"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("billhook sync nobody"), "{}", ran.err);
    assert_eq!(reconcile(&home, &server, today().month().plus(1), &[NAME]).code, 2);
    let ran = home.run(&["reconcile", NAME, "--period", "last-month"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    let ran = reconcile(&home, &server, month, &[NAME, "--request-budget", "0"]);
    assert_eq!((ran.code, server.requests()), (3, 0), "{}", ran.err);
    assert!(ran.err.contains("budget of 0 Cost Explorer requests"), "{}", ran.err);
    server.fail_next(1, Failure::AccessDenied);
    let ran = reconcile(&home, &server, month, &[NAME]);
    assert_eq!((ran.code, server.requests()), (3, 1), "{}", ran.err);
    assert!(ran.err.contains("ce:GetCostAndUsage"), "{}", ran.err);
    assert!(ran.err.contains("1 request, 0.01 USD (1 of 200 today)"), "{}", ran.err);
    // The next one is counted on, whoever asks.
    let ran = reconcile(&home, &server, month, &[NAME, "--request-budget", "1"]);
    assert_eq!((ran.code, server.requests()), (3, 1), "{}", ran.err);
}

#[test]
fn without_a_name_what_counts_is_compared_by_payer() {
    let organisation = organisation();
    let (acme, month) = (&organisation.payers()[0], organisation.months()[2]);
    let lines = organisation.ledger(acme, month, 1);
    let home = Home::new();
    deliver(&home, acme, month, "20260907T0Z", &lines);
    let server = explorer(lines);
    // One payer: the environment will do.
    let ran = reconcile(&home, &server, month, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("hourly, billing account 111122223333"), "{}", ran.out);
    // Of two, only the one whose connection has credentials.
    let globex = &organisation.payers()[1];
    let place = home.path("globex");
    write(&place, globex, month, "20260907T0Z", &organisation.ledger(globex, month, 1));
    let ran = home.run(&["import", place.to_str().unwrap(), "--as", "globex"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = reconcile(&home, &server, month, &[]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("name a connection"), "{}", ran.err);
    let ran = reconcile(&home, &server, month, &["--profile", "somebody"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    let bucket = home.path("bucket");
    let location = bucket.to_str().unwrap();
    let mut connect = command(&home, &server);
    connect.args(["connect", NAME, "--kind", "cur", "--location", location, "--force"]);
    let ran = Ran::of(connect.output().unwrap());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let ran = reconcile(&home, &server, month, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("444455556666: left out"), "{}", ran.err);
    assert!(ran.out.contains("hourly, billing account 111122223333"), "{}", ran.out);
    assert!(!ran.out.contains("444455556666"), "{}", ran.out);
}
