//! what is typed as a secret is in no answer, no log and no file (INV-SEC).

use serde_json::json;

use crate::bill;
use crate::client::Client;
use crate::home::Home;
use crate::house::{House, PASSWORD};
use crate::routes::ways;

const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRETS: [&str; 4] = [
    "xo11-wJalrXUtnFEMI-first-SECRETKEY-xx",
    "xo12-session-token-of-a-temporary-key",
    "xo13-password-that-was-wrong",
    "xo14-bearer-of-a-receiver",
];

/// Looks that no secret is in what was answered.
fn is_clean(what: &str, text: &str) {
    for secret in SECRETS.iter().chain([&PASSWORD]) {
        assert!(!text.contains(secret), "{what} tells {secret}: {text}");
    }
}

/// Everything that can be read, as somebody.
fn everything(house: &House, client: &mut Client) -> usize {
    let ways = ways(&house.home);
    let reads = ways.iter().filter(|way| way.is_read());
    let addresses: Vec<String> = reads.map(crate::routes::Way::address).collect();
    for address in &addresses {
        is_clean(address, &client.get(address).whole());
    }
    addresses.len()
}

#[test]
fn inv_sec_x_11_a_typed_secret_is_in_no_answer() {
    let home = Home::new();
    bill::small(&home);
    let mut house = House::open_with(home, &[], &[], &[("BILLHOOK_LOG_LEVEL", "trace")]);
    let temporary = KEY_ID.replace("AKIA", "ASIA");
    let typed = [
        ("way", "access_key"),
        ("key_id", temporary.as_str()),
        ("secret", SECRETS[0]),
        ("session_token", SECRETS[1]),
    ];
    let saved = house.admin.post("/connections/acme/credentials", &typed);
    assert!(saved.status < 400, "{} {}", saved.status, saved.text());
    is_clean("the form", &saved.whole());
    // A form that is refused has everything but the secret.
    let wrong =
        [("way", "role"), ("role_arn", "no role"), ("key_id", KEY_ID), ("secret", SECRETS[0])];
    let refused = house.admin.post("/connections/acme/credentials", &wrong);
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.text().contains("no role") && refused.text().contains(KEY_ID));
    is_clean("the refused form", &refused.whole());
    let call = json!({ "way": "no such", "key_id": KEY_ID, "secret": SECRETS[0] });
    for (what, body) in [
        ("a wrong way", call.to_string()),
        ("half a body", format!("{{\"way\":\"access_key\",\"secret\":\"{}\"", SECRETS[0])),
        ("a strange field", "{\"way\":\"ambient\",\"other\":1}".to_owned()),
    ] {
        let csrf = house.admin.csrf();
        let headers = [("Content-Type", "application/json"), ("X-CSRF-Token", csrf.as_str())];
        let path = "/api/v1/connections/acme/credentials";
        let answer = house.admin.send("PUT", path, &headers, &body);
        assert!((400..500).contains(&answer.status), "{what}: {}", answer.text());
        is_clean(what, &answer.whole());
    }
    let (_, answer) = house.serving.sign_in("maria", SECRETS[2]);
    is_clean("a wrong password", &answer.whole());
    let new = json!({ "old": SECRETS[2], "new": "short" });
    is_clean("another password", &house.viewer.call("PUT", "/api/v1/me", &new).whole());
    let sink = json!({
        "name": "web",
        "settings": { "target": { "kind": "http", "url": "http://127.0.0.1:9/" } },
        "secrets": { "header:Authorization": SECRETS[3] },
        "unverified": true,
    });
    is_clean("a sink", &house.admin.call("POST", "/api/v1/sinks", &sink).whole());
    let (mut admin, mut viewer) = (house.admin.clone(), house.viewer.clone());
    assert!(everything(&house, &mut admin) > 30);
    everything(&house, &mut viewer);
    is_clean("the log", &house.serving.logged());
    let secrets: Vec<&str> = SECRETS.iter().copied().chain([PASSWORD]).collect();
    for (path, bytes) in house.home.files("home") {
        for secret in &secrets {
            let has = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!has, "{} holds {secret}", path.display());
        }
    }
}

#[test]
fn a_key_in_the_address_is_not_logged() {
    let home = Home::new();
    let mut house = House::open(home);
    let secret = SECRETS[1];
    house.admin.get(&format!("/setup?token={secret}"));
    house.admin.get(&format!("/invite?token={secret}"));
    assert!(!house.serving.logged().contains(secret), "{}", house.serving.logged());
}
