//! Somebody who signs people in: a provider of OpenID Connect on this machine. It signs in at once
//! whomever it is told to, checks all that a client has to show, and makes tokens as wrong as it is
//! told to.
//!
//! Nothing reads a clock: the time is told. Keys are made at the start, by chance.

mod keys;
mod token;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub use keys::Algorithm;
pub use token::Flaw;

use crate::cloud::http::{Request, Response, decode, encode, pairs};
use keys::Key;

/// The only client that is known, and its secret.
pub const CLIENT: (&str, &str) = ("billhook-tests", "not a secret: +/&=%");

/// Where everything is.
const REALM: &str = "/realms/acme";

/// After which silence a connection is given up.
const SILENCE: Duration = Duration::from_secs(30);

const JSON: &str = "application/json";

/// A running provider. It stops when dropped.
pub struct Identity {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    stopped: bool,
    issuer: String,
    /// Seconds since 1970 UTC.
    now: i64,
    /// What it says of who signs in.
    claims: Value,
    flaw: Option<Flaw>,
    /// What is answered instead of signing in.
    refusal: Option<String>,
    key: Key,
    /// How many keys there were.
    keys: u32,
    /// Codes that were given out, and not exchanged yet.
    codes: BTreeMap<String, Grant>,
    /// Method and path of everything that was asked.
    asked: Vec<String>,
}

/// What a code was given out for.
struct Grant {
    challenge: String,
    nonce: String,
    redirect: String,
}

impl Identity {
    /// Signs people in at a free port of this machine. `now` is the time, seconds since 1970 UTC.
    ///
    /// # Errors
    /// What the network reports, or that no key can be made.
    pub fn start(now: i64, algorithm: Algorithm) -> io::Result<Self> {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), now, algorithm)
    }

    /// The same there, such as where another one was before.
    ///
    /// # Errors
    /// As [`Identity::start`].
    pub fn at(address: SocketAddr, now: i64, algorithm: Algorithm) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let state = State {
            stopped: false,
            issuer: format!("http://{address}{REALM}"),
            now,
            claims: json!({ "sub": "0" }),
            flaw: None,
            refusal: None,
            key: Key::new("key-1", algorithm)?,
            keys: 1,
            codes: BTreeMap::new(),
            asked: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let own = Arc::clone(&state);
        let serve = move || serve(&listener, &own);
        let thread = thread::Builder::new().name("identity".to_owned()).spawn(serve)?;
        Ok(Self { address, state, thread: Some(thread) })
    }

    /// `http://127.0.0.1:port/realms/acme`.
    #[must_use]
    pub fn issuer(&self) -> String {
        lock(&self.state).issuer.clone()
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this is the time, seconds since 1970 UTC.
    pub fn set_time(&self, now: i64) {
        lock(&self.state).now = now;
    }

    /// From now on this is who signs in; `sub` has to be in it.
    pub fn sign_in(&self, claims: Value) {
        lock(&self.state).claims = claims;
    }

    /// From now on tokens are wrong in this way.
    pub fn make_wrong(&self, flaw: Option<Flaw>) {
        lock(&self.state).flaw = flaw;
    }

    /// From now on nobody is signed in, for that reason, such as `access_denied`.
    pub fn refuse(&self, reason: Option<&str>) {
        lock(&self.state).refusal = reason.map(str::to_owned);
    }

    /// Another key takes the place of the one before.
    ///
    /// # Errors
    /// That none can be made.
    pub fn change_key(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.keys += 1;
        state.key = Key::new(&format!("key-{}", state.keys), state.key.algorithm)?;
        Ok(())
    }

    /// Method and path of everything that was asked, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        lock(&self.state).asked.clone()
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        lock(&self.state).stopped = true;
        // A connection wakes the thread; if none can be made, it has ended.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            // A panic of the thread has been reported on its own.
            thread.join().unwrap_or_default();
        }
    }
}

/// A panic elsewhere does not make the state wrong.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes connections until stopped, each in a thread of its own.
fn serve(listener: &TcpListener, state: &Arc<Mutex<State>>) {
    for stream in listener.incoming() {
        if lock(state).stopped {
            return;
        }
        let Ok(stream) = stream else { continue };
        let state = Arc::clone(state);
        // A client that goes away or talks nonsense is not the provider's concern.
        thread::spawn(move || converse(stream, &state).unwrap_or_default());
    }
}

fn converse(mut stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let Some(request) = Request::read(&mut stream)? else { return Ok(()) };
    let response = lock(state).respond(&request);
    response.write(&mut stream, &request.method)
}

impl State {
    fn respond(&mut self, request: &Request) -> Response {
        self.asked.push(format!("{} {}", request.method, request.path));
        let page = request.path.strip_prefix(REALM).unwrap_or_default();
        match (request.method.as_str(), page) {
            ("GET", "/.well-known/openid-configuration") => said(200, &self.discovery()),
            ("GET", "/keys") => said(200, &json!({ "keys": [self.key.shown()] })),
            ("GET", "/authorize") => self.authorize(request),
            ("POST", "/token") => match self.exchange(request) {
                Ok(answer) => said(200, &answer),
                Err((status, error)) => said(status, &json!({ "error": error })),
            },
            _ => said(404, &json!({ "error": "not_found" })),
        }
    }

    fn discovery(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
        })
    }

    /// Sends back who comes, as if they had signed in.
    fn authorize(&mut self, request: &Request) -> Response {
        let told = |name: &str| request.parameter(name).unwrap_or_default();
        let scopes = told("scope");
        let is_good = told("response_type") == "code"
            && told("client_id") == CLIENT.0
            && told("code_challenge_method") == "S256"
            && scopes.split(' ').any(|scope| scope == "openid")
            && ["redirect_uri", "state", "nonce", "code_challenge"]
                .into_iter()
                .all(|name| !told(name).is_empty());
        if !is_good {
            return said(400, &json!({ "error": "invalid_request" }));
        }
        let result = if let Some(reason) = &self.refusal {
            format!("error={}", written(reason))
        } else {
            let code = URL_SAFE_NO_PAD.encode(Sha256::digest(told("state").as_bytes()));
            let grant = Grant {
                challenge: told("code_challenge"),
                nonce: told("nonce"),
                redirect: told("redirect_uri"),
            };
            self.codes.insert(code.clone(), grant);
            format!("code={code}")
        };
        let (state, issuer) = (written(&told("state")), written(&self.issuer));
        let to = format!("{}?{result}&state={state}&iss={issuer}", told("redirect_uri"));
        Response::new(302, "text/plain", String::new()).with("location", &to)
    }

    /// Exchanges a code for a token, once, for whoever asked for it.
    fn exchange(&mut self, request: &Request) -> Result<Value, (u16, &'static str)> {
        if !is_client(request) {
            return Err((401, "invalid_client"));
        }
        let fields = pairs(&String::from_utf8_lossy(&request.body));
        let field = |name: &str| {
            let found = fields.iter().find(|(own, _)| own == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        if field("grant_type") != "authorization_code" {
            return Err((400, "unsupported_grant_type"));
        }
        let grant = self.codes.remove(field("code")).ok_or((400, "invalid_grant"))?;
        let digest = Sha256::digest(field("code_verifier").as_bytes());
        let is_asked_here = URL_SAFE_NO_PAD.encode(digest) == grant.challenge;
        if !is_asked_here || field("redirect_uri") != grant.redirect {
            return Err((400, "invalid_grant"));
        }
        let mut answer =
            json!({ "access_token": "access", "token_type": "Bearer", "expires_in": 60 });
        if self.flaw != Some(Flaw::Missing) {
            let body = token::claims(&self.claims, &self.issuer, &grant.nonce, self.now, self.flaw);
            answer["id_token"] = token::signed(&self.key, &body, self.flaw).into();
        }
        Ok(answer)
    }
}

/// Does it show the secret of the client, as RFC 6749 wants it written?
fn is_client(request: &Request) -> bool {
    let shown = request.header("authorization").and_then(|text| text.strip_prefix("Basic "));
    let shown = shown.and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    let shown = String::from_utf8_lossy(&shown).into_owned();
    let plain = |text: &str| String::from_utf8_lossy(&decode(text, true)).into_owned();
    let pair = shown.split_once(':').map(|(id, secret)| (plain(id), plain(secret)));
    pair.is_some_and(|(id, secret)| (id.as_str(), secret.as_str()) == CLIENT)
}

fn written(text: &str) -> String {
    encode(text.as_bytes(), false)
}

fn said(status: u16, body: &Value) -> Response {
    Response::new(status, JSON, body.to_string())
}
