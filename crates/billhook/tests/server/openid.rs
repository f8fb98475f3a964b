//! Sign-in by OpenID Connect, against a provider of our own: who comes in and as whom, and that
//! whatever is not as it has to be is refused with a page, without a session, and without telling a
//! secret.

use std::time::{SystemTime, UNIX_EPOCH};

use billhook_testkit::identity::{Algorithm, CLIENT, Flaw, Identity};
use serde_json::{Value, json};

use crate::client::{Answer, Client, SESSION, encoded, raw};
use crate::home::Home;
use crate::house::{House, PASSWORD};

const THERE: &str = "/sign-in/oidc";
const BACK: &str = "/sign-in/oidc/callback";

/// The cookie of a browser that was sent to the provider.
const BROWSER: &str = "billhook_oidc";

/// Seconds since 1970 UTC.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn provider(algorithm: Algorithm) -> Identity {
    Identity::start(now(), algorithm).unwrap()
}

/// A house whose people can also sign in by a provider.
fn open(provider: &Identity, more: &[(&str, &str)]) -> House {
    let issuer = provider.issuer();
    let mut said = vec![
        ("BILLHOOK_SIGN_IN_OIDC_ISSUER", issuer.as_str()),
        ("BILLHOOK_SIGN_IN_OIDC_CLIENT_ID", CLIENT.0),
        ("BILLHOOK_SIGN_IN_OIDC_CLIENT_SECRET", CLIENT.1),
    ];
    for (name, value) in more {
        said.retain(|(own, _)| own != name);
        said.push((*name, *value));
    }
    House::open_with(Home::new(), &[], &[], &said)
}

/// What the provider answers to a browser that was sent to it: path and query of where it leads.
fn ask(provider: &Identity, place: &str) -> String {
    let start = format!("http://{}", provider.address());
    let path = place.strip_prefix(&start);
    assert!(path.is_some(), "{place} is not the provider's");
    let request = format!("GET {} HTTP/1.1\r\nHost: here\r\n\r\n", path.unwrap());
    let answer = raw(&provider.address().to_string(), request.as_bytes());
    let answer = Answer::read(&answer).unwrap();
    assert_eq!(answer.status, 302, "{}", answer.text());
    let back = url::Url::parse(answer.location()).unwrap();
    format!("{}?{}", back.path(), back.query().unwrap())
}

/// Goes to the provider, and gives the address that it sends back to.
fn away(house: &House, provider: &Identity, client: &mut Client, next: &str) -> String {
    let there = client.get(&format!("{THERE}?{}", encoded(&[("next", next)])));
    assert_eq!(there.status, 303, "{}", there.text());
    assert!(client.cookies.contains_key(BROWSER));
    let back = ask(provider, there.location());
    assert!(back.starts_with(&format!("{BACK}?")), "{back}");
    let url = house.serving.url();
    let own = encoded(&[("", url.as_str())]);
    assert!(there.location().contains(own.trim_start_matches('=')), "{}", there.location());
    back
}

/// The whole way, there and back.
fn sign_in(house: &House, provider: &Identity, next: &str) -> (Client, Answer) {
    let mut client = house.serving.client();
    let back = away(house, provider, &mut client, next);
    let answer = client.get(&back);
    (client, answer)
}

/// A sign-in that is refused with a page that says what to do.
fn is_refused(client: &mut Client, answer: &Answer, what: &str) {
    let text = answer.text();
    assert!((400..600).contains(&answer.status), "{what}: {} {text}", answer.status);
    assert!(text.contains("What to do:"), "{what}: {text}");
    assert!(text.contains("href=\"/sign-in\""), "{what}: {text}");
    assert!(!client.cookies.contains_key(SESSION), "{what}");
    assert_eq!(client.get("/connections").status, 303, "{what}");
}

/// The newest entries of the audit log, as action and who.
fn noted(house: &mut House, count: usize) -> Vec<(String, String)> {
    let audit = house.admin.api("/api/v1/audit?limit=1000");
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let lines = audit["items"].as_array().unwrap().iter().take(count);
    lines.map(|line| (text(line, "action"), text(line, "who"))).collect()
}

fn pair(action: &str, who: &str) -> (String, String) {
    (action.to_owned(), who.to_owned())
}

#[test]
fn somebody_signs_in_with_any_key_and_is_a_viewer() {
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        let provider = provider(algorithm);
        let mut house = open(&provider, &[]);
        let page = house.serving.client().page("/sign-in?next=/costs");
        let host = provider.address().to_string();
        assert!(page.contains(&format!("Sign in with <bdi>{host}</bdi>")), "{page}");
        assert!(page.contains("href=\"/sign-in/oidc?next=%2Fcosts\""), "{page}");
        provider.sign_in(json!({ "sub": "7", "preferred_username": "anna", "email": "a@b.c" }));
        let (mut anna, answer) = sign_in(&house, &provider, "/costs?by=ServiceName");
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(answer.location(), "/costs?by=ServiceName");
        assert!(!anna.cookies.contains_key(BROWSER));
        let me = anna.api("/api/v1/me");
        assert_eq!((&me["name"], &me["role"]), (&json!("anna"), &json!("viewer")));
        assert_eq!(
            noted(&mut house, 2),
            [pair("user.signed_in", "anna"), pair("user.added", "anna")]
        );
        let users = house.admin.api("/api/v1/users");
        let listed = users["users"].as_array().unwrap().iter().find(|one| one["name"] == "anna");
        assert_eq!(listed.unwrap()["sign_in"], "oidc");
        // The second time another session of the same person; the first one goes on.
        let (mut again, answer) = sign_in(&house, &provider, "/");
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_ne!(again.cookies[SESSION], anna.cookies[SESSION]);
        assert_eq!(noted(&mut house, 1), [pair("user.signed_in", "anna")]);
        // Who is in is not sent there; who signs out is out.
        assert_eq!(again.get(&format!("{THERE}?next=/costs")).location(), "/costs");
        assert_eq!(again.post("/sign-out", &[]).status, 303);
        assert_eq!(again.get("/connections").status, 303);
        assert_eq!(anna.get("/connections").status, 200);
        // It was asked what it is once.
        let asked = provider.asked();
        let discovered = asked.iter().filter(|line| line.contains("openid-configuration"));
        assert_eq!(discovered.count(), 1, "{asked:?}");
        let log = house.serving.logged();
        assert!(!log.contains(CLIENT.1) && !log.contains("?code="), "{log}");
    }
}

#[test]
fn inv_sec_a_session_is_new_and_a_browser_is_known_again() {
    let provider = provider(Algorithm::Es256);
    provider.sign_in(json!({ "sub": "7", "preferred_username": "anna" }));
    let house = open(&provider, &[]);
    // Nobody can have somebody sign in to a session that is known already.
    let mut fixed = house.serving.client();
    fixed.cookies.insert(SESSION.to_owned(), "f".repeat(43));
    let back = away(&house, &provider, &mut fixed, "/");
    // Another browser cannot come in by it, and does not spend it.
    let mut other = house.serving.client();
    let answer = other.get(&back);
    is_refused(&mut other, &answer, "without a cookie");
    let mut other = house.serving.client();
    other.get(THERE);
    let answer = other.get(&back);
    is_refused(&mut other, &answer, "with the cookie of another sign-in");
    let answer = fixed.get(&back);
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_ne!(fixed.cookies[SESSION], "f".repeat(43));
    let browser = answer.all("set-cookie");
    for flag in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(browser.iter().all(|cookie| cookie.contains(flag)), "{browser:?}");
    }
    // It is good once, also for the same browser.
    let mut again = house.serving.client();
    let back = away(&house, &provider, &mut again, "/");
    let kept = again.clone();
    assert_eq!(again.get(&back).status, 303);
    let mut replayed = kept.clone();
    let answer = replayed.get(&back);
    is_refused(&mut replayed, &answer, "used again");
    let mut made_up = kept;
    let answer = made_up.get(&format!("{BACK}?state=made-up&code=x"));
    is_refused(&mut made_up, &answer, "made up");
    let answer = made_up.get(BACK);
    is_refused(&mut made_up, &answer, "nothing at all");
}

#[test]
fn inv_sec_a_token_that_is_not_right_lets_nobody_in() {
    let provider = provider(Algorithm::Es256);
    provider.sign_in(json!({ "sub": "7", "preferred_username": "anna" }));
    let mut house = open(&provider, &[]);
    let names = |house: &mut House| {
        let users = house.admin.api("/api/v1/users");
        let all = users["users"].as_array().unwrap().iter();
        all.map(|user| user["name"].to_string()).collect::<Vec<_>>()
    };
    let before = names(&mut house);
    for flaw in [
        Flaw::Nonce,
        Flaw::Audience,
        Flaw::AuthorizedParty,
        Flaw::Issuer,
        Flaw::Expired,
        Flaw::Signature,
        Flaw::Unsigned,
        Flaw::Secret,
        Flaw::Key,
        Flaw::Missing,
    ] {
        provider.make_wrong(Some(flaw));
        let (mut client, answer) = sign_in(&house, &provider, "/");
        is_refused(&mut client, &answer, &format!("{flaw:?}"));
        assert!(!answer.text().contains("eyJ"), "{}", answer.text());
    }
    assert_eq!(names(&mut house), before);
    let log = house.serving.logged();
    assert!(log.contains("somebody could not sign in by OpenID Connect"), "{log}");
    assert!(!log.contains("eyJ") && !log.contains(CLIENT.1), "{log}");
    // Clocks may be apart a little.
    provider.set_time(now());
    provider.make_wrong(Some(Flaw::ExpiredNow));
    assert_eq!(sign_in(&house, &provider, "/").1.status, 303);
}

#[test]
fn inv_sec_nobody_of_the_same_name_is_taken_over() {
    let provider = provider(Algorithm::Es256);
    let house = open(&provider, &[]);
    for name in ["maria", "MARIA", "tom"] {
        provider.sign_in(json!({ "sub": "7", "preferred_username": name }));
        let (mut client, answer) = sign_in(&house, &provider, "/");
        assert_eq!(answer.status, 409, "{}", answer.text());
        is_refused(&mut client, &answer, name);
    }
    assert_eq!(house.serving.sign_in("maria", PASSWORD).1.status, 303);
    // A name that cannot be one is told.
    provider.sign_in(json!({ "sub": "7", "preferred_username": "<b>Anna & Co</b>" }));
    let (mut client, answer) = sign_in(&house, &provider, "/");
    is_refused(&mut client, &answer, "a name with markup");
    let text = answer.text();
    assert!(text.contains("sign_in.oidc_name_claim") && !text.contains("<b>Anna"), "{text}");
    // Who was anna stays anna, whatever they are called later; another anna does not come in.
    provider.sign_in(json!({ "sub": "7", "preferred_username": "anna" }));
    assert_eq!(sign_in(&house, &provider, "/").1.status, 303);
    provider.sign_in(json!({ "sub": "7", "preferred_username": "maria" }));
    let (mut anna, answer) = sign_in(&house, &provider, "/");
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(anna.api("/api/v1/me")["name"], "anna");
    provider.sign_in(json!({ "sub": "8", "preferred_username": "anna" }));
    let (mut client, answer) = sign_in(&house, &provider, "/");
    is_refused(&mut client, &answer, "another anna");
}

#[test]
fn a_claim_can_tell_name_and_role() {
    let provider = provider(Algorithm::Es256);
    let said = [
        ("BILLHOOK_SIGN_IN_OIDC_NAME_CLAIM", "nickname"),
        ("BILLHOOK_SIGN_IN_OIDC_ROLE_CLAIM", "realm_access.roles"),
        ("BILLHOOK_SIGN_IN_OIDC_ADMIN_VALUES", "finops,root"),
    ];
    let mut house = open(&provider, &said);
    let person = |roles: &[&str]| {
        let access = json!({ "roles": roles });
        json!({ "sub": "7", "nickname": "anna", "realm_access": access })
    };
    provider.sign_in(person(&["staff", "finops"]));
    let (mut anna, answer) = sign_in(&house, &provider, "/");
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(anna.api("/api/v1/me")["role"], "admin");
    // Who is none any more is none from the next sign-in on, everywhere.
    provider.sign_in(person(&["staff"]));
    assert_eq!(sign_in(&house, &provider, "/").1.status, 303);
    assert_eq!(anna.api("/api/v1/me")["role"], "viewer");
    let expected = [pair("user.signed_in", "anna"), pair("user.role_changed", "anna")];
    assert_eq!(noted(&mut house, 2), expected);
    // The last admin stays one, but does not come in as one who is none at the provider.
    provider.sign_in(person(&["root"]));
    assert_eq!(sign_in(&house, &provider, "/").1.status, 303);
    let viewer = json!({ "role": "viewer" });
    let changed = house.admin.call("PUT", "/api/v1/users/maria", &viewer);
    assert!(changed.status < 300, "{}", changed.text());
    provider.sign_in(person(&[]));
    let (mut client, answer) = sign_in(&house, &provider, "/");
    assert_eq!(answer.status, 409, "{}", answer.text());
    is_refused(&mut client, &answer, "the last admin");
}

#[test]
fn a_first_role_and_a_name_without_a_choice() {
    let provider = provider(Algorithm::Es256);
    let house = open(&provider, &[("BILLHOOK_SIGN_IN_OIDC_ROLE", "admin")]);
    let mail = json!({ "sub": "7", "email": "anna@acme.example", "email_verified": true });
    for (claims, name) in [
        (mail, "anna@acme.example"),
        (json!({ "sub": "user-8", "email": "tom@acme.example" }), "user-8"),
    ] {
        provider.sign_in(claims);
        let (mut client, answer) = sign_in(&house, &provider, "/");
        assert_eq!(answer.status, 303, "{}", answer.text());
        let me = client.api("/api/v1/me");
        assert_eq!((&me["name"], &me["role"]), (&json!(name), &json!("admin")));
    }
}

#[test]
fn who_is_sent_back_without_being_signed_in_is_told() {
    let provider = provider(Algorithm::Es256);
    let house = open(&provider, &[]);
    for (reason, told) in [
        ("access_denied", "said no to signing in here"),
        ("login_required", "(login_required)"),
        ("<script>alert(1)</script>", "(an error without a code)"),
    ] {
        provider.refuse(Some(reason));
        let (mut client, answer) = sign_in(&house, &provider, "/");
        is_refused(&mut client, &answer, reason);
        let text = answer.text();
        assert!(text.contains(told) && !text.contains("<script>alert"), "{text}");
    }
}

#[test]
fn a_client_that_is_not_known_is_told() {
    let provider = provider(Algorithm::Es256);
    let wrong = "the wrong secret";
    let house = open(&provider, &[("BILLHOOK_SIGN_IN_OIDC_CLIENT_SECRET", wrong)]);
    let (mut client, answer) = sign_in(&house, &provider, "/");
    is_refused(&mut client, &answer, "a wrong secret");
    let text = answer.text();
    assert!(text.contains("sign_in.oidc_client_id") && text.contains("(invalid_client)"), "{text}");
    assert!(!(text + &house.serving.logged()).contains(wrong));
}

#[test]
fn a_provider_that_is_down_is_told_and_comes_back() {
    let first = provider(Algorithm::Es256);
    let address = first.address();
    let house = open(&first, &[]);
    drop(first);
    let mut client = house.serving.client();
    let answer = client.get(THERE);
    assert_eq!(answer.status, 502, "{}", answer.text());
    is_refused(&mut client, &answer, "nobody there");
    assert!(answer.text().contains("does not answer"), "{}", answer.text());
    assert!(house.serving.logged().contains("does not answer: "));
    // Passwords work all the same.
    assert_eq!(house.serving.sign_in("tom", PASSWORD).1.status, 303);
    let second = Identity::at(address, now(), Algorithm::Es256).unwrap();
    second.sign_in(json!({ "sub": "7", "preferred_username": "anna" }));
    assert_eq!(sign_in(&house, &second, "/").1.status, 303);
}

#[test]
fn si_3_nobody_is_led_elsewhere_by_way_of_the_provider() {
    let provider = provider(Algorithm::Es256);
    provider.sign_in(json!({ "sub": "7", "preferred_username": "anna" }));
    let house = open(&provider, &[]);
    for next in ["//evil.example", "https://evil.example/", "/\\evil.example", "/sign-in/oidc"] {
        let (_, answer) = sign_in(&house, &provider, next);
        assert_eq!((answer.status, answer.location()), (303, "/"), "{next}");
    }
}

#[test]
fn without_a_provider_there_is_no_way_there() {
    let house = House::open(Home::new());
    for path in [THERE, BACK, "/sign-in/oidc/callback?state=x&code=y"] {
        let answer = house.serving.client().get(path);
        assert_eq!(answer.status, 404, "{}", answer.text());
    }
    assert!(!house.serving.client().page("/sign-in").contains("/sign-in/oidc"));
}
