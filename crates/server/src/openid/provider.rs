//! What a provider says of itself: where people are sent, where codes are exchanged, and its keys.

use std::sync::Arc;
use std::time::{Duration, Instant};

use billhook_engine::error::causes;
use billhook_registry::{ExposeSecret, SecretString};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdToken,
    CoreProviderMetadata,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, DiscoveryError,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse,
    TokenResponse as _,
};
use tokio::sync::{Mutex, OnceCell};
use url::Url;

use super::http::{Http, HttpError};
use super::trouble::Trouble;
use crate::config::OpenIdSignIn;

/// After so long a provider is asked anew what it is.
const FRESH: Duration = Duration::from_hours(1);

/// For a key that is not known it is asked not more often than that.
const SELDOM: Duration = Duration::from_mins(1);

/// What a provider says of itself, with its keys.
pub(crate) type Metadata = Arc<CoreProviderMetadata>;

/// What speaks for this server.
type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider, as far as it is known.
#[derive(Default)]
pub(crate) struct Provider {
    http: OnceCell<Http>,
    /// Held while it is asked, so that it is asked once for all who wait.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What it said, and when.
    said: Option<(Metadata, Instant)>,
    /// Why it could not be asked last, and when.
    failed: Option<(Trouble, Instant)>,
}

/// Somebody who is sent to the provider.
pub(crate) struct Sent {
    /// Where to.
    pub(crate) url: Url,
    /// What comes back with them.
    pub(crate) state: SecretString,
    /// What has to stand in their token.
    pub(crate) nonce: Nonce,
}

/// What somebody came back with, and what shows that it was asked for here.
pub(crate) struct Code {
    pub(crate) code: SecretString,
    pub(crate) verifier: PkceCodeVerifier,
    /// Where they came back to.
    pub(crate) redirect: RedirectUrl,
}

impl Provider {
    /// What the provider says of itself, at most an hour old unless it does not answer any more.
    ///
    /// # Errors
    /// [`Trouble::Unreachable`], [`Trouble::Unusable`].
    pub(crate) async fn metadata(
        &self,
        settings: &OpenIdSignIn,
        now: Instant,
    ) -> Result<Metadata, Trouble> {
        let mut known = self.known.lock().await;
        if let Some((said, at)) = &known.said
            && now.saturating_duration_since(*at) < FRESH
        {
            return Ok(Arc::clone(said));
        }
        // Those who waited meanwhile share the failure.
        if let Some((trouble, at)) = &known.failed
            && *at >= now
        {
            return Err(trouble.clone());
        }
        let asked = self.ask(settings).await;
        match (asked, known.said.take()) {
            (Ok(said), _) => {
                known.said = Some((Arc::clone(&said), now));
                Ok(said)
            }
            (Err(trouble), Some((said, at))) => {
                tracing::warn!(cause = %trouble, "the provider cannot be asked anew");
                known.said = Some((Arc::clone(&said), at));
                Ok(said)
            }
            (Err(trouble), None) => {
                known.failed = Some((trouble.clone(), Instant::now()));
                Err(trouble)
            }
        }
    }

    /// The same with keys that are newer than those of `seen`; `None` when there cannot be any,
    /// because it was asked less than a minute ago.
    ///
    /// # Errors
    /// As [`Provider::metadata`].
    pub(crate) async fn newer(
        &self,
        settings: &OpenIdSignIn,
        seen: &Metadata,
        now: Instant,
    ) -> Result<Option<Metadata>, Trouble> {
        let mut known = self.known.lock().await;
        if let Some((said, at)) = &known.said {
            if !Arc::ptr_eq(said, seen) {
                return Ok(Some(Arc::clone(said)));
            }
            if now.saturating_duration_since(*at) < SELDOM {
                return Ok(None);
            }
        }
        let said = self.ask(settings).await?;
        known.said = Some((Arc::clone(&said), now));
        Ok(Some(said))
    }

    async fn ask(&self, settings: &OpenIdSignIn) -> Result<Metadata, Trouble> {
        let issuer = IssuerUrl::new(settings.issuer.as_str().to_owned());
        let issuer = issuer.map_err(|error| Trouble::Unusable(error.to_string()))?;
        let http = self.http(settings).await?;
        let said = CoreProviderMetadata::discover_async(issuer, http).await.map_err(told)?;
        let token = said.token_endpoint().map(|place| place.url().clone());
        let token =
            token.ok_or_else(|| Trouble::Unusable("it has no token endpoint".to_owned()))?;
        for place in [said.authorization_endpoint().url(), &token] {
            if !settings.issuer.may_lead_to(place) {
                let why = format!("{place} is neither https nor on this machine");
                return Err(Trouble::Unusable(why));
            }
        }
        Ok(Arc::new(said))
    }

    async fn http(&self, settings: &OpenIdSignIn) -> Result<&Http, Trouble> {
        let open = || async { Http::open(&settings.issuer) };
        let opened = self.http.get_or_try_init(open).await;
        opened.map_err(|error| Trouble::Unusable(error.to_string()))
    }

    /// Exchanges the code that somebody came back with for the token that says who they are. It is
    /// not checked yet.
    ///
    /// # Errors
    /// [`Trouble::Unreachable`], [`Trouble::Unusable`], [`Trouble::Client`], [`Trouble::Code`].
    pub(crate) async fn exchange(
        &self,
        settings: &OpenIdSignIn,
        known: &Metadata,
        code: Code,
    ) -> Result<CoreIdToken, Trouble> {
        let http = self.http(settings).await?;
        let Code { code, verifier, redirect } = code;
        let client = client(settings, known, redirect);
        let request = client.exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()));
        let request = request.map_err(|error| Trouble::Unusable(error.to_string()))?;
        let answer = request.set_pkce_verifier(verifier).request_async(http).await;
        let answer = answer.map_err(refused)?;
        let missing = || Trouble::Unusable("its answer to the code has no id token".to_owned());
        answer.id_token().cloned().ok_or_else(missing)
    }
}

/// Where to send somebody who wants to sign in.
pub(crate) fn send(
    settings: &OpenIdSignIn,
    known: &Metadata,
    redirect: RedirectUrl,
    challenge: PkceCodeChallenge,
) -> Sent {
    let client = client(settings, known, redirect);
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let request = client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(settings.scopes.iter().map(|scope| Scope::new(scope.clone())))
        .set_pkce_challenge(challenge);
    let (url, state, nonce) = request.url();
    Sent { url, state: SecretString::from(state.secret().as_str()), nonce }
}

fn client(settings: &OpenIdSignIn, known: &Metadata, redirect: RedirectUrl) -> Client {
    let secret = settings.client_secret.as_ref();
    let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
    let id = ClientId::new(settings.client_id.clone());
    let client = CoreClient::from_provider_metadata(CoreProviderMetadata::clone(known), id, secret);
    // What is not said means by a header.
    let ways = known.token_endpoint_auth_methods_supported();
    let by_body = ways.is_some_and(|ways| {
        !ways.contains(&CoreClientAuthMethod::ClientSecretBasic)
            && ways.contains(&CoreClientAuthMethod::ClientSecretPost)
    });
    let way = if by_body { AuthType::RequestBody } else { AuthType::BasicAuth };
    client.set_auth_type(way).set_redirect_uri(redirect)
}

/// What was wrong with what a provider says of itself.
fn told(error: DiscoveryError<HttpError>) -> Trouble {
    match error {
        DiscoveryError::Request(error) => unasked(&error),
        DiscoveryError::Response(status, _, _) if status.is_server_error() => {
            Trouble::Unreachable(format!("it answers {status}"))
        }
        DiscoveryError::Response(status, _, why) => {
            Trouble::Unusable(format!("it answers {status}: {why}"))
        }
        error => Trouble::Unusable(causes(&error)),
    }
}

/// Why a code was not exchanged. What came with it is not told: tokens may stand in it.
fn refused(
    error: RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>,
) -> Trouble {
    match error {
        RequestTokenError::Request(error) => unasked(&error),
        RequestTokenError::ServerResponse(answer) => {
            let code = super::trouble::code(answer.error().as_ref());
            match answer.error() {
                CoreErrorResponseType::InvalidClient
                | CoreErrorResponseType::UnauthorizedClient => Trouble::Client(code),
                _ => Trouble::Code(code),
            }
        }
        RequestTokenError::Parse(error, _) => {
            let place = error.path().to_string();
            Trouble::Unusable(format!("its answer to the code cannot be read at {place}"))
        }
        RequestTokenError::Other(why) => Trouble::Unusable(why),
    }
}

fn unasked(error: &HttpError) -> Trouble {
    let why = causes(error);
    match error {
        HttpError::Silent { .. } => Trouble::Unreachable(why),
        HttpError::Tls(_) | HttpError::Place(_) | HttpError::Long(_) => Trouble::Unusable(why),
    }
}

#[cfg(test)]
mod tests {
    use billhook_testkit::identity::{Algorithm, Identity};

    use super::*;

    #[tokio::test]
    async fn a_provider_is_asked_seldom() {
        let identity = Identity::start(0, Algorithm::Es256).unwrap();
        let settings = OpenIdSignIn::least(&identity.issuer());
        let (provider, began) = (Provider::default(), Instant::now());
        let first = provider.metadata(&settings, began).await.unwrap();
        let again = provider.metadata(&settings, began + FRESH / 2).await.unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        // A key that is not known leads to another question, but not to many.
        identity.change_key().unwrap();
        let soon = provider.newer(&settings, &first, began + SELDOM / 2).await.unwrap();
        assert!(soon.is_none());
        let newer = provider.newer(&settings, &first, began + SELDOM).await.unwrap().unwrap();
        assert_ne!(newer.jwks(), first.jwks());
        let asked = identity.asked();
        let same = provider.newer(&settings, &first, began + SELDOM).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&newer, &same));
        assert_eq!(identity.asked(), asked);
        // What is known goes on when it does not answer any more.
        drop(identity);
        let late = provider.metadata(&settings, began + SELDOM + FRESH).await.unwrap();
        assert!(Arc::ptr_eq(&newer, &late));
        let nobody = Provider::default().metadata(&settings, began).await;
        assert!(matches!(nobody, Err(Trouble::Unreachable(_))));
    }

    #[tokio::test]
    async fn a_provider_that_calls_itself_otherwise_is_not_used() {
        let identity = Identity::start(0, Algorithm::Es256).unwrap();
        let settings = OpenIdSignIn::least(&format!("{}/", identity.issuer()));
        let refused = Provider::default().metadata(&settings, Instant::now()).await;
        assert!(matches!(refused, Err(Trouble::Unusable(_))));
    }
}
