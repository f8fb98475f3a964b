//! A server without sign-in: for this machine alone, also when a browser is led astray.

use crate::bill;
use crate::client::{FORM, encoded};
use crate::home::Home;
use crate::house::Serving;

#[test]
fn inv_sec_without_sign_in_only_names_of_this_machine_are_answered() {
    let home = Home::new();
    bill::small(&home);
    let serving = Serving::start(&home, &[], &["--no-sign-in"], &[]);
    let port = serving.address.rsplit(':').next().unwrap().to_owned();
    let mut client = serving.client();
    for host in ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8080", "127.3.2.1"] {
        let answer = client.send("GET", "/connections", &[("Host", host)], "");
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80",
        "10.0.0.1",
        "0.0.0.0",
        "",
        "localhost@evil.example",
    ] {
        for path in ["/connections", "/api/v1/costs?period=2026-09", "/sql", "/metrics"] {
            let answer = client.send("GET", path, &[("Host", host)], "");
            assert!((400..500).contains(&answer.status), "{host}: {}", answer.status);
            assert!(!answer.text().contains("acme"), "{host}: {}", answer.text());
        }
    }
    // A page elsewhere cannot have the browser send a form.
    let csrf = client.csrf();
    let body = encoded(&[("csrf", csrf.as_str()), ("schedule", "every 6h")]);
    let own = format!("http://localhost:{port}");
    for (origin, is_own) in [("http://evil.example", false), (own.as_str(), true)] {
        let host = format!("localhost:{port}");
        let headers = [FORM, ("Host", host.as_str()), ("Origin", origin)];
        let answer = client.send("POST", "/connections/acme/schedule", &headers, &body);
        assert_eq!(answer.status == 303, is_own, "{origin}: {}", answer.text());
    }
    let text = client.page("/connections");
    assert!(text.contains("Nobody has to sign in"), "{text}");
}
