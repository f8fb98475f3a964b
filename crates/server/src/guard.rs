//! What stands before every page and answer: who asks, may they, is the form ours; and after it:
//! failures drawn, headers set, what happened counted.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, ETAG, HOST,
    IF_NONE_MATCH, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use billhook_registry::{Role, SecretString};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::api::connections::admins;
use crate::app::App;
use crate::ask::{Ask, Posted, Via, Who, pairs};
use crate::config::ProxySignIn;
use crate::fail::Fail;
use crate::heavy::Repeatable;
use crate::nonces::Sent;
use crate::origin;
use crate::pages::failure;
use crate::routes::Need;

/// The cookie of a session.
pub(crate) const SESSION_COOKIE: &str = "billhook_session";

/// The cookie of the colours.
pub(crate) const THEME_COOKIE: &str = "billhook_theme";

/// The cookie of who wants no shortcuts of the keyboard.
pub(crate) const KEYS_COOKIE: &str = "billhook_keys";

/// The field of a form, and the header of a program, with the token that shows that it is ours.
pub(crate) const CSRF: &str = "csrf";

/// The field of a form with its random text.
pub(crate) const NONCE: &str = "once";

/// Answers above this size get no tag: they are downloads.
const TAGGED: u64 = 2 * 1_024 * 1_024;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// The outermost layer: finds out who asks, draws failures, sets headers, counts and logs.
pub(crate) async fn around(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let wants = request.headers().get(IF_NONE_MATCH).cloned();
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    let is_cross = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    let ask = match ask(&app, peer.ip(), &headers, uri).await {
        Ok(ask) => Arc::new(ask),
        Err(fail) => {
            let mut response = bare(&fail);
            set_headers(&app, &path, "", &mut response);
            return response;
        }
    };
    request.extensions_mut().insert(Arc::clone(&ask));
    let limit = app.config.request_timeout;
    let answered = tokio::time::timeout(limit, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| {
        let fix = "Ask for a shorter period or fewer groups, or use SQL.";
        let why = format!("the answer took longer than {} s", limit.as_secs());
        Fail::new(StatusCode::GATEWAY_TIMEOUT, "This took too long", why, fix).into_response()
    });
    if response.status() == StatusCode::NOT_FOUND && response.extensions().get::<Fail>().is_none() {
        response = lost(&path).into_response();
    } else if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let why = format!("{method} is not possible here");
        response =
            Fail { status: StatusCode::METHOD_NOT_ALLOWED, ..Fail::bad(why) }.into_response();
    }
    if let Some(fail) = response.extensions_mut().remove::<Fail>() {
        if fail.status.is_server_error() {
            tracing::error!(id = %ask.id, %path, status = fail.status.as_u16(), why = %fail.why);
        }
        response = drawn(&app, &ask, fail).await;
    }
    let mut response = tagged(&method, wants, response).await;
    set_headers(&app, &path, &ask.id, &mut response);
    if is_cross {
        // What another site has asked for is not compressed: the size would tell it what the page
        // repeats of its question.
        let identity = HeaderValue::from_static("identity");
        response.headers_mut().insert(CONTENT_ENCODING, identity);
    }
    let (status, took) = (response.status(), began.elapsed());
    let route = route.as_deref().unwrap_or("other");
    app.metrics.answered(&method, route, status, took);
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        id = %ask.id, %method, %path, status = status.as_u16(), millis, who = ask.name(),
        from = %ask.address
    );
    response
}

/// The layer of one route: may the caller take it, and is the form ours?
pub(crate) async fn admit(
    State(app): State<Arc<App>>,
    Extension(need): Extension<Need>,
    ask: Ask,
    request: Request,
    next: Next,
) -> Response {
    let allowed = allowed(&ask, need, &request);
    if let Err(refused) = allowed {
        return match refused {
            Refused::Elsewhere(to) => Redirect::to(&to).into_response(),
            Refused::Fail(fail) => with_admins(&app, fail).await.into_response(),
        };
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    match posted(&app, &ask, request).await {
        Ok((request, nonce)) => {
            let Some(nonce) = nonce else { return next.run(request).await };
            match app.nonces.send(&nonce) {
                Sent::First => {}
                Sent::Again(to) => return Redirect::to(&to).into_response(),
                Sent::Unfinished => {
                    let why = "this form was sent before and is being worked on";
                    let fix = "Wait a moment, then look at what it did.";
                    return Fail::conflict(why, fix).into_response();
                }
            }
            let sent = SentForm { app: &app, nonce };
            let response = next.run(request).await;
            let is_over = response.extensions().get::<Repeatable>().is_none();
            let led = response.headers().get(LOCATION).filter(|_| is_over);
            let led = led.and_then(|to| to.to_str().ok());
            sent.done(led);
            response
        }
        Err(fail) => fail.into_response(),
    }
}

/// A form that is being worked on. When that is cut off, it may be sent again.
struct SentForm<'a> {
    app: &'a App,
    nonce: String,
}

impl SentForm<'_> {
    fn done(&self, led: Option<&str>) {
        self.app.nonces.done(&self.nonce, led);
    }
}

impl Drop for SentForm<'_> {
    fn drop(&mut self) {
        // Where it led stays as it is.
        self.app.nonces.cut_off(&self.nonce);
    }
}

/// Why a route is not for the caller.
enum Refused {
    /// Somewhere else comes first.
    Elsewhere(String),
    /// It is not for that role.
    Fail(Fail),
}

/// May the caller take a route? If not, what to answer.
fn allowed(ask: &Ask, need: Need, request: &Request) -> Result<(), Refused> {
    match (need, ask.role()) {
        (Need::Nobody, _) | (Need::Viewer, Some(_)) | (Need::Admin, Some(Role::Admin)) => Ok(()),
        (_, None) if ask.is_api() => {
            let why = "no token was sent, or it is not (or no longer) valid";
            let fix = "Send `Authorization: Bearer TOKEN`; tokens are made under Settings.";
            let fail = Fail::new(StatusCode::UNAUTHORIZED, "Sign in first", why, fix);
            Err(Refused::Fail(fail))
        }
        (_, None) => {
            // A form cannot be sent from the page that follows; the page with the form is shown.
            let is_form = !matches!(*request.method(), Method::GET | Method::HEAD);
            let back =
                if is_form { origin::came_from(request.headers()) } else { ask.here().to_owned() };
            let next: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
            let ended = if is_form { "&ended=1" } else { "" };
            Err(Refused::Elsewhere(format!("/sign-in?next={next}{ended}")))
        }
        (Need::Admin, Some(_)) => {
            let what = format!(
                "{} has the viewer role, which sees everything and changes nothing.",
                ask.name()
            );
            Err(Refused::Fail(Fail::forbidden(what)))
        }
    }
}

/// Says who can help with what needs the admin role.
async fn with_admins(app: &App, fail: Fail) -> Fail {
    if fail.status != StatusCode::FORBIDDEN {
        return fail;
    }
    match admins(app).await {
        Ok(names) if !names.is_empty() => {
            Fail { fix: format!("Ask one of the admins: {}.", names.join(", ")), ..fail }
        }
        _ => fail,
    }
}

/// Checks that a form or a call of a program comes from one of our pages. Gives the request with
/// its body, and the form's random text.
async fn posted(app: &App, ask: &Ask, request: Request) -> Result<(Request, Option<String>), Fail> {
    let (parts, body) = request.into_parts();
    let limit = app.config.body_limit;
    let body = to_bytes(body, limit).await.map_err(|_| {
        let fix = format!("Send at most {limit} bytes.");
        let why = format!("the body is larger than {limit} bytes, or was cut off");
        Fail::new(StatusCode::PAYLOAD_TOO_LARGE, "This is too large", why, fix)
    })?;
    let is_form = content_type(&parts.headers).starts_with("application/x-www-form-urlencoded");
    let fields = if is_form { Posted(pairs(&body)) } else { Posted::default() };
    let is_token = matches!(&ask.who, Who::User(_, Via::Token(_)));
    if !is_token {
        origin::require_own(app.config.public_url.as_ref(), &parts.headers)?;
        let header = HeaderName::from_static("x-csrf-token");
        let header = parts.headers.get(header).and_then(|value| value.to_str().ok());
        let given = fields.raw(CSRF).or(header).unwrap_or_default();
        if !bool::from(given.as_bytes().ct_eq(ask.csrf.as_bytes())) {
            let why = "the form was not made by this server for you, or you have signed in anew \
                       since it was";
            let fix = "Go back, load the page again and send the form from there.";
            let title = "This form is not valid any more";
            return Err(Fail::new(StatusCode::FORBIDDEN, title, why, fix));
        }
    }
    // Ours are short, and those that are sent are remembered.
    let nonce = fields.get(NONCE).filter(|nonce| nonce.len() <= 64).map(str::to_owned);
    Ok((Request::from_parts(parts, Body::from(body)), nonce))
}

/// Finds out who asks.
async fn ask(app: &App, peer: IpAddr, headers: &HeaderMap, uri: Uri) -> Result<Ask, Fail> {
    let id = number()?;
    if !app.config.requires_sign_in {
        is_local(headers)?;
    }
    let session = cookie(headers, SESSION_COOKIE);
    let who = if app.config.requires_sign_in {
        who(app, peer, headers, session.as_deref()).await?
    } else {
        Who::Local
    };
    let csrf = match &who {
        Who::User(_, Via::Session(text)) => {
            use billhook_registry::ExposeSecret;
            app.csrf(text.expose_secret())
        }
        Who::User(user, Via::Proxy) => app.csrf(user.id.as_str()),
        // Forms of who has not signed in: nobody's rights are behind them.
        Who::Nobody | Who::Local | Who::User(_, Via::Token(_)) => app.csrf(""),
    };
    let theme = match cookie(headers, THEME_COOKIE).as_deref() {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "",
    };
    let has_no_keys = cookie(headers, KEYS_COOKIE).as_deref() == Some("off");
    let address = client(app, peer, headers);
    let site = origin::site(app.config.public_url.as_ref(), headers);
    Ok(Ask { who, uri, shows: None, site, address, theme, has_no_keys, csrf, id })
}

async fn who(
    app: &App,
    peer: IpAddr,
    headers: &HeaderMap,
    session: Option<&str>,
) -> Result<Who, Fail> {
    let now = app.now();
    if let Some(token) = bearer(headers) {
        let from = peer.to_string();
        let found =
            app.ask_registry(move |registry| registry.token(&token, Some(&from), now)).await?;
        // A wrong token is nobody, whatever else is sent.
        return Ok(
            found.map_or(Who::Nobody, |(user, token)| Who::User(user, Via::Token(Box::new(token))))
        );
    }
    if let Some(proxy) = &app.config.proxy
        && let Some(name) = named_by_proxy(proxy, peer, headers)
    {
        let role = proxy.role;
        let user = app.ask_registry(move |registry| registry.proxy_user(&name, role, now)).await?;
        return Ok(Who::User(user, Via::Proxy));
    }
    let Some(text) = session else { return Ok(Who::Nobody) };
    let text = SecretString::from(text.to_owned());
    let kept = text.clone();
    let found = app.ask_registry(move |registry| registry.session(&text, now)).await?;
    Ok(found.map_or(Who::Nobody, |session| Who::User(session.user, Via::Session(kept))))
}

/// The address of who asks: that which a trusted proxy tells, when one is in front.
fn client(app: &App, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.to_canonical();
    let Some(ProxySignIn { from: trusted, .. }) = &app.config.proxy else { return peer };
    if !trusted.contains(&peer) {
        return peer;
    }
    let told = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let told: Vec<IpAddr> = told
        .flat_map(|value| value.split(','))
        .filter_map(|text| text.trim().parse().ok())
        .collect();
    // Each proxy adds whom it was asked by; what stands before the last stranger may be made up.
    let stranger = told.into_iter().rev().find(|address| !trusted.contains(address));
    stranger.map_or(peer, |address| address.to_canonical())
}

/// The name that a proxy tells, if the request comes from it.
fn named_by_proxy(proxy: &ProxySignIn, peer: IpAddr, headers: &HeaderMap) -> Option<String> {
    if !proxy.from.contains(&peer.to_canonical()) {
        return None;
    }
    let name = headers.get(proxy.header.as_str())?.to_str().ok()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Without sign-in only this machine may ask, also by way of a browser that was led astray by a
/// name which points here.
fn is_local(headers: &HeaderMap) -> Result<(), Fail> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_loopback || name.eq_ignore_ascii_case("localhost") {
        return Ok(());
    }
    let why = "without sign-in, this server answers to localhost only";
    let fix = "Open http://localhost with the port of the server, or turn sign-in on.";
    Err(Fail::new(StatusCode::MISDIRECTED_REQUEST, "This is not for here", why, fix))
}

impl App {
    /// The token that forms of a session carry.
    pub(crate) fn csrf(&self, of: &str) -> String {
        // Keys of HMAC may have any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else {
            return String::new();
        };
        mac.update(of.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

fn bearer(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned().into())
}

/// The value of a cookie.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A random number for a request.
fn number() -> Result<String, Fail> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Fail::internal(error.to_string()))?;
    Ok(hex::encode(bytes))
}

fn lost(path: &str) -> Fail {
    Fail::missing(format!("{path} is no page of Billhook."), "Choose one from the menu.")
        .linked("Overview", "/")
}

/// A failure before it is known who asks.
fn bare(fail: &Fail) -> Response {
    let text = format!("{}: {}\n{}\n", fail.title, fail.why, fail.fix);
    (fail.status, text).into_response()
}

/// A failure, for people or for programs.
async fn drawn(app: &App, ask: &Ask, fail: Fail) -> Response {
    let (status, retry_after) = (fail.status, fail.retry_after);
    let mut response = if ask.is_api() {
        let problem = serde_json::json!({
            "type": "about:blank",
            "title": fail.title,
            "status": status.as_u16(),
            "detail": public(&fail),
            "fix": fail.fix,
            "instance": ask.id,
        });
        // Nothing in it is markup, whoever takes it for a page.
        let text = problem.to_string().replace('<', "\\u003c");
        ([(CONTENT_TYPE, "application/problem+json")], text).into_response()
    } else {
        failure::page(app, ask, &fail).await
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(wait) = retry_after
        && let Ok(value) = HeaderValue::from_str(&wait.as_secs().max(1).to_string())
    {
        headers.insert(RETRY_AFTER, value);
    }
    response
}

/// What may be told of a failure. Of those of Billhook itself the log has more.
pub(crate) fn public(fail: &Fail) -> &str {
    if fail.status == StatusCode::INTERNAL_SERVER_ERROR {
        "Your data was not changed."
    } else {
        &fail.why
    }
}

/// Gives pages and answers a tag, and says so when the caller has them already.
async fn tagged(method: &Method, wants: Option<HeaderValue>, response: Response) -> Response {
    let is_tagged = *method == Method::GET
        && response.status() == StatusCode::OK
        && !response.headers().contains_key(ETAG)
        && is_text(response.headers());
    if !is_tagged {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Streams of unknown length are downloads and go through as they are.
    if axum::body::HttpBody::size_hint(&body).exact().is_none_or(|size| size > TAGGED) {
        return Response::from_parts(parts, body);
    }
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return bare(&Fail::internal("an answer was cut off"));
    };
    let digest = Sha256::digest(&bytes);
    let tag = format!("\"{}\"", hex::encode(&digest[..12]));
    let is_known = wants.is_some_and(|wants| wants.as_bytes() == tag.as_bytes());
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(ETAG, tag);
    }
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = content_type(headers);
    kind.starts_with("text/html") || kind.starts_with("application/json")
}

fn set_headers(app: &App, path: &str, id: &str, response: &mut Response) {
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("content-security-policy", POLICY);
    set("x-content-type-options", "nosniff");
    set("referrer-policy", "same-origin");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set("permissions-policy", "camera=(), geolocation=(), microphone=()");
    set("x-request-id", id);
    if app.config.public_url.as_ref().is_some_and(|url| url.scheme() == "https") {
        set("strict-transport-security", "max-age=31536000");
    }
    if !path.starts_with("/assets/") && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
}
