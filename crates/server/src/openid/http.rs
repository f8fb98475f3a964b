//! Questions to a provider: short ones, to places that may be asked.

use std::time::Duration;

use billhook_engine::error::causes;
use futures::future::BoxFuture;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use reqwest::{Client, Request};
use thiserror::Error;
use url::Url;

use crate::config::Issuer;

/// After which a connection must stand, and a whole answer be there.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(10);

/// Bytes of the longest answer that is read.
const LONGEST: usize = 1_024 * 1_024;

/// Asks a provider.
pub(crate) struct Http {
    client: Client,
    issuer: Issuer,
}

/// Why there is no answer. Neither questions nor answers are told: secrets stand in both.
#[derive(Debug, Error)]
pub(crate) enum HttpError {
    /// What asks cannot be made.
    #[error("this machine cannot make TLS connections: {0}")]
    Tls(String),
    /// It may not be asked.
    #[error("{0} is neither https nor on this machine, so it is not asked")]
    Place(String),
    /// It is not there, or says nothing.
    #[error("{place} does not answer: {why}")]
    Silent {
        /// Who was asked.
        place: String,
        /// Why there is no answer.
        why: String,
    },
    /// It says too much.
    #[error("the answer of {0} is longer than 1 MiB")]
    Long(String),
}

impl Http {
    /// Makes ready what asks. Nothing is asked yet.
    ///
    /// # Errors
    /// [`HttpError::Tls`].
    pub(crate) fn open(issuer: &Issuer) -> Result<Self, HttpError> {
        let mut client = Client::builder()
            .user_agent(concat!("billhook/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER);
        if issuer.is_here() {
            // A machine without certificates can still ask where none are needed.
            client = client.no_proxy().tls_certs_only(std::iter::empty());
        }
        let client = client.build().map_err(|error| HttpError::Tls(causes(&error)))?;
        Ok(Self { client, issuer: issuer.clone() })
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let url: Result<Url, _> = request.uri().to_string().parse();
        let place = request.uri().authority().map_or_else(String::new, ToString::to_string);
        if !url.is_ok_and(|url| self.issuer.may_lead_to(&url)) {
            return Err(HttpError::Place(place));
        }
        let silent = |error: reqwest::Error| {
            let why = causes(&error.without_url());
            HttpError::Silent { place: place.clone(), why }
        };
        let request = Request::try_from(request).map_err(silent)?;
        let mut answer = self.client.execute(request).await.map_err(silent)?;
        let mut response = HttpResponse::new(Vec::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        while let Some(chunk) = answer.chunk().await.map_err(silent)? {
            if response.body().len().saturating_add(chunk.len()) > LONGEST {
                return Err(HttpError::Long(place));
            }
            response.body_mut().extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
