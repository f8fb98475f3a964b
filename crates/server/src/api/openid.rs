//! The way in by OpenID Connect: to the provider, and back. As the other ways in it is for browsers
//! only.

use std::time::Instant;

use billhook_registry::{OpenIdPerson, OpenIdUser, RegistryError, SecretString};
use openidconnect::{PkceCodeChallenge, RedirectUrl};
use serde_json::json;

use super::entry::{self, Entered};
use crate::app::App;
use crate::ask::{Ask, Via, Who};
use crate::config::OpenIdSignIn;
use crate::fail::Fail;
use crate::format;
use crate::openid::begun::Errand;
use crate::openid::person::Person;
use crate::openid::provider::{self, Code};
use crate::openid::token::{self, Claims};
use crate::openid::trouble::{self, Trouble};

/// Where people come back to.
pub(crate) const BACK: &str = "/sign-in/oidc/callback";

/// Addresses of pages that are longer are not come back to.
const LONGEST: usize = 4_096;

/// Somebody who is sent to the provider.
pub(crate) struct Leaving {
    /// Where to.
    pub(crate) to: String,
    /// For the cookie that knows the browser again.
    pub(crate) browser: SecretString,
}

/// Somebody who comes back from the provider: what the address says.
pub(crate) struct Back<'a> {
    pub(crate) state: &'a str,
    pub(crate) code: Option<SecretString>,
    /// What went wrong there.
    pub(crate) error: Option<&'a str>,
    /// Who says that it is the provider.
    pub(crate) issuer: Option<&'a str>,
    /// What the cookie says.
    pub(crate) browser: Option<&'a str>,
}

/// Sends somebody to the provider, to come back to the page `next`.
///
/// # Errors
/// [`Fail`] when there is no provider, or it does not answer.
pub(crate) async fn begin(app: &App, ask: &Ask, next: &str) -> Result<Leaving, Fail> {
    let settings = settings(app)?;
    let left = Box::pin(leave(app, settings, ask, next)).await;
    left.map_err(|trouble| failed(ask, settings, &trouble))
}

/// Signs in who comes back, and gives the page that they wanted.
///
/// # Errors
/// [`Fail`] when anything is not as it has to be; nobody is signed in then.
pub(crate) async fn end(app: &App, ask: &Ask, back: Back<'_>) -> Result<(Entered, String), Fail> {
    let settings = settings(app)?;
    let come = Box::pin(come(app, settings, back)).await;
    let (claims, next) = come.map_err(|trouble| failed(ask, settings, &trouble))?;
    let person = Person::of(&claims, settings);
    let person = person.map_err(|trouble| failed(ask, settings, &trouble))?;
    let found = find(app, settings, person).await?;
    let found = found.map_err(|trouble| failed(ask, settings, &trouble))?;
    let entered = welcome(app, ask, found).await?;
    Ok((entered, next))
}

fn settings(app: &App) -> Result<&OpenIdSignIn, Fail> {
    app.config.openid.as_ref().ok_or_else(|| {
        let why = "This server does not sign people in by OpenID Connect.";
        Fail::missing(why, "Sign in with a password.").linked("Sign in", "/sign-in")
    })
}

async fn leave(
    app: &App,
    settings: &OpenIdSignIn,
    ask: &Ask,
    next: &str,
) -> Result<Leaving, Trouble> {
    let redirect = redirect(settings, &ask.site)?;
    let known = app.openid.provider.metadata(settings, Instant::now()).await?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let sent = provider::send(settings, &known, redirect.clone(), challenge);
    let browser = random()?;
    app.openid.begun.keep(Errand {
        state: sent.state,
        browser: browser.clone(),
        nonce: sent.nonce,
        verifier,
        redirect,
        next: if next.len() <= LONGEST { next.to_owned() } else { "/".to_owned() },
        at: app.now(),
    });
    Ok(Leaving { to: sent.url.into(), browser })
}

/// Where the provider is to send people back to.
fn redirect(settings: &OpenIdSignIn, site: &str) -> Result<RedirectUrl, Trouble> {
    if let Some(url) = &settings.redirect_url {
        return Ok(RedirectUrl::from_url(url.clone()));
    }
    if site.is_empty() {
        return Err(Trouble::Nowhere);
    }
    RedirectUrl::new(format!("{site}{BACK}")).map_err(|_| Trouble::Nowhere)
}

/// A text that nobody can guess.
fn random() -> Result<SecretString, Trouble> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Trouble::Unusable(error.to_string()))?;
    Ok(SecretString::from(hex::encode(bytes)))
}

/// What the provider says of who comes back, and the page that they wanted.
async fn come(
    app: &App,
    settings: &OpenIdSignIn,
    back: Back<'_>,
) -> Result<(Claims, String), Trouble> {
    // First of all: what somebody has made up leads to no question and no page of its own.
    let errand = app.openid.begun.take(back.state, back.browser, app.now())?;
    if back.issuer.is_some_and(|issuer| issuer != settings.issuer.as_str()) {
        return Err(Trouble::Token("another provider has sent them back".to_owned()));
    }
    match (back.error, back.code) {
        (Some("access_denied"), _) => Err(Trouble::Denied),
        (Some(error), _) => Err(Trouble::SentBack(trouble::code(error))),
        (None, None) => Err(Trouble::SentBack("no code".to_owned())),
        (None, Some(code)) => {
            let claims = Box::pin(claims(app, settings, errand, code)).await?;
            Ok(claims)
        }
    }
}

async fn claims(
    app: &App,
    settings: &OpenIdSignIn,
    errand: Errand,
    code: SecretString,
) -> Result<(Claims, String), Trouble> {
    let Errand { nonce, verifier, redirect, next, .. } = errand;
    let provider = &app.openid.provider;
    let known = provider.metadata(settings, Instant::now()).await?;
    let code = Code { code, verifier, redirect };
    let token = provider.exchange(settings, &known, code).await?;
    let now = format::utc(app.now());
    let said = token::claims(&token, &known, &settings.client_id, &nonce, now);
    if said != Err(Trouble::Key) {
        return Ok((said?, next));
    }
    // Providers change their keys now and then.
    let newer = provider.newer(settings, &known, Instant::now()).await?;
    let known = newer.ok_or(Trouble::Key)?;
    Ok((token::claims(&token, &known, &settings.client_id, &nonce, now)?, next))
}

/// The user that a person is here.
async fn find(
    app: &App,
    settings: &OpenIdSignIn,
    person: Person,
) -> Result<Result<OpenIdUser, Trouble>, Fail> {
    let (issuer, first, now) = (settings.issuer.as_str().to_owned(), settings.role, app.now());
    let Person { subject, name, named_by, role } = person;
    let found = app
        .ask_registry(move |registry| {
            let person = OpenIdPerson {
                issuer: &issuer,
                subject: &subject,
                name: &name,
                role: role.unwrap_or(first),
                is_role_told: role.is_some(),
            };
            Ok(registry.openid_user(&person, now))
        })
        .await?;
    match found {
        Ok(found) => Ok(Ok(found)),
        Err(RegistryError::UserName { name }) => Ok(Err(Trouble::Name { claim: named_by, name })),
        Err(RegistryError::NameTaken { what, name }) => Ok(Err(Trouble::Taken { what, name })),
        Err(RegistryError::LastAdmin { name }) => Ok(Err(Trouble::LastAdmin { name })),
        Err(error) => Err(error.into()),
    }
}

/// Begins a session of a user, in place of the one that the browser may have had.
async fn welcome(app: &App, ask: &Ask, found: OpenIdUser) -> Result<Entered, Fail> {
    let OpenIdUser { user, is_new, role_before } = found;
    entry::sign_out(app, ask).await?;
    let entered = entry::begin(app, user).await?;
    let (user, via) = (&entered.user, Via::Session(entered.session.clone()));
    let ask = Ask { who: Who::User(user.clone(), via), ..ask.clone() };
    if is_new {
        let after = json!({ "role": user.role, "sign_in": user.sign_in });
        app.note(&ask, "user.added", &user.name, None, Some(after)).await?;
    }
    if let Some(role) = role_before {
        let (before, after) = (json!({ "role": role }), json!({ "role": user.role }));
        app.note(&ask, "user.role_changed", &user.name, Some(before), Some(after)).await?;
    }
    let after = json!({ "by": user.sign_in });
    app.note(&ask, "user.signed_in", &user.name, None, Some(after)).await?;
    Ok(entered)
}

/// Writes the cause into the log, and makes a page of it.
fn failed(ask: &Ask, settings: &OpenIdSignIn, trouble: &Trouble) -> Fail {
    tracing::warn!(
        id = %ask.id, from = %ask.address, cause = %trouble,
        "somebody could not sign in by OpenID Connect"
    );
    trouble.fail(&settings.issuer.host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_come_back_to_where_the_server_is() {
        let told = |redirect_url: Option<&str>, site: &str| {
            let settings = OpenIdSignIn {
                redirect_url: redirect_url.map(|url| url.parse().unwrap()),
                ..OpenIdSignIn::least("https://login.example")
            };
            redirect(&settings, site).map(|url| url.to_string())
        };
        let site = "https://bills.example";
        assert_eq!(told(None, site).unwrap(), "https://bills.example/sign-in/oidc/callback");
        let other = "https://other.example/sign-in/oidc/callback";
        assert_eq!(told(Some(other), site).unwrap(), other);
        assert_eq!(told(None, ""), Err(Trouble::Nowhere));
    }
}
