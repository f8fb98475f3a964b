//! A lake that goes away while it is served: what is told then, what works all the same, and that
//! everything works again when it is back.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::bill::{self, MONTH, TOTAL};
use crate::client::{Answer, Client};
use crate::home::Home;
use crate::house::House;

/// So long is waited for what the server finds out by itself.
const PATIENCE: Duration = Duration::from_mins(2);

/// Asks until the answer is as wanted.
fn until(client: &mut Client, path: &str, is_wanted: impl Fn(&Answer) -> bool) -> Answer {
    let began = Instant::now();
    loop {
        let answer = client.get(path);
        if is_wanted(&answer) {
            return answer;
        }
        let waited = began.elapsed();
        assert!(waited < PATIENCE, "{path}: {} {}", answer.status, answer.text());
        sleep(Duration::from_millis(200));
    }
}

/// Is it what is told while the lake cannot be read?
fn is_out(answer: &Answer) -> bool {
    answer.status == 503 && answer.text().contains("Retrying every 10 s, try ")
}

#[test]
fn er_1_a_lake_that_is_gone_is_told_and_everything_works_when_it_is_back() {
    let home = Home::new();
    bill::small(&home);
    let mut house = House::open(home);
    let costs = format!("/api/v1/costs?period={MONTH}");
    let before = house.viewer.api(&costs);
    assert!(before.to_string().contains(TOTAL), "{before}");
    let (here, there) = (house.home.path("home/lake"), house.home.path("elsewhere"));
    fs::rename(&here, &there).unwrap();

    let problem = until(&mut house.viewer, &costs, is_out);
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem.header("retry-after"), Some("10"));
    let root = house.home.dir.path().to_str().unwrap().to_owned();
    for path in ["/", "/history", costs.as_str()] {
        let answer = house.viewer.follow(path);
        let text = answer.text();
        assert!(is_out(&answer), "{path}: {} {text}", answer.status);
        assert!(!text.contains(&root), "{path} tells where the lake lies: {text}");
        assert!(text.contains("The lake cannot be read"), "{path}: {text}");
    }
    let page = house.viewer.follow("/").text();
    assert!(page.contains("<h1>The lake cannot be read</h1>"), "{page}");
    assert!(page.contains("What to do:") && page.contains("href=\"/connections\""), "{page}");
    assert_eq!(house.viewer.get("/readyz").status, 503);
    assert_eq!(house.viewer.get("/healthz").status, 200);

    let is_told = |answer: &Answer| answer.text().contains("Retrying every 10 s, try ");
    let page = until(&mut house.admin, "/connections", is_told);
    assert!(page.status == 200 && page.text().contains("acme"), "{}", page.text());
    house.admin.page("/settings/users");
    house.viewer.page("/settings/tokens");
    house.viewer.page("/help/metrics");
    assert!(!here.exists(), "something was made where the lake was");

    fs::rename(&there, &here).unwrap();
    let healed = until(&mut house.viewer, &costs, |answer| answer.status == 200);
    assert!(healed.text().contains(TOTAL), "{}", healed.text());
    until(&mut house.viewer, "/connections", |answer| !answer.text().contains("cannot read"));
}
