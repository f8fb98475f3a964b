//! What strangers can write into a bill stays text: names of accounts, tags, ids of resources, and
//! what is typed. (X-13; here without a browser.)

use serde_json::{Value, json};

use crate::bill::{self, FORMULA, MARKUP, MONTH, TURNED};
use crate::client::{Answer, Client};
use crate::home::Home;
use crate::house::House;

/// How markup looks where it is text: askama writes numbers, others write names.
const ESCAPED: [&str; 3] = ["&#60;img src=x", "&lt;img src=x", "&#x3c;img src=x"];

/// Looks that nothing of a bill is markup. True when there is markup as text.
fn is_inert(path: &str, answer: &Answer) -> bool {
    let text = answer.text();
    assert_eq!(answer.status, 200, "{path}: {text}");
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    if !kind.contains("html") && !kind.contains("svg") {
        return false;
    }
    assert!(!text.contains("<img"), "{path} has markup of the bill");
    assert!(!seen(&text).contains('\u{202E}'), "{path} has text that turns round");
    assert!(!text.contains(" style="), "{path} has a style of its own");
    assert!(!text.contains("<script>") && !text.contains(" onerror=\""), "{path}");
    ESCAPED.iter().any(|escaped| text.contains(escaped))
}

/// What people read of a page: no tags, and nothing that is typed or copied, which stays as it is.
fn seen(page: &str) -> String {
    let mut seen = String::new();
    let mut kept = "";
    for part in page.split('<') {
        let (tag, text) = part.split_once('>').unwrap_or(("", part));
        let name = tag.split([' ', '\n']).next().unwrap_or_default();
        if kept.is_empty() && matches!(name, "pre" | "textarea") {
            kept = name;
        } else if tag.strip_prefix('/') == Some(kept) {
            kept = "";
        }
        if kept.is_empty() {
            seen.push_str(text);
        }
    }
    seen
}

fn open() -> House {
    let home = Home::new();
    bill::hostile(&home);
    House::open(home)
}

/// Addresses of the page that begin so.
fn links(page: &str, start: &str) -> Vec<String> {
    let found = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let found = found.filter(|href| href.starts_with(start));
    found.map(|href| href.replace("&amp;", "&").replace("&#38;", "&")).collect()
}

#[test]
fn x_13_names_of_a_bill_are_text_on_every_page() {
    let mut house = open();
    let month = format!("period={MONTH}");
    let mut shown = Vec::new();
    for path in [
        format!("/?{month}"),
        format!("/costs?{month}&by=SubAccountName"),
        format!("/costs?{month}&by=tag:team&top=10"),
        format!("/costs?{month}&by=ResourceId&top=10"),
        format!("/costs?{month}&by=SubAccountName&by=tag:team&view=lines"),
        format!("/costs?{month}&by=SubAccountName&view=multiples"),
        format!("/costs?{month}&is.SubAccountName=%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E"),
        format!("/costs?{month}&is.SubAccountName=a%E2%80%AEgnp.exe"),
        format!("/costs/values?{month}&col=SubAccountName"),
        format!("/costs/values?{month}&col=tag:team"),
        format!("/costs/lines?{month}&col=SubAccountName,ResourceId,tag:team"),
        format!("/costs/costs.svg?{month}&by=SubAccountName"),
        "/history".to_owned(),
        format!("/history/hostile/{MONTH}"),
        "/connections/hostile".to_owned(),
        "/settings/authority".to_owned(),
        "/sql".to_owned(),
    ] {
        let answer = house.admin.follow(&path);
        if is_inert(&path, &answer) {
            shown.push(path);
        }
    }
    assert!(shown.len() >= 8, "markup is shown as text only on {shown:?}");
    let markup: String = url::form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect();
    let lines = house.viewer.page(&format!("/costs/lines?{month}&is.SubAccountName={markup}"));
    let line = links(&lines, "/costs/line?");
    assert!(!line.is_empty(), "{lines}");
    assert!(is_inert(&line[0], &house.viewer.get(&line[0])));
    // Long names are whole somewhere, and SQL shows all of it as text.
    let query = "SELECT DISTINCT SubAccountName FROM costs ORDER BY 1";
    let answer = house.viewer.post("/sql", &[("q", query)]);
    assert!(is_inert("/sql", &answer), "{}", answer.text());
    assert!(answer.text().contains(&bill::long()));
}

#[test]
fn what_is_typed_is_text() {
    let mut house = open();
    let typed = format!("{MARKUP}{TURNED}\"'><script>alert(1)</script>");
    let encoded: String = url::form_urlencoded::byte_serialize(typed.as_bytes()).collect();
    for path in [
        format!("/costs?metric={encoded}"),
        format!("/costs?by={encoded}"),
        format!("/costs?is.ServiceName={encoded}"),
        format!("/costs/values?col=ServiceName&search={encoded}"),
        format!("/costs/lines?col={encoded}"),
        format!("/costs?asof={encoded}"),
        format!("/connections/{encoded}"),
        format!("/streams/{encoded}"),
        format!("/history/{encoded}/{MONTH}"),
        format!("/help/findings/{encoded}"),
        format!("/{encoded}"),
        format!("/sql?q={encoded}"),
        format!("/sign-in?next={encoded}"),
        format!("/settings/audit?who={encoded}&subject={encoded}"),
        format!("/settings/users/{encoded}"),
        format!("/connections/drafts/{encoded}/place"),
    ] {
        let text = house.admin.get(&path).text();
        assert!(!text.contains("<img src=x") && !text.contains("<script>alert"), "{path}: {text}");
    }
    for (path, fields) in [
        ("/sql", vec![("q", typed.as_str())]),
        ("/sql/saved", vec![("q", "SELECT 1"), ("name", typed.as_str()), ("action", "new")]),
        ("/costs/saved", vec![("text", "by=ServiceName"), ("name", typed.as_str())]),
        ("/settings/users", vec![("name", typed.as_str()), ("role", "viewer")]),
        ("/settings/tokens/new", vec![("name", typed.as_str()), ("api", "1")]),
        ("/connections/hostile/schedule", vec![("schedule", typed.as_str())]),
        ("/connections/hostile/rename", vec![("name", typed.as_str())]),
        ("/sign-in", vec![("user", typed.as_str()), ("password", "wrong horse battery")]),
    ] {
        let text = house.admin.post(path, &fields).text();
        assert!(!text.contains("<img src=x") && !text.contains("<script>alert"), "{path}: {text}");
    }
    // What was saved under such a name is listed as text.
    for path in ["/costs/saved", "/sql", "/settings/audit"] {
        let text = house.viewer.get(path).text() + &house.admin.get(path).text();
        assert!(!text.contains("<img src=x") && !text.contains("<script>alert"), "{path}: {text}");
    }
}

/// The exact total of a view.
fn total(client: &mut Client, query: &str) -> Option<Value> {
    let answer = client.get(&format!("/api/v1/costs?period={MONTH}&{query}"));
    (answer.status == 200).then(|| answer.json()["total"].clone())
}

#[test]
fn conditions_are_values_and_no_sql() {
    let mut house = open();
    let whole = total(&mut house.viewer, "").unwrap();
    assert_ne!(whole, "0");
    for value in [
        "' OR '1'='1",
        "x' OR 1=1 --",
        "\" OR \"\"=\"",
        "x'); DROP TABLE costs; --",
        "%",
        "_%",
        "\\",
        "x' UNION SELECT 1 --",
    ] {
        let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        for how in ["is.ServiceName", "is.tag:team", "is.SubAccountName"] {
            let found = total(&mut house.viewer, &format!("{how}={value}"));
            assert!(found.is_none_or(|found| found == "0"), "{how}={value} finds something");
        }
        // Nothing contains these but what they stand for themselves.
        let found = total(&mut house.viewer, &format!("like.ServiceName={value}"));
        assert!(found.is_none_or(|found| found == "0"), "like {value} finds something");
    }
    for column in [
        "ServiceName\"; DROP TABLE costs; --",
        "ServiceName) FROM costs; --",
        "1",
        "*",
        "BilledCost",
        "(SELECT 1)",
        "tag:team'] OR ['x",
        "read_parquet('/etc/passwd')",
    ] {
        let column: String = url::form_urlencoded::byte_serialize(column.as_bytes()).collect();
        let answer = house.viewer.get(&format!("/api/v1/costs?period={MONTH}&by={column}"));
        assert!(answer.status < 500, "{column}: {}", answer.text());
        assert!(!answer.text().contains("root:"), "{}", answer.text());
    }
    assert_eq!(total(&mut house.viewer, "").unwrap(), whole);
    let markup: String = url::form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect();
    let kept = total(&mut house.viewer, &format!("is.SubAccountName={markup}"));
    assert!(kept.is_some_and(|kept| kept != "0"));
}

#[test]
fn downloads_are_files_and_spreadsheets_run_nothing() {
    let mut house = open();
    let view = format!("period={MONTH}&by=SubAccountName");
    for (path, ending) in
        [("costs.csv", ".csv"), ("costs.parquet", ".parquet"), ("costs.svg", ".svg")]
    {
        let answer = house.viewer.get(&format!("/costs/{path}?{view}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let disposition = answer.header("content-disposition").unwrap_or_default();
        assert!(disposition.starts_with("attachment"), "{path}: {disposition}");
        assert!(disposition.contains(ending), "{path}: {disposition}");
    }
    let plain = house.viewer.get(&format!("/costs/costs.csv?{view}")).text();
    assert!(plain.contains(FORMULA) && plain.contains(MARKUP), "{plain}");
    let safe = house.viewer.get(&format!("/costs/costs.csv?{view}&safe=1")).text();
    let runs =
        |text: &str| text.lines().any(|line| line.trim_start_matches('"').starts_with(FORMULA));
    assert!(runs(&plain) && !runs(&safe), "{safe}");
    let query = json!({
        "query": "SELECT DISTINCT SubAccountName FROM costs", "format": "csv", "safe": true
    });
    let safe = house.viewer.call("POST", "/api/v1/sql", &query);
    assert!(!runs(&safe.text()), "{}", safe.text());
}
