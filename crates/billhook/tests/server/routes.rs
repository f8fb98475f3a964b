//! Every way into the server: without sign-in, with the wrong role, without the token of a form,
//! with a method that it does not know, and with nonsense. The list is the server's own, so a new
//! way in is tested as soon as it is there.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bill;
use crate::client::{Answer, Client, FORM, SESSION, encoded};
use crate::home::Home;
use crate::house::{House, Serving};

/// The only ways in that are open to everybody. Whoever adds one says so here.
const OPEN: [(&str, &str); 14] = [
    ("GET", "/assets/{name}"),
    ("GET", "/favicon.ico"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/oidc"),
    ("GET", "/sign-in/oidc/callback"),
    ("POST", "/sign-out"),
    ("POST", "/theme"),
    ("GET", "/setup"),
    ("POST", "/setup"),
    ("GET", "/invite"),
    ("POST", "/invite"),
];

/// A way in.
pub(crate) struct Way {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) need: String,
}

impl Way {
    pub(crate) fn is_api(&self) -> bool {
        self.path.starts_with("/api/")
    }

    pub(crate) fn is_read(&self) -> bool {
        self.method == "GET"
    }

    /// Its address, with names of things that there are.
    pub(crate) fn address(&self) -> String {
        self.with(|name| match name {
            "name" | "connection" => "acme",
            "period" | "month" => bill::MONTH,
            "account" => "111122223333",
            "step" => "place",
            "format" => "cli",
            "code" => "role-denied",
            "kind" => "cur",
            _ => "0",
        })
    }

    /// Its address, with something for each parameter.
    pub(crate) fn with<'a>(&'a self, value: impl Fn(&'a str) -> &'a str) -> String {
        let parts = self.path.split('/').map(|part| {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            name.map_or(part, &value)
        });
        parts.collect::<Vec<_>>().join("/")
    }

    fn has_parameters(&self) -> bool {
        self.path.contains('{')
    }
}

/// All ways in.
pub(crate) fn ways(home: &Home) -> Vec<Way> {
    let list = home.works(&["routes"]);
    let way = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        let mut word = || words.next().unwrap();
        Way { method: word(), path: word(), need: word() }
    };
    let ways: Vec<Way> = list.lines().map(way).collect();
    assert!(ways.len() > 50, "{list}");
    ways
}

fn open() -> House {
    let home = Home::new();
    bill::small(&home);
    House::open(home)
}

/// What an answer to nobody may hold.
fn tells_nothing(what: &str, answer: &Answer) {
    let text = answer.whole();
    for secret in ["acme", "111122223333", "maria", "USD", env!("CARGO_PKG_VERSION")] {
        assert!(!text.contains(secret), "{what} tells {secret}: {text}");
    }
}

#[test]
fn nobody_gets_in_without_signing_in() {
    let house = open();
    let made_up = "a".repeat(43);
    for way in ways(&house.home) {
        let what = format!("{} {}", way.method, way.path);
        if way.need == "nobody" {
            let is_known = OPEN.contains(&(way.method.as_str(), way.path.as_str()));
            assert!(is_known, "{what} is open to everybody");
            continue;
        }
        let cookie = format!("{SESSION}={made_up}");
        let bearer = format!("Bearer bht_{made_up}");
        let tries: [&[(&str, &str)]; 3] =
            [&[], &[("Cookie", cookie.as_str())], &[("Authorization", bearer.as_str())]];
        for headers in tries {
            let mut nobody = house.serving.client();
            let answer = nobody.send(&way.method, &way.address(), headers, "");
            // What stands in the address itself is no secret.
            let told = Answer { headers: Vec::new(), ..answer.clone() };
            if way.is_api() {
                assert_eq!(answer.status, 401, "{what}");
                assert_eq!(answer.header("content-type"), Some("application/problem+json"));
                assert!(answer.header("www-authenticate").is_some(), "{what}");
            } else {
                assert_eq!(answer.status, 303, "{what}");
                assert!(answer.location().starts_with("/sign-in?next="), "{what}");
            }
            tells_nothing(&what, &told);
            assert!(nobody.cookies.is_empty(), "{what}");
        }
    }
}

#[test]
fn si_1_nothing_is_told_before_sign_in() {
    let house = open();
    let mut nobody = house.serving.client();
    for path in [
        "/sign-in",
        "/sign-in?next=/costs",
        "/setup?token=x",
        "/setup",
        "/invite?token=x",
        "/no-such-page",
        "/api/v1/no-such-call",
        "/healthz",
        "/readyz",
        "/assets/no-such-file",
    ] {
        tells_nothing(path, &nobody.get(path));
    }
}

#[test]
fn x_14_a_viewer_changes_nothing() {
    let mut house = open();
    let ways = ways(&house.home);
    let before = house.admin.api("/api/v1/audit");
    let csrf = house.viewer.csrf();
    for way in ways.iter().filter(|way| way.need == "admin") {
        let what = format!("{} {}", way.method, way.path);
        let headers = [("X-CSRF-Token", csrf.as_str()), FORM];
        let answer = house.viewer.send(&way.method, &way.address(), &headers, "");
        assert_eq!(answer.status, 403, "{what}");
        let text = answer.text();
        assert!(text.contains("maria"), "{what} does not say who may: {text}");
    }
    assert_eq!(house.admin.api("/api/v1/audit"), before);
    // No page offers a viewer what only admins may do.
    for way in ways.iter().filter(|way| way.is_read() && way.need == "viewer" && !way.is_api()) {
        let page = house.viewer.get(&way.address());
        let text = page.text();
        for form in text.split("<form ").skip(1).filter(|form| is_post(form)) {
            let action = attribute(form, "action");
            let meant = ways.iter().filter(|way| !way.is_read() && fits(&way.path, &action));
            let needs: Vec<&str> = meant.map(|way| way.need.as_str()).collect();
            assert!(!needs.is_empty(), "{}: there is no {action}", way.path);
            assert!(!needs.contains(&"admin"), "{} offers {action} to a viewer", way.path);
        }
    }
}

fn is_post(form: &str) -> bool {
    form.split('>').next().is_some_and(|tag| tag.contains("method=\"post\""))
}

fn attribute(form: &str, name: &str) -> String {
    let rest = form.split_once(&format!("{name}=\"")).map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}

/// Is an address one of a route's?
fn fits(path: &str, address: &str) -> bool {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let (route, parts): (Vec<&str>, Vec<&str>) =
        (path.split('/').collect(), address.split('/').collect());
    let fits = |(own, given): (&&str, &&str)| own.starts_with('{') || own == given;
    route.len() == parts.len() && route.iter().zip(&parts).all(fits)
}

#[test]
fn nothing_is_done_without_the_token_of_the_form() {
    let mut house = open();
    let before = house.admin.api("/api/v1/audit");
    let files = house.home.files("home/lake");
    let csrf = house.admin.csrf();
    let others = house.viewer.csrf();
    let nobodys = house.serving.client().csrf();
    let made_up = "0".repeat(64);
    for way in ways(&house.home).iter().filter(|way| !way.is_read()) {
        let what = format!("{} {}", way.method, way.path);
        let bodies = [
            String::new(),
            encoded(&[("csrf", "")]),
            encoded(&[("csrf", made_up.as_str())]),
            encoded(&[("csrf", others.as_str())]),
            encoded(&[("csrf", nobodys.as_str())]),
        ];
        for body in &bodies {
            let answer = house.admin.send(&way.method, &way.address(), &[FORM], body);
            assert_eq!(answer.status, 403, "{what} with {body:?}: {}", answer.text());
        }
        let right = encoded(&[("csrf", csrf.as_str())]);
        let elsewhere = [
            ("Origin", "http://evil.example"),
            ("Origin", "null"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
        ];
        for header in elsewhere {
            let answer = house.admin.send(&way.method, &way.address(), &[FORM, header], &right);
            assert_eq!(answer.status, 403, "{what} from {header:?}: {}", answer.text());
        }
    }
    assert_eq!(house.admin.api("/api/v1/audit"), before);
    assert!(house.home.files("home/lake") == files, "the lake was changed");
    assert_eq!(house.admin.get("/connections").status, 200);
}

#[test]
fn other_methods_are_refused() {
    let mut house = open();
    let csrf = house.admin.csrf();
    let ways = ways(&house.home);
    let paths: BTreeSet<String> = ways.iter().map(Way::address).collect();
    for path in paths {
        for method in ["PATCH", "TRACE", "PROPFIND"] {
            if ways.iter().any(|way| way.method == method && way.address() == path) {
                continue;
            }
            let headers = [("X-CSRF-Token", csrf.as_str())];
            let answer = house.admin.send(method, &path, &headers, "");
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text());
        }
    }
}

/// What might get through to a file, a query or a header.
const NONSENSE: [&str; 9] = [
    "..%2F..%2F..%2F..%2Fetc%2Fpasswd",
    "..%5C..%5Cbillhook.db",
    "%2E%2E",
    "%00",
    "x%0D%0ASet-Cookie:%20evil=1",
    "'%20OR%20'1'%3D'1",
    "%22%3B%20DROP%20TABLE%20costs%3B%20--",
    "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
    "%F0%9F%92%B8%E2%80%AE%FF",
];

/// Parameters that some page understands.
const PARAMETERS: [&str; 20] = [
    "period",
    "from",
    "to",
    "last",
    "metric",
    "currency",
    "by",
    "grain",
    "is.ServiceName",
    "like.tag:team",
    "cmp",
    "view",
    "top",
    "base",
    "scope",
    "asof",
    "sort",
    "after",
    "col",
    "q",
];

/// What no answer to nonsense may hold.
fn is_harmless(what: &str, answer: &Answer) {
    assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.text());
    assert!(answer.header("set-cookie").is_none_or(|cookie| !cookie.contains("evil")), "{what}");
    let text = answer.text();
    for taken in ["root:x:0", "SQLite format 3", "panicked at", "crates/"] {
        assert!(!text.contains(taken), "{what} gives {taken}: {text}");
    }
    // Markup in JSON is text, as long as nobody takes the answer for a page.
    let is_json = answer.header("content-type").is_some_and(|kind| kind.contains("json"))
        && answer.header("x-content-type-options") == Some("nosniff");
    assert!(is_json || !text.contains("<img src=x"), "{what} gives markup: {text}");
}

#[test]
fn nonsense_opens_nothing() {
    let mut house = open();
    let files = house.home.files("home/lake");
    let total = total(&mut house.admin);
    for way in ways(&house.home).iter().filter(|way| way.is_read()) {
        for nonsense in NONSENSE {
            if way.has_parameters() {
                let address = way.with(|_| nonsense);
                is_harmless(&address, &house.admin.get(&address));
            }
        }
    }
    for page in ["/costs", "/costs/lines", "/costs/values", "/api/v1/costs"] {
        for parameter in PARAMETERS {
            // Those that mean something behind the parameter: headers, SQL, markup.
            for nonsense in &NONSENSE[4..8] {
                let address = format!("{page}?period={}&{parameter}={nonsense}", bill::MONTH);
                is_harmless(&address, &house.admin.get(&address));
            }
        }
    }
    assert!(house.home.files("home/lake") == files, "the lake was changed");
    assert_eq!(self::total(&mut house.admin), total);
}

fn total(client: &mut Client) -> Value {
    client.api(&format!("/api/v1/costs?period={}", bill::MONTH))["total"].clone()
}

#[test]
fn er_1_er_2_every_failure_says_what_to_do_and_no_more() {
    let mut house = open();
    let mut seen = BTreeSet::new();
    for (path, status) in
        [("/costs?metric=Cost", 400), ("/no-such-page", 404), ("/connections/no-such", 404)]
    {
        let answer = house.admin.get(path);
        let text = answer.text();
        assert_eq!(answer.status, status, "{path}: {text}");
        let heading = text.split_once("<h1>").and_then(|(_, rest)| rest.split("</h1>").next());
        seen.insert((status, heading.unwrap_or_default().to_owned()));
        assert!(text.contains("What to do"), "{path}: {text}");
        for inner in ["panicked", "src/", ".rs:", "RUST_BACKTRACE"] {
            assert!(!text.contains(inner), "{path}: {text}");
        }
    }
    let headings: BTreeSet<&String> = seen.iter().map(|(_, heading)| heading).collect();
    assert!(headings.len() >= 2, "{seen:?}");
    // The nearest one is named, and the rest of what was asked for stays.
    let text = house.admin.get("/costs?metric=BilledCst&period=2026-09").text();
    assert!(text.contains("BilledCost"), "{text}");
    let problem = house.admin.get("/api/v1/costs?metric=Cost");
    assert_eq!(problem.status, 400);
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    for field in ["title", "status", "detail", "fix", "instance"] {
        assert!(problem.json()[field] != Value::Null, "{}", problem.text());
    }
}

#[test]
fn every_call_is_described_and_every_description_is_a_call() {
    let home = Home::new();
    let serving = Serving::start(&home, &[], &["--no-sign-in"], &[]);
    let described = serving.client().api("/api/v1/openapi.json");
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"), "{described}");
    let mut told = BTreeSet::new();
    for (path, calls) in described["paths"].as_object().unwrap() {
        let methods = calls.as_object().unwrap().keys().map(|method| method.to_uppercase());
        let known = ["GET", "POST", "PUT", "PATCH", "DELETE"];
        let is_method = |name: &String| known.contains(&name.as_str());
        told.extend(methods.filter(is_method).map(|method| (method, path.clone())));
    }
    let own = ways(&home).into_iter().filter(Way::is_api);
    let own: BTreeSet<(String, String)> = own.map(|way| (way.method, way.path)).collect();
    let missing: Vec<_> = own.difference(&told).collect();
    let strange: Vec<_> = told.difference(&own).collect();
    assert!(missing.is_empty() && strange.is_empty(), "missing {missing:?}, strange {strange:?}");
}
