//! Questions that summaries answer and those that lines answer: the same to the last digit.

use std::sync::Arc;

use billhook_aws::S3Options;
use billhook_focus::metric;
use billhook_lake::session::LakeSession;
use billhook_lake::summary::{Cut, Question, Summaries};
use billhook_sources::text::inflate::Limits;
use billhook_testkit::calendar::{Date, Month};
use billhook_testkit::demo::{write_first_round, write_others};
use billhook_testkit::synth::{Organisation, Scale};

use super::*;
use crate::Home;
use crate::import::import;
use crate::ingest::{Options, Silent};

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 9, 20).unwrap()
}

fn options(home: &Home) -> Options {
    Options {
        workers: 1,
        limits: Limits::default(),
        allow_quarantine: false,
        spool: home.spool(),
        now: 1_790_000_000_000_000,
        stop: Arc::default(),
        progress: Arc::new(Silent),
        kinds: Vec::new(),
        period: None,
        newest_first: false,
        kept: None,
    }
}

/// Two companies' bills of three months, some of them in two formats.
async fn lake(root: &std::path::Path) -> Home {
    let home = Home::open(&root.join("home"), None, &S3Options::default()).unwrap();
    let first = Month::new(2026, 7);
    let organisation = Organisation::new(7, first, 3, Date::new(2026, 9, 20), Scale::Small);
    let reports = write_first_round(root, &organisation).unwrap().reports;
    let others = write_others(root, &organisation).unwrap();
    for place in reports.iter().map(|report| &report.bucket_dir).chain(&others) {
        let place = billhook_aws::open(place.to_str().unwrap(), &S3Options::default()).unwrap();
        import(&home, &place, None, &options(&home), |_| {}).await.unwrap();
    }
    home
}

fn asked(by: &[&str], filters: &[&str]) -> ReportRequest {
    let days = period::parse("2026-08-01..2026-09-15", today()).unwrap();
    ReportRequest {
        by: by.iter().map(|by| (*by).to_owned()).collect(),
        range: Some(days),
        filters: filters.iter().map(|filter| Filter::parse(filter).unwrap()).collect(),
        compare: Some(Compare::Previous),
        ..ReportRequest::new(today())
    }
}

fn questions() -> Vec<ReportRequest> {
    let metric = |column: &str| metric::ALL.iter().find(|metric| metric.column == column).unwrap();
    let region = || asked(&["region"], &[]);
    vec![
        asked(&["resource"], &[]),
        asked(&["tag:team", "x_UsageType"], &["charge=Usage"]),
        asked(&["tag:team"], &["tag:team!=(none)", "service=Amazon Elastic Compute Cloud"]),
        asked(&["category:environment"], &["resource-tag:team=(none)"]),
        asked(&["account-name", "ou"], &["region=(none)"]),
        asked(&["connection", "x_BillingPeriod"], &["x_LineItemType!=Usage"]),
        ReportRequest { granularity: Granularity::Daily, ..region() },
        ReportRequest { granularity: Granularity::Monthly, top: Some(2), ..region() },
        ReportRequest { scope: Scope::All, metric: metric("x_UnblendedCost"), ..region() },
        ReportRequest { metric: metric("x_NetAmortizedCost"), ..region() },
        ReportRequest { currency: Some("usd".to_owned()), ..region() },
        asked(&["sku"], &["resource=no such thing"]),
        // What summaries do not know.
        asked(&["day", "resource"], &[]),
        asked(&["region"], &["x_SourceRow=7"]),
        ReportRequest {
            granularity: Granularity::Hourly,
            compare: None,
            ..asked(&["region"], &[])
        },
    ]
}

async fn told(session: &LakeSession, request: &ReportRequest) -> String {
    match report_in(session, request).await {
        Ok(report) => format!("{report:#?}"),
        Err(error) => format!("{error:?}"),
    }
}

async fn listed(session: &LakeSession, request: &ReportRequest, skip: u64) -> Lines {
    let columns = ["service", "resource", "tag:team"].map(str::to_owned).to_vec();
    let (report, range) = (request.clone(), request.range.unwrap());
    let wanted = LinesRequest { report, range, columns, skip, limit: 20 };
    lines_in(session, &wanted).await.unwrap()
}

#[tokio::test]
async fn summaries_tell_what_lines_tell() {
    let root = tempfile::tempdir().unwrap();
    let home = lake(root.path()).await;
    let folder = root.path().join("summaries");
    let summaries = Arc::new(Summaries::open(&folder).unwrap());
    let plain = LakeSession::open(&home.lake, None).await.unwrap();
    let summed = LakeSession::open(&home.lake, None).await.unwrap().summed_by(&summaries);
    let question = Question {
        is_consolidated: true,
        keys: &["\"RegionId\"".to_owned()],
        condition: "true",
        from: NaiveDate::from_ymd_opt(2026, 8, 1).unwrap(),
        to: today(),
        cut: Cut::Whole,
        metric: "BilledCost",
        largest: 10,
    };
    assert!(!plain.left_out.is_empty(), "nobody has authority");
    assert_eq!(summed.summed(&question).await.unwrap(), None);
    for file in summed.line_files() {
        assert!(!summaries.has(file));
        summaries.make(&home.lake, file).await.unwrap();
        assert!(summaries.has(file));
    }
    let answer = summed.summed(&question).await.unwrap().unwrap();
    assert!(answer.groups.len() > 2);
    assert!(answer.reached.unwrap() > 0);
    // Fewer figures than lines that are shown: of one resource, and of what has none.
    let keys = ["\"ResourceId\"".to_owned()];
    let resources = summed.summed(&Question { keys: &keys, ..question.clone() }).await.unwrap();
    let one = resources.unwrap().groups.into_iter().find_map(|mut keys| keys.pop()?).unwrap();
    let few = [format!("resource={one}"), "x_LineItemType=Tax".to_owned()];
    let few = few.map(|filter| asked(&[], &[&filter]));
    for request in questions().into_iter().chain(few) {
        let (expected, found) = (told(&plain, &request).await, told(&summed, &request).await);
        pretty(&expected, &found, &request);
        let skips: &[u64] = if request.by == ["resource"] { &[0, 60] } else { &[0] };
        for skip in skips {
            let expected = listed(&plain, &request, *skip).await;
            assert_eq!(listed(&summed, &request, *skip).await, expected, "{request:?}");
        }
    }
    // Another process finds them; what is deleted is not asked.
    let again = Arc::new(Summaries::open(&folder).unwrap());
    let session = LakeSession::open(&home.lake, None).await.unwrap().summed_by(&again);
    assert!(session.summed(&question).await.unwrap().is_some());
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(session.summed(&question).await.unwrap(), None);
    assert!(again.trouble().is_some());
    assert!(session.line_files().iter().all(|file| !again.has(file)));
}

/// The first line that differs says more than two long texts.
fn pretty(expected: &str, found: &str, request: &ReportRequest) {
    let differs = expected.lines().zip(found.lines()).find(|(a, b)| a != b);
    assert_eq!(differs, None, "{request:?}");
    assert_eq!(expected.lines().count(), found.lines().count(), "{request:?}");
}
