//! The server as who runs it meets it: where it is, who may sign in, how it ends, and what it does
//! not start with (INV-SEC).

use std::fs;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use billhook_registry::{AuditFilter, Registry};
use serde_json::Value;

use crate::support::{Home, Ran};

const PASSWORD: &str = "correct horse battery";

/// A server that is under way.
pub(crate) struct Serving {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Where its pages are.
    address: String,
    log: std::path::PathBuf,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Serving {
    fn start(home: &Home, args: &[&str]) -> Self {
        Self::start_with(home, args, &[])
    }

    /// Starts one on a free port, and waits until it listens.
    pub(crate) fn start_with(home: &Home, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let log = tempfile::NamedTempFile::new_in(home.dir.path()).unwrap();
        let (file, log) = log.keep().unwrap();
        let mut command = home.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut serving = Self { child, lines, address: String::new(), log };
        let first = serving.line();
        let address = first.strip_prefix("listening on ").unwrap();
        address.split(';').next().unwrap().clone_into(&mut serving.address);
        serving
    }

    /// The next line that it prints.
    fn line(&mut self) -> String {
        let line = self.lines.next();
        assert!(line.is_some(), "it has ended: {}", self.logged());
        line.unwrap().unwrap()
    }

    fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Status and body of a page.
    pub(crate) fn get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
    }

    /// Asks it to end; gives its exit code and its log.
    fn end(mut self) -> (Option<i32>, String) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        (code, self.logged())
    }
}

fn password(home: &Home, text: &str) -> String {
    let path = home.path("password");
    fs::write(&path, format!("{text}\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn add_user(home: &Home, name: &str, role: &str) -> Ran {
    let file = password(home, PASSWORD);
    home.run(&["users", "add", name, "--role", role, "--password-file", &file])
}

fn configure(home: &Home, text: &str) {
    fs::create_dir_all(home.path("home")).unwrap();
    fs::write(home.path("home/billhook.toml"), text).unwrap();
}

#[test]
fn inv_sec_a_first_start_prints_a_link_once_and_logs_no_secret() {
    let home = Home::new();
    let mut serving = Serving::start(&home, &[]);
    assert!(serving.line().contains("within 30 minutes"));
    let link = serving.line();
    let start = format!("http://{}/setup?token=", serving.address);
    let token = link.trim().strip_prefix(&start).unwrap().to_owned();
    assert!(token.len() >= 43, "{token}");
    let (status, body) = serving.get("/healthz");
    assert_eq!((status.as_str(), body.as_str()), ("200", "ok\n"));
    assert_eq!(serving.get("/readyz").0, "200");
    assert_eq!(serving.get(&format!("/setup?token={token}")).0, "200");
    // Nobody has signed in.
    assert_eq!(serving.get("/").0, "303");
    let (code, log) = serving.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopping"), "{log}");
    assert!(!log.contains(&token), "{log}");
    // Once there is a user, there is no link.
    assert_eq!(add_user(&home, "maria", "admin").code, 0);
    let mut serving = Serving::start(&home, &["--postgres", "127.0.0.1:0"]);
    let second = serving.line();
    assert!(second.ends_with("for clients of Postgres"), "{second}");
    let process = serving.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
    assert!(serving.lines.next().is_none());
    assert_eq!(serving.child.wait().unwrap().code(), Some(0), "{}", serving.logged());
}

#[test]
fn inv_sec_nothing_beyond_this_machine_without_sign_in() {
    let home = Home::new();
    for args in [
        &["--listen", "0.0.0.0:0", "--no-sign-in"][..],
        &["--listen", "[::]:0", "--no-sign-in"],
        &["--listen", "127.0.0.1:0", "--postgres", "0.0.0.0:0", "--no-sign-in"],
    ] {
        let ran = home.run(&[&["serve"], args].concat());
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains("other machines can reach"), "{}", ran.err);
    }
    let ran = home.run(&["demo", "--listen", "0.0.0.0:0"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    configure(&home, "listen = \"0.0.0.0:0\"\n[sign_in]\nrequired = false\n");
    let ran = home.run(&["serve"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    let ran = home.run(&["doctor"]);
    assert!(ran.out.contains("FAIL  configuration: listen is 0.0.0.0:0"), "{}", ran.out);
    let serving = Serving::start(&home, &["--no-sign-in"]);
    assert_eq!(serving.get("/readyz").0, "200");
    let (code, log) = serving.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("nobody has to sign in"), "{log}");
}

#[test]
fn what_is_wrong_with_the_configuration_is_told_with_its_place() {
    let home = Home::new();
    configure(&home, "# Ours\nlisen = \"127.0.0.1:0\"\n");
    for command in ["serve", "connections"] {
        let ran = home.run(&[command]);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(
            ran.err.contains("billhook.toml, line 2: there is no setting lisen"),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("did you mean listen?"), "{}", ran.err);
    }
    configure(&home, "[limits]\nclients = 0\n");
    let ran = home.run(&["serve"]);
    assert!(ran.err.contains("line 2: limits.clients: \"0\" cannot be used"), "{}", ran.err);
    configure(&home, "[log]\nformat = \"text\"\n");
    let refused = |name: &str, value: &str| {
        let ran = Ran::of(home.command().arg("serve").env(name, value).output().unwrap());
        assert_eq!(ran.code, 2, "{}", ran.err);
        ran.err
    };
    assert!(refused("BILLHOOK_LISTN", "x").contains("did you mean BILLHOOK_LISTEN?"));
    assert!(refused("BILLHOOK_LISTEN", "8080").contains("write an address with its port"));
    let mut command = home.command();
    let ran =
        Ran::of(command.arg("serve").env("BILLHOOK_CONFIG", "/no/such.toml").output().unwrap());
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("/no/such.toml"), "{}", ran.err);
    let ran = home.run(&["doctor"]);
    assert!(ran.out.contains("ok    setting log.format: text (file)"), "{}", ran.out);
}

#[test]
fn an_address_in_use_and_a_bad_certificate_are_said() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = home.run(&["serve", "--listen", &address]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains(&format!("cannot listen on {address}: another")), "{}", ran.err);
    let ran = Ran::of(
        home.command().arg("ready").env("BILLHOOK_LISTEN", "127.0.0.1:1").output().unwrap(),
    );
    assert_eq!(ran.code, 1, "{}", ran.err);
    fs::write(home.path("home/server.crt"), "nothing\n").unwrap();
    fs::write(home.path("home/server.key"), "nothing\n").unwrap();
    configure(
        &home,
        "listen = \"127.0.0.1:0\"\n[postgres]\nlisten = \"127.0.0.1:0\"\n\
         tls_certificate = \"server.crt\"\ntls_key = \"server.key\"\n",
    );
    let ran = home.run(&["serve"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("server."), "{}", ran.err);
}

#[test]
fn two_may_serve_a_home_and_each_is_ready() {
    let home = Home::new();
    let first = Serving::start(&home, &["--no-sign-in"]);
    let second = Serving::start_with(&home, &["--no-sign-in"], &[("BILLHOOK_LOG_FORMAT", "json")]);
    let variable = ("BILLHOOK_LISTEN", second.address.as_str());
    let ran = Ran::of(home.command().arg("ready").env(variable.0, variable.1).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let (code, log) = second.end();
    assert_eq!(code, Some(0), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<&str> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
    assert!(messages.iter().any(|text| text.contains("the two share the work")), "{log}");
    assert!(messages.contains(&"stopping …"), "{log}");
    let (code, log) = first.end();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn users_and_tokens_are_kept_and_every_change_is_noted() {
    let home = Home::new();
    let works = |args: &[&str]| {
        let ran = home.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        assert!(!format!("{}{}", ran.out, ran.err).contains(PASSWORD));
        ran.out
    };
    let refused = |args: &[&str]| {
        let ran = home.run(args);
        assert_ne!(ran.code, 0, "{args:?}");
        ran.err
    };
    works(&["users"]);
    assert_eq!(add_user(&home, "maria", "admin").code, 0);
    assert_eq!(add_user(&home, "tom", "viewer").code, 0);
    assert!(add_user(&home, "Tom", "viewer").err.contains("there is a user"));
    let short = password(&home, "short");
    let ran = home.run(&["users", "password", "tom", "--password-file", &short]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(refused(&["users", "remove", "maria"]).contains("last admin"));
    assert!(refused(&["users", "role", "maria", "viewer"]).contains("last admin"));
    assert!(refused(&["users", "role", "nobody", "viewer"]).contains("there is no user nobody"));
    works(&["users", "role", "tom", "admin"]);
    let link = works(&["users", "invite", "anna"]);
    assert!(link.starts_with("http://127.0.0.1:8080/invite?token="), "{link}");
    let users = works(&["users"]);
    assert!(users.contains("maria") && users.contains("anna"), "{users}");
    works(&["users", "remove", "anna"]);
    let text = works(&["tokens", "add", "grafana", "--user", "tom", "--wire"]);
    assert!(text.starts_with("bht_"), "{text}");
    assert!(refused(&["tokens", "add", "other", "--user", "tom"]).contains("--api"));
    let tokens: Value = serde_json::from_str(&works(&["tokens", "--json"])).unwrap();
    assert_eq!(tokens[0]["name"], "grafana");
    assert_eq!(tokens[0]["scopes"]["wire"], true);
    assert!(!tokens.to_string().contains(text.trim()));
    works(&["tokens", "revoke", "grafana"]);
    assert!(refused(&["tokens", "revoke", "grafana"]).contains("no token grafana"));
    let long = password(&home, "another horse battery");
    works(&["users", "password", "maria", "--password-file", &long]);
    works(&["users", "remove", "tom"]);
    let registry = Registry::open_existing(&home.path("home")).unwrap().unwrap();
    let audit = registry.audit(&AuditFilter::default(), None, 100).unwrap();
    assert!(audit.iter().all(|entry| entry.who == "command line"));
    let actions: Vec<&str> = audit.iter().rev().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "user.added",
            "user.added",
            "user.role_changed",
            "user.invited",
            "invitation.withdrawn",
            "token.made",
            "token.revoked",
            "user.password_changed",
            "user.removed",
        ]
    );
    let noted = format!("{audit:?}");
    assert!(!noted.contains("horse") && !noted.contains("bht_"), "{noted}");
}
