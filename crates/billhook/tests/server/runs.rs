//! Questions that take longer than a page waits become runs; views and queries that are too long
//! for a link have a short one.

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::bill::{self, TOTAL};
use crate::client::{Answer, Client, encoded};
use crate::home::Home;
use crate::house::House;

/// No page waits: every question that nobody has asked before becomes a run.
fn impatient() -> House {
    let home = Home::new();
    bill::small(&home);
    House::open_with(home, &[], &[], &[("BILLHOOK_LIMITS_PAGE_SECONDS", "0")])
}

/// Where a run leads when it is done.
fn led(client: &mut Client, answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let run = answer.location().to_owned();
    assert!(run.starts_with("/runs/"), "{run}");
    loop {
        let page = client.get(&run);
        if page.status == 303 {
            return page.location().to_owned();
        }
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(!page.text().contains("failed"), "{}", page.text());
        sleep(Duration::from_millis(50));
    }
}

/// A job, once it is over.
fn over(client: &mut Client, path: &str) -> Value {
    loop {
        let job = client.api(path);
        if !job["finished_at"].is_null() {
            return job;
        }
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_page_that_would_wait_leads_to_a_run_and_back_to_the_answer() {
    let mut house = impatient();
    for path in [
        "/costs?period=2026-09",
        "/costs/lines?period=2026-09",
        "/costs/values?period=2026-09&col=ServiceName",
    ] {
        let asked = house.viewer.get(path);
        assert_eq!(led(&mut house.viewer, &asked), path);
        let page = house.viewer.get(path);
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        assert!(page.text().contains("class=\"money\""), "{path}: {}", page.text());
        // It is kept for everybody.
        assert_eq!(house.admin.get(path).status, 200, "{path}");
    }
    // Nobody is led elsewhere.
    let asked = house.viewer.get("/costs?period=2026-09&by=");
    let run = asked.location().split('?').next().unwrap().to_owned();
    let elsewhere = format!("{run}?back=%2F%2Fevil.example");
    over(&mut house.viewer, &run.replace("/runs/", "/api/v1/jobs/"));
    assert_eq!(house.viewer.get(&elsewhere).location(), "/costs?period=2026-09&by=");
}

#[test]
fn a_program_waits_unless_it_prefers_not_to() {
    let mut house = impatient();
    let path = "/api/v1/costs?period=2026-09";
    let prefer = [("Prefer", "respond-async")];
    let answer = house.viewer.send("GET", path, &prefer, "");
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.header("preference-applied"), Some("respond-async"));
    assert_eq!(answer.json()["kind"], "question");
    let job = over(&mut house.viewer, answer.location());
    assert_eq!((&job["state"], &job["href"]), (&"done".into(), &path.into()));
    let answer = house.viewer.send("GET", path, &prefer, "");
    assert_eq!((answer.status, &answer.json()["total"]), (200, &TOTAL.into()));
    // Who does not say so gets the answer at once, however long that is.
    let lines = house.viewer.api("/api/v1/costs/lines?period=2026-09");
    assert_eq!(lines["total"], TOTAL);
}

#[test]
fn a_query_goes_on_without_its_page_and_its_answer_is_shown_with_it_alone() {
    let mut house = impatient();
    let asked = house.viewer.post("/sql", &[("q", "SELECT 40 + 2 AS answer")]);
    let to = led(&mut house.viewer, &asked);
    assert!(to.starts_with("/sql?q=SELECT+40+%2B+2+AS+answer&answer="), "{to}");
    assert!(house.viewer.page(&to).contains(">42<"));
    let other = to.replace("SELECT+40", "SELECT+41");
    let text = house.viewer.page(&other);
    assert!(!text.contains(">42<") && !text.contains(">43<"), "{text}");
    let plan = [("q", "SELECT 40 + 2 AS answer"), ("action", "explain")];
    let asked = house.viewer.post("/sql", &plan);
    let to = led(&mut house.viewer, &asked);
    assert!(house.viewer.page(&to).contains("id=\"answer\" tabindex=\"-1\">Plan<"));
}

#[test]
fn who_ask_the_same_share_a_run_and_who_began_it_may_cancel_it() {
    let mut house = impatient();
    let endless = "SELECT SUM(a.value % 7 * b.value) FROM generate_series(1, 200000) a \
                   CROSS JOIN generate_series(1, 200000) b";
    let first = house.viewer.post("/sql", &[("q", endless)]);
    let second = house.admin.post("/sql", &[("q", endless)]);
    let run = first.location().to_owned();
    assert!(run.starts_with("/runs/"), "{} {}", first.status, first.text());
    assert_eq!(second.location(), run);
    let page = house.viewer.page(&run);
    assert!(page.contains("This page may be closed") && page.contains(">Cancel<"), "{page}");
    let job = run.replace("/runs/", "/api/v1/jobs/");
    assert_eq!(house.viewer.post(&format!("{run}/cancel"), &[]).status, 303);
    assert_eq!(over(&mut house.viewer, &job)["state"], "stopped");
    let page = house.viewer.page(&run);
    assert!(page.contains("Back to the question") && !page.contains(">Cancel<"), "{page}");
    // What somebody else asks is not a viewer's to stop.
    let theirs = house.admin.post("/sql", &[("q", endless)]);
    let run = theirs.location().to_owned();
    let page = house.viewer.page(&run);
    assert!(!page.contains(">Cancel<"), "{page}");
    assert_eq!(house.viewer.post(&format!("{run}/cancel"), &[]).status, 403);
    assert_eq!(house.admin.post(&format!("{run}/cancel"), &[]).status, 303);
    let job = run.replace("/runs/", "/api/v1/jobs/");
    assert_eq!(over(&mut house.admin, &job)["state"], "stopped");
}

/// A view of many accounts, one of which is billed, in ascending order or the other way round.
fn of_many(path: &str, is_reversed: bool) -> String {
    let mut accounts: Vec<u64> = (444_455_556_666_u64..).take(300).collect();
    if is_reversed {
        accounts.reverse();
    }
    let accounts = accounts.iter().map(|account| format!("&is.SubAccountId={account}"));
    format!("{path}?period=2026-09{}", accounts.collect::<String>())
}

#[test]
fn a_view_that_is_too_long_for_a_link_has_a_short_one() {
    let home = Home::new();
    bill::small(&home);
    let mut house = House::open(home);
    for path in ["/costs", "/costs/lines"] {
        let answer = house.viewer.get(&of_many(path, false));
        let short = answer.location().to_owned();
        assert!(answer.status == 303 && short.starts_with("/v/"), "{} {short}", answer.status);
        assert_eq!(short.len(), "/v/".len() + 22, "{short}");
        assert_eq!(house.admin.get(&of_many(path, true)).location(), short);
        let page = house.admin.get(&short);
        let text = page.text();
        assert_eq!(page.status, 200, "{text}");
        assert!(text.contains(&format!("value=\"{TOTAL}")), "{text}");
        assert!(text.contains(&format!("rel=\"canonical\" href=\"{short}\"")), "{text}");
    }
    let lost = house.viewer.get("/v/AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(lost.status, 404);
    assert!(lost.text().contains("No view or query is kept"), "{}", lost.text());
}

#[test]
fn sq_3_a_query_that_is_too_long_for_a_link_has_one_that_runs_nothing() {
    let home = Home::new();
    bill::small(&home);
    let mut house = House::open(home);
    let query = format!("SELECT 40 + 2 AS answer -- {}", "x".repeat(5_000));
    let page = house.viewer.post("/sql", &[("q", query.as_str())]);
    let text = page.text();
    assert!(page.status == 200 && text.contains(">42<"), "{} {text}", page.status);
    let short = text.split_once("href=\"/v/").and_then(|(_, rest)| rest.split('"').next());
    let short = format!("/v/{}", short.unwrap());
    let long = format!("/sql?{}", encoded(&[("q", query.as_str())]));
    assert_eq!(house.admin.get(&long).location(), short);
    let shown = house.admin.page(&short);
    assert!(shown.contains(&"x".repeat(5_000)), "{shown}");
    assert!(!shown.contains(">42<") && !shown.contains("id=\"answer\""), "{shown}");
}
