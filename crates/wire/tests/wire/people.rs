//! Sign-in: users, tokens, and those who are neither.

use billhook_registry::{ExposeSecret, Registry, Role, Scopes, SecretString};
use billhook_wire::{Tls, Wire, WireError, serve};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::support::{Scene, code, config, connect, home, one, program};

const NOW: i64 = 1_790_000_000_000_000;
const PASSWORD: &str = "correct horse battery";

#[tokio::test(flavor = "multi_thread")]
async fn users_and_tokens_sign_in_and_nobody_else() {
    let root = tempfile::tempdir().unwrap();
    let lake = home(root.path()).await.lake;
    let registry = Registry::open(&root.path().join("home")).unwrap();
    let password = SecretString::from(PASSWORD);
    let ann = registry.add_user("ann", Role::Viewer, &password, NOW).unwrap();
    let wire = Scopes { api: false, wire: true };
    let api = Scopes { api: true, wire: false };
    let (token, text) = registry.new_token(&ann.id, "grafana", wire, None, NOW).unwrap();
    let (_, of_api) = registry.new_token(&ann.id, "scripts", api, None, NOW).unwrap();
    let mut limits = config();
    limits.requires_sign_in = true;
    let scene = Scene::over(root, lake, limits, Some(registry)).await;

    let client = connect(&scene.config("ann", Some(PASSWORD))).await.unwrap();
    assert_eq!(one(&client, "SELECT 1").await, "1");
    let client = connect(&scene.config("grafana", Some(text.expose_secret()))).await.unwrap();
    assert_eq!(one(&client, "SELECT 1").await, "1");
    let registry = Registry::open(&scene.root.path().join("home")).unwrap();
    let used = registry.tokens(None).unwrap().into_iter().find(|found| found.id == token.id);
    assert_eq!(used.unwrap().used_from.as_deref(), Some("127.0.0.1"));

    let mut told = Vec::new();
    for (user, password) in
        [("ann", "wrong horse battery"), ("nobody", PASSWORD), ("scripts", of_api.expose_secret())]
    {
        let error = connect(&scene.config(user, Some(password))).await.err().unwrap();
        assert_eq!(code(&error), "28P01", "{user}");
        let message = error.as_db_error().unwrap().message().replace(user, "USER");
        told.push(message);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");

    registry.revoke_token(&token.id).unwrap();
    let error = connect(&scene.config("grafana", Some(text.expose_secret()))).await;
    assert_eq!(code(&error.err().unwrap()), "28P01");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_there_are_no_plain_connections() {
    let Some(openssl) = program("openssl") else { return };
    let root = tempfile::tempdir().unwrap();
    let (certificate, key) = (root.path().join("certificate.pem"), root.path().join("key.pem"));
    let made = std::process::Command::new(openssl)
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"])
        .args(["/CN=localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let lake = home(root.path()).await.lake;
    let registry = Registry::open(&root.path().join("home")).unwrap();
    let password = SecretString::from(PASSWORD);
    registry.add_user("ann", Role::Viewer, &password, NOW).unwrap();
    let mut limits = config();
    limits.requires_sign_in = true;
    limits.tls = Some(Tls { certificate, key });
    let scene = Scene::over(root, lake, limits, Some(registry)).await;
    let mut plain = scene.config("ann", Some(PASSWORD));
    plain.ssl_mode(tokio_postgres::config::SslMode::Disable);
    assert_eq!(code(&connect(&plain).await.err().unwrap()), "28000");

    let Some(psql) = program("psql") else { return };
    let place = format!("host=127.0.0.1 port={} user=ann sslmode=require", scene.port);
    let output = tokio::task::spawn_blocking(move || {
        let mut psql = std::process::Command::new(psql);
        psql.arg(format!("{place} dbname=billhook channel_binding=require"));
        psql.env("PGPASSWORD", PASSWORD).args(["-At", "-c", "SELECT 40 + 2"]).output().unwrap()
    });
    let output = output.await.unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(out.trim(), "42", "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_never_goes_on_without_what_it_was_told_to_use() {
    let root = tempfile::tempdir().unwrap();
    let lake = home(root.path()).await.lake;
    let missing = root.path().join("missing.pem");
    let mut with_tls = config();
    with_tls.tls = Some(Tls { certificate: missing.clone(), key: missing });
    let mut with_people = config();
    with_people.requires_sign_in = true;
    for config in [with_tls, with_people] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Wire { lake: lake.clone(), registry: None, config, queries: Handle::current() };
        let served = serve(std::sync::Arc::new(wire), listener, std::future::pending()).await;
        assert!(matches!(served, Err(WireError::Pem { .. } | WireError::NoRegistry)));
    }
}
