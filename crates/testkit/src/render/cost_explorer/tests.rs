//! Answers against sums over the ledger, and the server as a client sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{CostExplorer, Failure, Metric, Server};
use crate::calendar::{Date, Month};
use crate::decimal::Decimal;
use crate::synth::{Commitment, Kind, Line, Organisation, Scale};

const TODAY: Date = Date::new(2026, 8, 19);

/// The bills of May to August 2026.
fn lines(payer: usize) -> Vec<Line> {
    let organisation = Organisation::ending(3, TODAY, Scale::Small);
    let payer = &organisation.payers()[payer];
    let months = organisation.months().into_iter();
    months.flat_map(|month| organisation.ledger(payer, month, 1)).collect()
}

fn explorer(lines: &[Line]) -> CostExplorer {
    CostExplorer::new(lines.to_vec(), &[Month::new(2026, 8)], TODAY)
}

/// A request for all metrics of May to August.
fn request(granularity: &str, group_by: &[(&str, &str)]) -> Value {
    let group = |&(kind, key): &(&str, &str)| json!({"Type": kind, "Key": key});
    json!({
        "TimePeriod": {"Start": "2026-05-01", "End": "2026-09-01"},
        "Granularity": granularity,
        "Metrics": Metric::ALL.map(Metric::name),
        "GroupBy": group_by.iter().map(group).collect::<Vec<_>>(),
    })
}

/// `request` with `fields` put in.
fn with(request: Value, fields: &Value) -> Value {
    let (mut request, fields) = (request, fields.as_object().expect("fields"));
    let own = request.as_object_mut().expect("an object");
    own.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
    request
}

/// Reads what `Display` wrote.
fn number(text: &str) -> Decimal {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let units: i128 = format!("{whole}{fraction:0<18}").parse().expect("digits");
    Decimal::from_units(sign * units)
}

fn results(answer: &Value) -> &[Value] {
    answer["ResultsByTime"].as_array().expect("results")
}

fn groups(result: &Value) -> &[Value] {
    result["Groups"].as_array().expect("groups")
}

fn amount(metrics: &Value, metric: Metric) -> Decimal {
    number(metrics[metric.name()]["Amount"].as_str().expect("a text"))
}

/// The sum of totals and groups.
fn sum(answer: &Value, metric: Metric) -> Decimal {
    let mut sum = Decimal::ZERO;
    for result in results(answer) {
        if result["Total"].get(metric.name()).is_some() {
            sum += amount(&result["Total"], metric);
        }
        sum += groups(result).iter().map(|group| amount(&group["Metrics"], metric)).sum();
    }
    sum
}

fn expected(lines: &[Line], metric: Metric) -> Decimal {
    lines.iter().map(|line| metric.of(line)).sum()
}

fn code(answer: Result<Value, super::ApiError>) -> &'static str {
    answer.expect_err("an error").code
}

#[test]
fn totals_are_the_ledgers() {
    for payer in [0, 1] {
        let lines = lines(payer);
        let explorer = explorer(&lines);
        for (granularity, periods) in [("MONTHLY", 4), ("DAILY", 123)] {
            let answer = explorer.answer(&request(granularity, &[])).expect("an answer");
            assert_eq!(results(&answer).len(), periods);
            for metric in Metric::ALL {
                assert_eq!(sum(&answer, metric), expected(&lines, metric), "{metric:?}");
            }
            for result in results(&answer) {
                assert!(groups(result).is_empty());
                let start = result["TimePeriod"]["Start"].as_str().expect("a text");
                assert_eq!(result["Estimated"], start >= "2026-08");
                assert_eq!(result["Total"]["UnblendedCost"]["Unit"], "USD");
            }
            assert!(answer.get("GroupDefinitions").is_none());
        }
    }
}

/// What covered usage and the unused rest cost is what the fees and the shares of the upfront
/// payments are.
#[test]
fn amortized_costs_are_fees_and_shares() {
    for payer in [0, 1] {
        let lines = lines(payer);
        let [mut gross, mut net] = [Decimal::ZERO; 2];
        for line in &lines {
            match &line.commitment {
                Commitment::ReservationPurchase(_) | Commitment::PlanPurchase(_) => continue,
                Commitment::ReservationFee(_, month) => {
                    gross += month.upfront.gross;
                    net += month.upfront.net;
                }
                Commitment::PlanFee { upfront, .. } => {
                    gross += *upfront;
                    net += *upfront;
                }
                _ => {}
            }
            gross += line.cost;
            net += line.net_cost().unwrap_or(line.cost);
        }
        assert_eq!(expected(&lines, Metric::AmortizedCost), gross);
        assert_eq!(expected(&lines, Metric::NetAmortizedCost), net);
        let unblended = expected(&lines, Metric::UnblendedCost);
        assert_eq!(expected(&lines, Metric::NetUnblendedCost), unblended);
        assert_eq!(expected(&lines, Metric::BlendedCost) == unblended, payer == 0);
    }
}

#[test]
fn groups_add_up_to_totals() {
    let lines = lines(1);
    let explorer = explorer(&lines);
    let groupings: [&[(&str, &str)]; 7] = [
        &[("DIMENSION", "SERVICE")],
        &[("DIMENSION", "LINKED_ACCOUNT"), ("DIMENSION", "RECORD_TYPE")],
        &[("DIMENSION", "REGION")],
        &[("DIMENSION", "USAGE_TYPE"), ("DIMENSION", "OPERATION")],
        &[("TAG", "team")],
        &[("TAG", "Team"), ("DIMENSION", "SERVICE")],
        &[("COST_CATEGORY", "CostCentre")],
    ];
    for granularity in ["MONTHLY", "DAILY"] {
        let totals = explorer.answer(&request(granularity, &[])).expect("an answer");
        for group_by in groupings {
            let answer = explorer.answer(&request(granularity, group_by)).expect("an answer");
            assert_eq!(results(&answer).len(), results(&totals).len());
            for (result, total) in results(&answer).iter().zip(results(&totals)) {
                assert_eq!(result["TimePeriod"], total["TimePeriod"]);
                assert_eq!(result["Total"], json!({}));
                for metric in Metric::ALL {
                    let own = groups(result).iter().map(|group| amount(&group["Metrics"], metric));
                    assert_eq!(own.sum::<Decimal>(), amount(&total["Total"], metric));
                }
            }
        }
    }
}

#[test]
fn keys_are_in_cost_explorers_words() {
    let lines = lines(1);
    let explorer = explorer(&lines);
    let keys = |kind: &str, key: &str| {
        let answer = explorer.answer(&request("MONTHLY", &[(kind, key)])).expect("an answer");
        let groups = results(&answer).iter().flat_map(groups);
        let keys = groups.map(|group| group["Keys"][0].as_str().expect("a text").to_owned());
        (keys.collect::<BTreeSet<_>>(), answer["DimensionValueAttributes"].clone())
    };
    let (services, none) = keys("DIMENSION", "SERVICE");
    for service in ["Amazon Elastic Compute Cloud - Compute", "EC2 - Other", "Tax"] {
        assert!(services.contains(service), "{services:?}");
    }
    assert!(!services.contains("Amazon Elastic Compute Cloud"));
    assert_eq!(none, json!([]));
    let (accounts, names) = keys("DIMENSION", "LINKED_ACCOUNT");
    assert_eq!(names.as_array().map(Vec::len), Some(accounts.len()));
    let shared = json!({"Value": "000566667780", "Attributes": {"description": "Globex Shared"}});
    assert!(names.as_array().expect("names").contains(&shared));
    let (types, _) = keys("DIMENSION", "RECORD_TYPE");
    let known = lines.iter().map(|line| super::record_type(line.kind).to_owned());
    assert!(types.is_subset(&known.collect()));
    assert!(types.contains("Enterprise Discount Program Discount") && types.contains("RIFee"));
    let (regions, _) = keys("DIMENSION", "REGION");
    assert!(regions.contains("eu-west-1") && regions.contains("NoRegion"), "{regions:?}");
    assert!(keys("DIMENSION", "USAGE_TYPE").0.contains("NoUsageType"));
    let (tags, _) = keys("TAG", "team");
    assert!(tags.contains("team$storefront") && tags.contains("team$"), "{tags:?}");
}

#[test]
fn nothing_is_left_of_zero_groups() {
    let lines = lines(0);
    let body = with(
        request("DAILY", &[("DIMENSION", "USAGE_TYPE")]),
        &json!({
            "Metrics": ["UnblendedCost"],
        }),
    );
    let answer = explorer(&lines).answer(&body).expect("an answer");
    let mut days = 0;
    for result in results(&answer) {
        assert!(
            groups(result)
                .iter()
                .all(|group| { !amount(&group["Metrics"], Metric::UnblendedCost).is_zero() })
        );
        days += usize::from(groups(result).is_empty());
    }
    // The rest of August is still to come.
    assert_eq!(days, 12);
}

#[test]
fn pages_add_up() {
    let lines = lines(0);
    let body = request("MONTHLY", &[("DIMENSION", "SERVICE"), ("DIMENSION", "LINKED_ACCOUNT")]);
    let whole = explorer(&lines).answer(&body).expect("an answer");
    assert!(whole.get("NextPageToken").is_none());
    let explorer = explorer(&lines).with_page_size(7);
    let pages = explorer.pages(&body).expect("pages");
    let count = |answer: &Value| results(answer).iter().map(|own| groups(own).len()).sum::<usize>();
    let (last, full) = pages.split_last().expect("pages");
    assert!(full.len() > 10);
    assert!(full.iter().all(|page| count(page) == 7));
    assert!((1..=7).contains(&count(last)));
    let mut merged: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for result in pages.iter().flat_map(results) {
        let own = merged.entry(result["TimePeriod"].to_string()).or_default();
        own.extend(groups(result).to_vec());
    }
    for result in results(&whole) {
        assert_eq!(merged[&result["TimePeriod"].to_string()], groups(result));
    }
    let token = json!({"NextPageToken": pages[0]["NextPageToken"]});
    let again = explorer.answer(&with(body.clone(), &token)).expect("an answer");
    assert_eq!(again, pages[1]);
    let other = request("MONTHLY", &[("DIMENSION", "SERVICE")]);
    assert_eq!(code(explorer.answer(&with(other, &token))), "RequestChangedException");
    let token = json!({"NextPageToken": "nonsense"});
    assert_eq!(code(explorer.answer(&with(body.clone(), &token))), "InvalidNextTokenException");
    // Periods without groups fill pages as well.
    assert_eq!(explorer.pages(&request("MONTHLY", &[])).expect("pages").len(), 1);
    assert_eq!(explorer.pages(&request("DAILY", &[])).expect("pages").len(), 18);
    let presets = explorer.moto_presets(&[body, request("MONTHLY", &[])]).expect("presets");
    assert_eq!(presets[0]["results"], json!(pages));
    assert_eq!(presets[1]["results"].as_array().map(Vec::len), Some(1));
}

#[test]
fn filters_choose_lines() {
    let lines = lines(1);
    let explorer = explorer(&lines);
    let check = |filter: Value, keep: &dyn Fn(&Line) -> bool| {
        let body = with(request("MONTHLY", &[]), &json!({"Filter": filter}));
        let answer = explorer.answer(&body).expect("an answer");
        let kept: Vec<Line> = lines.iter().filter(|line| keep(line)).cloned().collect();
        assert!(!kept.is_empty() && kept.len() < lines.len());
        assert_eq!(sum(&answer, Metric::AmortizedCost), expected(&kept, Metric::AmortizedCost));
        assert_eq!(sum(&answer, Metric::UsageQuantity), expected(&kept, Metric::UsageQuantity));
    };
    let account = json!({"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": ["555566667777"]}});
    let tax_or_credit = json!({"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Tax", "Credit"],
        "MatchOptions": ["EQUALS"]}});
    let own = |line: &Line| line.account.id == "555566667777";
    let taxed = |line: &Line| matches!(line.kind, Kind::Tax | Kind::Credit);
    check(account.clone(), &own);
    check(tax_or_credit.clone(), &taxed);
    check(json!({"Not": tax_or_credit}), &|line| !taxed(line));
    check(json!({"And": [account, {"Not": tax_or_credit}]}), &|line| own(line) && !taxed(line));
    check(json!({"Or": [account, tax_or_credit]}), &|line| own(line) || taxed(line));
    let team = |line: &Line| super::dimension::tag(line, "team").map(str::to_owned);
    check(json!({"Tags": {"Key": "team", "Values": ["storefront"]}}), &|line| {
        team(line).as_deref() == Some("storefront")
    });
    let absent = json!({"Tags": {"Key": "team", "MatchOptions": ["ABSENT"]}});
    check(absent, &|line| team(line).is_none());
}

#[test]
fn requests_are_checked() {
    let explorer = explorer(&lines(0)[..100]);
    let period = |start: &str, end: &str| json!({"TimePeriod": {"Start": start, "End": end}});
    let group = json!({"Type": "DIMENSION", "Key": "SERVICE"});
    let one = json!({"Dimensions": {"Key": "SERVICE", "Values": ["Tax"]}});
    let wrong = [
        period("2026-08-01", "2026-08-01"),
        period("2026-08-02", "2026-08-01"),
        period("2026-08-32", "2026-09-01"),
        period("2026-8-1", "2026-09-01"),
        period("2026-08-01T00:00:00Z", "2026-08-02T00:00:00Z"),
        period("2026-08-20", "2026-09-01"),
        period("2025-06-30", "2026-08-01"),
        json!({"TimePeriod": null}),
        json!({"Granularity": "YEARLY"}),
        json!({"Metrics": []}),
        json!({"Metrics": ["UNBLENDED_COST"]}),
        json!({"GroupBy": [group, group, group]}),
        json!({"GroupBy": [{"Type": "DIMENSION", "Key": "NAME"}]}),
        json!({"Filter": {}}),
        json!({"Filter": {"Not": one, "And": [one, one]}}),
        json!({"Filter": {"And": [one]}}),
        json!({"Filter": {"Dimensions": {"Key": "SERVICE", "Values": []}}}),
        json!({"Filter": {"Dimensions": {"Key": "SERVICE", "Values": ["a"],
            "MatchOptions": ["CONTAINS"]}}}),
    ];
    for fields in wrong {
        let answer = explorer.answer(&with(request("DAILY", &[]), &fields));
        assert_eq!(code(answer), "ValidationException", "{fields}");
    }
    let today = with(request("DAILY", &[]), &period("2026-08-19", "2026-08-20"));
    assert_eq!(results(&explorer.answer(&today).expect("an answer")).len(), 1);
    let oldest = with(request("MONTHLY", &[]), &period("2025-07-01", "2026-08-15"));
    let answer = explorer.answer(&oldest).expect("an answer");
    assert_eq!(results(&answer).len(), 14);
    let last = json!({"Start": "2026-08-01", "End": "2026-08-15"});
    assert_eq!(results(&answer)[13]["TimePeriod"], last);
}

#[test]
fn hours_are_kept_for_two_weeks() {
    let organisation =
        Organisation::new(9, Month::new(2026, 8), 1, Date::new(2026, 8, 4), Scale::Demo);
    let lines = organisation.ledger(&organisation.payers()[1], Month::new(2026, 8), 1);
    let explorer = CostExplorer::new(lines.clone(), &[], Date::new(2026, 8, 16));
    let hourly = |start: &str, end: &str| {
        let period = json!({"TimePeriod": {"Start": start, "End": end}});
        explorer.answer(&with(request("HOURLY", &[]), &period))
    };
    let answer = hourly("2026-08-02T05:00:00Z", "2026-08-03T00:00:00Z").expect("an answer");
    assert_eq!(results(&answer).len(), 19);
    let first = json!({"Start": "2026-08-02T05:00:00Z", "End": "2026-08-02T06:00:00Z"});
    assert_eq!(results(&answer)[0]["TimePeriod"], first);
    let hours = Date::new(2026, 8, 2).start().plus(5)..Date::new(2026, 8, 3).start();
    let kept: Vec<Line> =
        lines.into_iter().filter(|line| hours.contains(&line.usage.start)).collect();
    assert!(!kept.is_empty());
    assert_eq!(sum(&answer, Metric::UnblendedCost), expected(&kept, Metric::UnblendedCost));
    assert_eq!(code(hourly("2026-08-01T23:00:00Z", "2026-08-03")), "ValidationException");
}

/// Posts `body` and gives status and answer; none when the connection just ends.
fn post(server: &Server, target: &str, body: &Value) -> Option<(String, Value)> {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    let body = body.to_string();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {}\r\nX-Amz-Target: {target}\r\n\
         Content-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\r\n{body}",
        server.endpoint(),
        body.len()
    )
    .expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("received");
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).expect("a status");
    Some((status.to_owned(), serde_json::from_str(body).expect("JSON")))
}

const TARGET: &str = "AWSInsightsIndexService.GetCostAndUsage";

#[test]
fn the_server_answers() {
    let lines = lines(0);
    let explorer = explorer(&lines);
    let server = Server::start(explorer.clone()).expect("a server");
    let body = request("MONTHLY", &[("DIMENSION", "SERVICE")]);
    let (status, answer) = post(&server, TARGET, &body).expect("an answer");
    assert_eq!((status.as_str(), &answer), ("200", &explorer.answer(&body).expect("an answer")));
    let (status, answer) = post(&server, TARGET, &json!({})).expect("an answer");
    assert_eq!(status, "400");
    assert_eq!(answer["__type"], "com.amazonaws.ce#ValidationException");
    let (status, answer) =
        post(&server, "AWSInsightsIndexService.GetTags", &json!({})).expect("an answer");
    assert_eq!(status, "400");
    assert_eq!(answer["__type"], "com.amazonaws.ce#UnknownOperationException");
    assert_eq!(server.requests(), 2);
    assert_eq!(server.bodies(), [body, json!({})]);
    // Idle connections do not keep it from stopping, and then nobody listens.
    let address = server.address();
    let idle = TcpStream::connect(address).expect("a connection");
    drop(server);
    drop(idle);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_server_fails_as_told() {
    let server = Server::start(explorer(&lines(0)[..100])).expect("a server");
    let body = request("MONTHLY", &[]);
    server.fail_at(4, Failure::DropConnection);
    server.fail_next(2, Failure::Throttling);
    server.fail_next(1, Failure::ServerError);
    let mut answers = Vec::new();
    for _ in 0..5 {
        let own = post(&server, TARGET, &body);
        let own = own.map(|(status, body)| (status, body["__type"].as_str().map(str::to_owned)));
        answers.push(own);
    }
    let error = |status: &str, code: &str| {
        Some((status.to_owned(), Some(format!("com.amazonaws.ce#{code}"))))
    };
    let throttled = error("400", "ThrottlingException");
    let broken = error("500", "InternalServerError");
    assert_eq!(answers, [throttled.clone(), throttled, broken, None, Some(("200".into(), None))]);
    for (failure, code) in [
        (Failure::LimitExceeded, "LimitExceededException"),
        (Failure::DataUnavailable, "DataUnavailableException"),
        (Failure::AccessDenied, "AccessDeniedException"),
    ] {
        server.fail_next(1, failure);
        let (status, answer) = post(&server, TARGET, &body).expect("an answer");
        assert_eq!(status, "400");
        assert_eq!(answer["__type"], format!("com.amazonaws.ce#{code}"));
    }
    assert_eq!(server.requests(), 8);
}
