//! Who is in, and by what: set-up and invitations, passwords, sessions, tokens, cookies, headers,
//! where people are led to, and that every change is noted.

use serde_json::json;

use crate::bill;
use crate::client::{Client, FORM, SESSION, encoded};
use crate::home::Home;
use crate::house::{House, PASSWORD, Serving, invite};

fn open() -> House {
    House::open(Home::new())
}

#[test]
fn si_2_links_work_once() {
    let home = Home::new();
    let mut serving = Serving::start(&home, &[], &[], &[]);
    let token = serving.set_up_token();
    let fields = [("token", token.as_str()), ("user", "maria"), ("password", PASSWORD)];
    // A password that is too short leaves the link as it was, and comes back empty.
    let mut first = serving.client();
    let short = [("token", token.as_str()), ("user", "maria"), ("password", "short-1")];
    let refused = first.post("/setup", &short);
    assert_eq!(refused.status, 422, "{}", refused.text());
    let text = refused.text();
    assert!(text.contains("<title>Error: ") && text.contains("There is 1 problem"), "{text}");
    assert!(text.contains("value=\"maria\"") && !text.contains("short-1"), "{text}");
    assert_eq!(first.post("/setup", &fields).status, 303);
    let mut second = serving.client();
    let again = second.post("/setup", &fields);
    assert_eq!(again.status, 410, "{}", again.text());
    assert!(again.text().contains("estart Billhook"), "{}", again.text());
    assert_eq!(second.get(&format!("/setup?token={token}")).status, 410);
    assert!(!second.cookies.contains_key(SESSION));
    let token = invite(&mut first, "tom", "viewer");
    let fields = [("token", token.as_str()), ("password", PASSWORD)];
    assert_eq!(serving.client().get(&format!("/invite?token={token}")).status, 200);
    assert_eq!(serving.client().post("/invite", &fields).status, 303);
    assert_eq!(serving.client().post("/invite", &fields).status, 410);
    assert_eq!(serving.client().get(&format!("/invite?token={token}")).status, 410);
    // A link that is withdrawn is gone.
    let token = invite(&mut first, "anna", "admin");
    assert_eq!(first.post("/settings/users/anna/withdraw", &[]).status, 303);
    let fields = [("token", token.as_str()), ("password", PASSWORD)];
    assert_eq!(serving.client().post("/invite", &fields).status, 410);
    let log = serving.logged();
    assert!(!log.contains(&token) && !log.contains(PASSWORD), "{log}");
}

#[test]
fn si_4_who_guesses_waits() {
    let house = open();
    let mut said = Vec::new();
    for _ in 0..8 {
        let (client, answer) = house.serving.sign_in("maria", "wrong horse battery");
        assert!(!client.cookies.contains_key(SESSION));
        said.push((answer.status, answer.text(), answer.header("retry-after").map(str::to_owned)));
    }
    assert_eq!(said[0].0, 422, "{}", said[0].1);
    assert!(said[0].1.contains("That user name and password do not match."), "{}", said[0].1);
    let last = said.last().unwrap();
    assert_eq!(last.0, 429, "{}", last.1);
    assert!(last.1.contains("Next try possible at ") && last.1.contains(" UTC"), "{}", last.1);
    assert!(last.2.is_some());
    // Then the right password does not help either; of who is not there, the same is said.
    assert_eq!(house.serving.sign_in("maria", PASSWORD).1.status, 429);
    let (_, nobody) = house.serving.sign_in("no-such-user", PASSWORD);
    assert_eq!(nobody.status, 422);
    assert!(nobody.text().contains("That user name and password do not match."));
    // Others are not kept out.
    assert_eq!(house.serving.sign_in("tom", PASSWORD).1.status, 303);
}

#[test]
fn a_session_is_new_with_every_sign_in_and_ends_everywhere() {
    let mut house = open();
    // Nobody can have somebody sign in to a session that is known already.
    let mut fixed = house.serving.client();
    fixed.cookies.insert(SESSION.to_owned(), "f".repeat(43));
    let fields = [("user", "tom"), ("password", PASSWORD)];
    assert_eq!(fixed.post("/sign-in", &fields).status, 303);
    assert_ne!(fixed.cookies[SESSION], "f".repeat(43));
    let (again, _) = house.serving.sign_in("tom", PASSWORD);
    assert_ne!(fixed.cookies[SESSION], again.cookies[SESSION]);
    let mut known = house.serving.client();
    known.cookies.insert(SESSION.to_owned(), "f".repeat(43));
    assert_eq!(known.get("/connections").status, 303);
    // Who signs out is out, with a copy of the cookie too.
    let mut copy = fixed.clone();
    assert_eq!(copy.get("/connections").status, 200);
    assert_eq!(fixed.post("/sign-out", &[]).status, 303);
    assert!(!fixed.cookies.contains_key(SESSION));
    assert_eq!(copy.get("/connections").status, 303);
    // Another password ends the other sessions.
    let (mut other, _) = house.serving.sign_in("tom", PASSWORD);
    let new = "another horse battery";
    let changed = house.viewer.call("PUT", "/api/v1/me", &json!({ "old": PASSWORD, "new": new }));
    assert!(changed.status < 300, "{}", changed.text());
    assert_eq!(other.get("/connections").status, 303);
    assert_eq!(house.serving.sign_in("tom", PASSWORD).1.status, 422);
    assert_eq!(house.serving.sign_in("tom", new).1.status, 303);
    // Who is removed is out.
    let (mut tom, _) = house.serving.sign_in("tom", new);
    assert!(house.admin.call("DELETE", "/api/v1/users/tom", &json!({})).status < 300);
    assert_eq!(tom.get("/connections").status, 303);
    assert_eq!(house.serving.sign_in("tom", new).1.status, 422);
}

#[test]
fn a_role_counts_at_once() {
    let mut house = open();
    assert_eq!(house.viewer.get("/settings/users").status, 403);
    let admin = json!({ "role": "admin" });
    assert!(house.admin.call("PUT", "/api/v1/users/tom", &admin).status < 300);
    assert_eq!(house.viewer.get("/settings/users").status, 200);
    let viewer = json!({ "role": "viewer" });
    assert!(house.admin.call("PUT", "/api/v1/users/tom", &viewer).status < 300);
    assert_eq!(house.viewer.get("/settings/users").status, 403);
    // The last admin stays one.
    let refused = house.admin.call("PUT", "/api/v1/users/maria", &viewer);
    assert!((400..500).contains(&refused.status), "{}", refused.text());
    assert_eq!(house.admin.get("/settings/users").status, 200);
    // Nobody else's tokens are to be seen, and nobody makes tokens of others.
    let made = house.admin.call("POST", "/api/v1/tokens", &json!({ "name": "own", "api": true }));
    let id = made.json()["token"]["id"].as_str().unwrap().to_owned();
    let seen = house.viewer.api("/api/v1/tokens");
    assert_eq!(seen["items"].as_array().unwrap().len(), 0, "{seen}");
    let path = format!("/api/v1/tokens/{id}");
    assert_eq!(house.viewer.call("DELETE", &path, &json!({})).status, 404);
}

#[test]
fn se_5_who_changes_what_another_has_changed_is_told() {
    let mut house = open();
    let users = house.admin.api("/api/v1/users");
    let tom = users["users"].as_array().unwrap().iter().find(|user| user["name"] == "tom");
    let seen = tom.unwrap()["changed_at"].clone();
    let first = json!({ "role": "admin", "changed_at": seen });
    assert!(house.admin.call("PUT", "/api/v1/users/tom", &first).status < 300);
    let second = json!({ "role": "viewer", "changed_at": seen });
    let refused = house.admin.call("PUT", "/api/v1/users/tom", &second);
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("maria"), "{}", refused.text());
    assert_eq!(house.viewer.get("/settings/users").status, 200);
}

#[test]
fn se_1_se_2_a_token_is_told_once_and_ends_at_once() {
    let home = Home::new();
    bill::small(&home);
    let mut house = House::open(home);
    let made = house.viewer.call("POST", "/api/v1/tokens", &json!({ "name": "t", "api": true }));
    assert_eq!(made.status, 201, "{}", made.text());
    let (text, id) = (made.json()["text"].clone(), made.json()["token"]["id"].clone());
    let (text, id) = (text.as_str().unwrap(), id.as_str().unwrap());
    let mut program = Client::with_token(&house.serving.address, text);
    assert_eq!(program.api("/api/v1/me")["name"], "tom");
    assert_eq!(program.api("/api/v1/costs?period=2026-09")["total"], bill::TOTAL);
    // It is a viewer's, and opens the API alone.
    assert_eq!(program.get("/api/v1/users").status, 403);
    for path in ["/settings/tokens", "/api/v1/tokens", "/settings/audit", "/api/v1/audit"] {
        let told = house.admin.get(path).whole() + &house.viewer.get(path).whole();
        assert!(!told.contains(text), "{path}");
    }
    assert!(!house.serving.logged().contains(text));
    for (path, bytes) in house.home.files("home") {
        let has = bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!has, "{} holds the token", path.display());
    }
    let wire = json!({ "name": "w", "wire": true });
    let other = house.viewer.call("POST", "/api/v1/tokens", &wire).json();
    let other = other["text"].as_str().unwrap().to_owned();
    assert_eq!(Client::with_token(&house.serving.address, &other).get("/api/v1/me").status, 401);
    let path = format!("/api/v1/tokens/{id}");
    assert!(house.viewer.call("DELETE", &path, &json!({})).status < 300);
    assert_eq!(program.get("/api/v1/me").status, 401);
}

#[test]
fn se_3_each_change_is_one_line_of_the_audit_log() {
    let home = Home::new();
    bill::small(&home);
    let mut house = House::open(home);
    let before = house.admin.api("/api/v1/audit?limit=1000")["items"].as_array().unwrap().len();
    let calls = [
        ("POST", "/api/v1/connections/acme/pause", json!({}), "connection.paused"),
        ("POST", "/api/v1/connections/acme/resume", json!({}), "connection.resumed"),
        (
            "PUT",
            "/api/v1/connections/acme/schedule",
            json!({ "schedule": "every 6h" }),
            "connection.scheduled",
        ),
        ("PUT", "/api/v1/connections/acme/name", json!({ "name": "acme-2" }), "connection.renamed"),
        ("POST", "/api/v1/users", json!({ "name": "anna", "role": "viewer" }), "user.invited"),
        ("PUT", "/api/v1/users/tom", json!({ "role": "admin" }), "user.role_changed"),
    ];
    for (method, path, body, _) in &calls {
        let answer = house.admin.call(method, path, body);
        assert!(answer.status < 300, "{path}: {}", answer.text());
    }
    let audit = house.admin.api("/api/v1/audit?limit=1000");
    let lines = audit["items"].as_array().unwrap();
    assert_eq!(lines.len() - before, calls.len(), "{audit}");
    for (line, (_, path, _, action)) in lines.iter().zip(calls.iter().rev()) {
        assert_eq!(line["action"], *action, "{path}");
        assert_eq!(line["who"], "maria");
        assert_eq!(line["from"], "127.0.0.1");
    }
    assert_eq!(lines[0]["before"]["role"], "viewer");
    assert_eq!(lines[0]["after"]["role"], "admin");
    // What was refused is no change.
    let whenever = json!({ "schedule": "whenever" });
    let refused = house.admin.call("PUT", "/api/v1/connections/acme-2/schedule", &whenever);
    assert_eq!(refused.status, 422, "{}", refused.text());
    let after = house.admin.api("/api/v1/audit?limit=1000")["items"].as_array().unwrap().len();
    assert_eq!(after, lines.len());
}

#[test]
fn si_3_nobody_is_led_elsewhere() {
    let house = open();
    for next in [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "http:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\r\nSet-Cookie: evil=1",
        "/%0d%0aSet-Cookie:evil=1\r\n\r\n",
        "@evil.example",
        "/sign-in?next=//evil.example",
    ] {
        let mut client = house.serving.client();
        let page = client.get(&format!("/sign-in?{}", encoded(&[("next", next)])));
        assert_eq!(page.status, 200, "{next:?}");
        let kept = page.field("next").unwrap_or_default();
        assert!(!kept.contains("evil"), "{next:?} is kept as {kept:?}");
        let fields = [("user", "tom"), ("password", PASSWORD), ("next", next)];
        let theme = [("theme", "dark"), ("next", next)];
        for answer in [client.post("/sign-in", &fields), client.post("/theme", &theme)] {
            assert_eq!(answer.status, 303, "{next:?}");
            assert!(!answer.whole().to_lowercase().contains("evil"), "{}", answer.whole());
            assert!(answer.location().starts_with('/'), "{next:?}: {}", answer.location());
            assert!(!answer.location().starts_with("//"), "{next:?}: {}", answer.location());
        }
    }
    // Own pages are gone back to.
    let fields = [("user", "tom"), ("password", PASSWORD), ("next", "/costs?by=tag:team")];
    let answer = house.serving.client().post("/sign-in", &fields);
    assert_eq!(answer.location(), "/costs?by=tag:team");
}

#[test]
fn cookies_are_for_this_server_and_no_script() {
    let home = Home::new();
    let https = [("BILLHOOK_PUBLIC_URL", "https://bills.example")];
    let mut house = House::open_with(home, &[], &[], &https);
    let csrf = house.admin.csrf();
    let theme = encoded(&[("csrf", csrf.as_str()), ("theme", "dark"), ("next", "/")]);
    let answers = [
        house.serving.sign_in("tom", PASSWORD).1,
        house.admin.send("POST", "/theme", &[FORM], &theme),
    ];
    for answer in answers {
        let cookies = answer.all("set-cookie");
        assert_eq!(cookies.len(), 1, "{}", answer.whole());
        for flag in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age=", "; Secure"] {
            assert!(cookies[0].contains(flag), "{}", cookies[0]);
        }
        assert!(!cookies[0].contains("Domain"), "{}", cookies[0]);
    }
    let answer = house.admin.get("/connections");
    assert!(answer.header("strict-transport-security").is_some());
    assert!(answer.all("set-cookie").is_empty());
}

#[test]
fn every_answer_has_the_headers_that_keep_pages_safe() {
    let mut house = open();
    let mut answers = Vec::new();
    for path in ["/", "/connections", "/no-such-page", "/api/v1/me", "/healthz", "/assets/none"] {
        answers.push((path, house.admin.get(path)));
        answers.push((path, house.serving.client().get(path)));
    }
    answers.push(("/sign-in", house.serving.sign_in("tom", "wrong horse battery").1));
    for (path, answer) in answers {
        let policy = answer.header("content-security-policy").unwrap_or_default();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
        assert!(answer.header("x-request-id").is_some(), "{path}");
        assert!(answer.header("server").is_none(), "{path}");
        let caching = answer.header("cache-control").unwrap_or_default();
        let is_private = caching.contains("private") || caching.contains("no-store");
        assert!(is_private || path.starts_with("/assets/"), "{path}: {caching}");
    }
}

#[test]
fn an_answer_that_is_known_is_not_sent_again() {
    let home = Home::new();
    bill::small(&home);
    let mut house = House::open(home);
    let path = "/api/v1/costs?period=2026-09";
    let first = house.viewer.get(path);
    let tag = first.header("etag").unwrap().to_owned();
    let second = house.viewer.send("GET", path, &[("If-None-Match", tag.as_str())], "");
    assert_eq!((second.status, second.body.len()), (304, 0));
    // Who is not in is not told whether anything has changed.
    let nobody = house.serving.client().send("GET", path, &[("If-None-Match", tag.as_str())], "");
    assert_eq!(nobody.status, 401);
}
