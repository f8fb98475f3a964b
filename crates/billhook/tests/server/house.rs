//! A home that is served, and who is in it.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};

use crate::client::{Answer, Client, SESSION};
use crate::home::Home;

/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A server that is under way.
pub(crate) struct Serving {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Where its pages are.
    pub(crate) address: String,
    log: PathBuf,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Serving {
    /// Starts one on a free port, and waits until it listens. `globals` stand before the command.
    pub(crate) fn start(
        home: &Home,
        globals: &[&str],
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let log = tempfile::NamedTempFile::new_in(home.dir.path()).unwrap();
        let (file, log) = log.keep().unwrap();
        let mut command = home.command();
        command.args(globals).args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        // On a machine with much to do, pages would become runs that tests do not mean.
        command.env("BILLHOOK_LIMITS_PAGE_SECONDS", "30");
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
    pub(crate) fn line(&mut self) -> String {
        let line = self.lines.next();
        assert!(line.is_some(), "it has ended: {}", self.logged());
        line.unwrap().unwrap()
    }

    /// The token of the set-up link, which comes last.
    pub(crate) fn set_up_token(&mut self) -> String {
        loop {
            let line = self.line();
            if let Some((_, token)) = line.split_once("/setup?token=") {
                return token.trim().to_owned();
            }
        }
    }

    pub(crate) fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// Tries to sign in.
    pub(crate) fn sign_in(&self, name: &str, password: &str) -> (Client, Answer) {
        let mut client = self.client();
        let answer = client.post("/sign-in", &[("user", name), ("password", password)]);
        (client, answer)
    }
}

/// A home that is served, with an admin and a viewer who have signed in.
pub(crate) struct House {
    /// First, so that it ends before its home goes.
    pub(crate) serving: Serving,
    pub(crate) home: Home,
    /// `maria`
    pub(crate) admin: Client,
    /// `tom`
    pub(crate) viewer: Client,
}

impl House {
    pub(crate) fn open(home: Home) -> Self {
        Self::open_with(home, &[], &[], &[])
    }

    pub(crate) fn open_with(
        home: Home,
        globals: &[&str],
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut serving = Serving::start(&home, globals, args, variables);
        let token = serving.set_up_token();
        let mut admin = serving.client();
        let fields = [("token", token.as_str()), ("user", "maria"), ("password", PASSWORD)];
        let answer = admin.post("/setup", &fields);
        assert_eq!(answer.status, 303, "{}", answer.text());
        let token = invite(&mut admin, "tom", "viewer");
        let mut viewer = serving.client();
        let answer = viewer.post("/invite", &[("token", token.as_str()), ("password", PASSWORD)]);
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert!(viewer.cookies.contains_key(SESSION) && admin.cookies.contains_key(SESSION));
        Self { serving, home, admin, viewer }
    }
}

/// Has an admin invite somebody; gives the token of the link.
pub(crate) fn invite(admin: &mut Client, name: &str, role: &str) -> String {
    let answer = admin.post("/settings/users", &[("name", name), ("role", role)]);
    let text = answer.text();
    let token = text.split_once("/invite?token=").map(|(_, rest)| rest);
    assert!(token.is_some(), "{} {text}", answer.status);
    let is_token = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    token.unwrap().chars().take_while(is_token).collect()
}
