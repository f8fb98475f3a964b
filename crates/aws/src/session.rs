//! Who Billhook is towards AWS: where credentials come from, and what is made of them.
//!
//! Unless told otherwise, credentials, region and endpoints are found as by every AWS tool:
//! environment (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_COST_EXPLORER`, …), profile, container,
//! instance.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use object_store::CredentialProvider;
use object_store::aws::{AwsCredential, AwsCredentialProvider};
use tokio::sync::Mutex;

use crate::call::{CallError, Trouble, causes, trouble};

/// Where the billing APIs lie in AWS's standard partition.
const REGION: &str = "us-east-1";

/// Where they lie in China.
const REGION_OF_CHINA: &str = "cn-northwest-1";

/// Where Organizations lies in `GovCloud`.
const REGION_OF_GOVCLOUD: &str = "us-gov-west-1";

/// Name of the sessions of assumed roles in AWS's logs.
const SESSION_NAME: &str = "billhook";

/// Credentials are renewed so long before they expire.
const RENEWED_BEFORE: Duration = Duration::from_mins(5);

/// Where credentials come from.
#[derive(Clone)]
pub enum Source {
    /// Whatever the environment, container or instance offers.
    Ambient,
    /// A profile of AWS's configuration files.
    Profile(String),
    /// An access key.
    Key {
        /// `AKIA…` or `ASIA…`.
        id: String,
        /// Its secret.
        secret: String,
        /// The session token of a temporary key.
        token: Option<String>,
    },
}

/// A role to be assumed.
#[derive(Debug, Clone)]
pub struct Assume {
    /// Its ARN.
    pub arn: String,
    /// What its trust policy wants to hear.
    pub external_id: Option<String>,
    /// Name of the session in AWS's logs.
    pub session_name: Option<String>,
}

/// How to reach AWS.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Region; `None` for the environment's.
    pub region: Option<String>,
    /// Endpoint of all services; `None` for the environment's or AWS's own.
    pub endpoint: Option<String>,
}

/// Somebody, towards AWS.
#[derive(Debug, Clone)]
pub struct Session {
    config: SdkConfig,
    source: String,
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Account, 12 digits.
    pub account: String,
    /// ARN of the user or the role's session.
    pub arn: String,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ambient => f.write_str("Ambient"),
            Self::Profile(name) => f.debug_tuple("Profile").field(name).finish(),
            Self::Key { id, .. } => f.debug_struct("Key").field("id", id).finish_non_exhaustive(),
        }
    }
}

impl Source {
    /// In words.
    fn title(&self) -> String {
        match self {
            Self::Ambient => "the environment".to_owned(),
            Self::Profile(name) => format!("profile {name}"),
            Self::Key { id, .. } => format!("access key {id}"),
        }
    }
}

impl Session {
    /// Finds the credentials. Those of a role are asked for when they are first needed.
    ///
    /// # Errors
    /// When there are none.
    pub async fn open(source: &Source, place: &Place) -> Result<Self, CallError> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(10))
            .operation_timeout(Duration::from_secs(90))
            .build();
        let region = place.region.clone().map(Region::new);
        let region = RegionProviderChain::first_try(region)
            .or_default_provider()
            .or_else(Region::from_static(REGION));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(region)
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(timeouts);
        if let Some(endpoint) = &place.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        match source {
            Source::Ambient => {}
            Source::Profile(name) => loader = loader.profile_name(name),
            Source::Key { id, secret, token } => {
                let key = Credentials::new(id, secret, token.clone(), None, "billhook");
                loader = loader.credentials_provider(key);
            }
        }
        let session = Self { config: loader.load().await, source: source.title() };
        session.credentials().await?;
        Ok(session)
    }

    /// The session of a role that this one assumes, renewed before it expires.
    pub async fn assuming(&self, role: &Assume) -> Self {
        let mut builder = AssumeRoleProvider::builder(&role.arn)
            .session_name(role.session_name.as_deref().unwrap_or(SESSION_NAME))
            .configure(&self.config);
        if let Some(id) = &role.external_id {
            builder = builder.external_id(id);
        }
        let provider = SharedCredentialsProvider::new(builder.build().await);
        let config = self.config.to_builder().credentials_provider(provider).build();
        Self { config, source: format!("role {}", role.arn) }
    }

    /// Assumes a role once, to see whether that is allowed; the credentials are thrown away.
    ///
    /// # Errors
    /// When it is not.
    pub async fn try_assume(&self, role: &Assume) -> Result<(), CallError> {
        let answer = aws_sdk_sts::Client::new(&self.config)
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name(role.session_name.as_deref().unwrap_or(SESSION_NAME))
            .set_external_id(role.external_id.clone())
            .send()
            .await;
        answer.map(|_| ()).map_err(|error| trouble(&error))
    }

    /// Who the credentials belong to. Costs nothing and needs no permission.
    ///
    /// # Errors
    /// When AWS does not say.
    pub async fn identity(&self) -> Result<Identity, CallError> {
        let client = aws_sdk_sts::Client::new(&self.config);
        let answer = client.get_caller_identity().send().await.map_err(|e| trouble(&e))?;
        match (answer.account(), answer.arn()) {
            (Some(account), Some(arn)) => {
                Ok(Identity { account: account.to_owned(), arn: arn.to_owned() })
            }
            _ => Err(CallError::refused("the answer names no account")),
        }
    }

    /// Id of the access key that the credentials have, and whether a session token comes with it;
    /// `None` when there are none.
    pub async fn key(&self) -> Option<(String, bool)> {
        let found = self.credentials().await.ok()?;
        Some((found.access_key_id().to_owned(), found.session_token().is_some()))
    }

    /// Credentials for a store, renewed before they expire.
    #[must_use]
    pub fn for_store(&self) -> AwsCredentialProvider {
        Arc::new(StoreCredentials { session: self.clone(), kept: Mutex::default() })
    }

    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The region that requests go to.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// Where the billing APIs lie, as seen from the session's region, which may be a bucket's.
    /// `GovCloud` has no billing of its own.
    pub(crate) fn billing_region(&self) -> Region {
        home(self.region().unwrap_or_default(), REGION)
    }

    /// The same of Organizations.
    pub(crate) fn organization_region(&self) -> Region {
        home(self.region().unwrap_or_default(), REGION_OF_GOVCLOUD)
    }

    async fn credentials(&self) -> Result<Credentials, CallError> {
        let none = |reason: &str| CallError {
            trouble: Trouble::Credentials,
            code: String::new(),
            message: format!("no usable AWS credentials from {}: {reason}", self.source),
        };
        let Some(provider) = self.config.credentials_provider() else {
            return Err(none("nothing provides any"));
        };
        provider.provide_credentials().await.map_err(|error| {
            // What each provider lacks follows on lines of its own.
            let text = causes(&error);
            none(text.lines().next().unwrap_or_default().trim_end_matches(" Attempted:"))
        })
    }
}

/// The one region, of those in the partition of `region`, that a billing service lies in.
fn home(region: &str, of_govcloud: &'static str) -> Region {
    if region.starts_with("cn-") {
        return Region::from_static(REGION_OF_CHINA);
    }
    if region.starts_with("us-gov-") {
        return Region::from_static(of_govcloud);
    }
    // In what partitions there are besides, the SDK's own rules find the service.
    if ["us-iso", "eu-iso", "eusc-"].into_iter().any(|other| region.starts_with(other)) {
        return Region::new(region.to_owned());
    }
    Region::from_static(REGION)
}

/// What a store asks for credentials.
#[derive(Debug)]
struct StoreCredentials {
    session: Session,
    kept: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

#[async_trait]
impl CredentialProvider for StoreCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut kept = self.kept.lock().await;
        let needed = SystemTime::now() + RENEWED_BEFORE;
        if let Some((credential, expiry)) = &*kept
            && expiry.is_none_or(|expiry| expiry > needed)
        {
            return Ok(Arc::clone(credential));
        }
        let found = self.session.credentials().await;
        let found = found.map_err(|source| object_store::Error::Generic {
            store: "S3",
            source: Box::new(source),
        })?;
        let credential = Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        });
        *kept = Some((Arc::clone(&credential), found.expiry()));
        Ok(credential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sts_is_asked_in_the_partition_of_the_region() {
        use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

        let (id, secret) = ("AKIAIOSFODNN7EXAMPLE".to_owned(), "secret".to_owned());
        let source = Source::Key { id, secret, token: None };
        for (region, url) in [
            ("eu-central-1", "https://sts.eu-central-1.amazonaws.com"),
            ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com"),
        ] {
            let place = Place { region: Some(region.to_owned()), endpoint: None };
            let session = Session::open(&source, &place).await.unwrap();
            let asked = session.region().unwrap_or_default();
            let params = Params::builder().region(asked).build().unwrap();
            let resolver = DefaultResolver::new();
            let endpoint = ResolveEndpoint::resolve_endpoint(&resolver, &params).await.unwrap();
            assert_eq!(endpoint.url(), url);
            assert_eq!(session.key().await, Some(("AKIAIOSFODNN7EXAMPLE".to_owned(), false)));
        }
    }

    #[test]
    fn billing_lies_in_one_region_of_a_partition() {
        for (region, billing, organization) in [
            ("eu-central-1", "us-east-1", "us-east-1"),
            ("", "us-east-1", "us-east-1"),
            ("cn-north-1", "cn-northwest-1", "cn-northwest-1"),
            ("us-gov-east-1", "us-east-1", "us-gov-west-1"),
            ("eusc-de-east-1", "eusc-de-east-1", "eusc-de-east-1"),
        ] {
            assert_eq!(home(region, REGION), Region::from_static(billing), "{region}");
            let expected = Region::from_static(organization);
            assert_eq!(home(region, REGION_OF_GOVCLOUD), expected, "{region}");
        }
    }
}
