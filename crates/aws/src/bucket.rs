//! A bucket itself: where it lies, making it, and its policy. What is in it, stores read.

use std::error::Error;
use std::time::Duration;

use object_store::aws::{
    AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer, AwsCredential, AwsCredentialProvider,
};
use object_store::client::{HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::{ClientOptions, HeaderValue};
use url::Url;

use crate::call::causes;
use crate::session::Session;

/// How often something is asked that may be asked twice.
const ATTEMPTS: u32 = 3;

/// How long to wait before asking again, times the attempts so far.
const PAUSE: Duration = Duration::from_millis(500);

/// Where the body of a new bucket's request gets its meaning from.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Why a bucket is not what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if .code.is_empty() { String::new() } else { format!("{code}: ") })]
pub struct BucketError {
    /// HTTP status; 0 when there was no answer.
    pub status: u16,
    /// S3's code, such as `AccessDenied`; empty when S3 gave none, as to HEAD.
    pub code: String,
    /// In S3's words.
    pub message: String,
}

impl BucketError {
    fn unanswered(message: String) -> Self {
        Self { status: 0, code: String::new(), message }
    }

    /// What a store's error says is about stores in general; its causes are what happened.
    fn because(error: &(dyn Error + 'static)) -> Self {
        Self::unanswered(error.source().map_or_else(|| error.to_string(), causes))
    }
}

/// A client for one bucket.
#[derive(Debug, Clone)]
pub struct BucketAdmin {
    credentials: AwsCredentialProvider,
    /// The bucket's URL, to which a query can be added.
    address: String,
    region: String,
}

/// What S3 answers.
struct Answer {
    status: u16,
    /// Where the bucket lies, when S3 says so.
    region: Option<String>,
    body: String,
}

impl Answer {
    fn error(&self) -> BucketError {
        let unexplained = || format!("HTTP status {}", self.status);
        BucketError {
            status: self.status,
            code: element(&self.body, "Code").unwrap_or_default(),
            message: element(&self.body, "Message").unwrap_or_else(unexplained),
        }
    }

    fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// May the same request meet another answer?
    fn is_passing(&self) -> bool {
        self.status == 429 || self.status >= 500
    }
}

impl BucketAdmin {
    /// A client with the credentials of a session, for a bucket that lies, or shall lie, in
    /// `region`. Without an endpoint, the environment's is taken, or AWS's own.
    #[must_use]
    pub fn new(session: &Session, bucket: &str, region: &str, endpoint: Option<&str>) -> Self {
        let environment = || {
            let settings = AmazonS3Builder::from_env();
            let of_s3 = settings.get_config_value(&AmazonS3ConfigKey::S3Endpoint);
            of_s3.or_else(|| settings.get_config_value(&AmazonS3ConfigKey::Endpoint))
        };
        let endpoint = endpoint.map(str::to_owned).or_else(environment);
        Self {
            credentials: session.for_store(),
            address: address(bucket, region, endpoint.as_deref()),
            region: region.to_owned(),
        }
    }

    /// Where the bucket lies; none when there is no such bucket. S3 tells this also to those who
    /// may not list the bucket, which is `s3:ListBucket`.
    ///
    /// # Errors
    /// When S3 does not tell.
    pub async fn region(&self) -> Result<Option<String>, BucketError> {
        let answer = self.ask("HEAD", "", String::new(), ATTEMPTS).await?;
        match &answer.region {
            Some(region) => Ok(Some(region.clone())),
            None if answer.status == 404 => Ok(None),
            // Stores other than S3 do not tell.
            None if answer.is_done() => Ok(Some(self.region.clone())),
            None => Err(answer.error()),
        }
    }

    /// Makes the bucket, private as AWS makes buckets. Needs `s3:CreateBucket`.
    ///
    /// # Errors
    /// When S3 refuses it, also because the bucket exists.
    pub async fn create(&self) -> Result<(), BucketError> {
        // Asked a second time, S3 might refuse what it did the first time.
        done(&self.ask("PUT", "", location(&self.region), 1).await?)
    }

    /// The bucket's policy; none when it has none. Needs `s3:GetBucketPolicy`.
    ///
    /// # Errors
    /// When S3 does not tell.
    pub async fn policy(&self) -> Result<Option<String>, BucketError> {
        let answer = self.ask("GET", "policy", String::new(), ATTEMPTS).await?;
        if answer.is_done() {
            return Ok(Some(answer.body));
        }
        let error = answer.error();
        if error.code == "NoSuchBucketPolicy" { Ok(None) } else { Err(error) }
    }

    /// Gives the bucket a policy, in place of the one that it has. Needs `s3:PutBucketPolicy`.
    ///
    /// # Errors
    /// When S3 refuses it.
    pub async fn put_policy(&self, policy: &str) -> Result<(), BucketError> {
        done(&self.ask("PUT", "policy", policy.to_owned(), ATTEMPTS).await?)
    }

    async fn ask(
        &self,
        method: &str,
        query: &str,
        body: String,
        attempts: u32,
    ) -> Result<Answer, BucketError> {
        let options = ClientOptions::new().with_allow_http(true);
        let client = ReqwestConnector::default().connect(&options);
        let client = client.map_err(|error| BucketError::because(&error))?;
        let request = self.request(method, query, body).await?;
        let mut attempt = 1;
        loop {
            let answer = match client.execute(request.clone()).await {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    let region = head.headers.get("x-amz-bucket-region");
                    let region = region.and_then(|region| region.to_str().ok()).map(str::to_owned);
                    let status = head.status.as_u16();
                    body.bytes().await.map(|body| {
                        let body = String::from_utf8_lossy(&body).into_owned();
                        Answer { status, region, body }
                    })
                }
                Err(error) => Err(error),
            };
            let is_last = attempt >= attempts;
            match answer {
                Ok(answer) if is_last || !answer.is_passing() => return Ok(answer),
                Err(error) if is_last => return Err(BucketError::because(&error)),
                Ok(_) | Err(_) => tokio::time::sleep(PAUSE * attempt).await,
            }
            attempt += 1;
        }
    }

    /// A signed request.
    async fn request(
        &self,
        method: &str,
        query: &str,
        body: String,
    ) -> Result<HttpRequest, BucketError> {
        let mark = if query.is_empty() { "" } else { "?" };
        let address = format!("{}{mark}{query}", self.address);
        let unusable = |why: String| BucketError::unanswered(format!("{address}: {why}"));
        // The signer takes for granted that it reads the address.
        let url = Url::parse(&address).map_err(|error| unusable(error.to_string()))?;
        let credential = self.credentials.get_credential().await;
        let credential = credential.map_err(|error| BucketError::because(&error))?;
        check(&credential)?;
        let length = body.len();
        let mut request = HttpRequest::new(HttpRequestBody::from(body));
        let refused = || unusable("cannot be asked for".to_owned());
        *request.method_mut() = method.parse().map_err(|_| refused())?;
        *request.uri_mut() = url.as_str().parse().map_err(|_| refused())?;
        if method == "PUT" {
            // S3 wants to be told that there is nothing, too.
            request.headers_mut().insert("content-length", HeaderValue::from(length));
        }
        AwsAuthorizer::new(&credential, "s3", &self.region).authorize(&mut request, None);
        Ok(request)
    }
}

/// Can the key stand in headers? The signer takes that for granted.
fn check(credential: &AwsCredential) -> Result<(), BucketError> {
    let can_be_sent = |text: &str| HeaderValue::from_str(text).is_ok();
    let token = credential.token.as_deref();
    if can_be_sent(&credential.key_id) && token.is_none_or(can_be_sent) {
        return Ok(());
    }
    let message = "the access key or its session token has characters that no key has";
    Err(BucketError::unanswered(message.to_owned()))
}

fn done(answer: &Answer) -> Result<(), BucketError> {
    if answer.is_done() { Ok(()) } else { Err(answer.error()) }
}

fn address(bucket: &str, region: &str, endpoint: Option<&str>) -> String {
    if let Some(endpoint) = endpoint {
        return format!("{}/{bucket}", endpoint.trim_end_matches('/'));
    }
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    // AWS's certificates are for names without further dots.
    if bucket.contains('.') {
        return format!("https://s3.{region}.{domain}/{bucket}");
    }
    format!("https://{bucket}.s3.{region}.{domain}/")
}

/// The body that says where a new bucket shall lie. Of us-east-1 S3 wants nothing said.
fn location(region: &str) -> String {
    if region == "us-east-1" {
        return String::new();
    }
    format!(
        "<CreateBucketConfiguration xmlns=\"{NAMESPACE}\"><LocationConstraint>{region}\
         </LocationConstraint></CreateBucketConfiguration>"
    )
}

/// The text of an element in S3's answer.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    Some(plain.replace("&apos;", "'").replace("&#39;", "'").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_addresses() {
        for (bucket, region, endpoint, expected) in [
            ("bills", "eu-central-1", None, "https://bills.s3.eu-central-1.amazonaws.com/"),
            ("my.bills", "eu-west-1", None, "https://s3.eu-west-1.amazonaws.com/my.bills"),
            ("bills", "cn-north-1", None, "https://bills.s3.cn-north-1.amazonaws.com.cn/"),
            ("bills", "us-east-1", Some("http://[::1]:5000/"), "http://[::1]:5000/bills"),
        ] {
            let address = address(bucket, region, endpoint);
            assert_eq!(address, expected);
            let with_query = format!("{address}?policy");
            assert_eq!(Url::parse(&with_query).unwrap().as_str(), with_query);
        }
    }

    #[test]
    fn new_buckets_say_where_unless_in_the_first_region() {
        assert_eq!(location("us-east-1"), "");
        let expected = "<CreateBucketConfiguration \
                        xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                        <LocationConstraint>eu-west-1</LocationConstraint>\
                        </CreateBucketConfiguration>";
        assert_eq!(location("eu-west-1"), expected);
    }

    #[test]
    fn refusals_are_taken_apart() {
        let answer =
            |status: u16, body: &str| Answer { status, region: None, body: body.to_owned() };
        let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>User: &quot;a\
                    &amp;b&quot; may not</Message></Error>";
        let error = answer(403, body).error();
        assert_eq!((error.status, error.code.as_str()), (403, "AccessDenied"));
        assert_eq!(error.to_string(), "AccessDenied: User: \"a&b\" may not");
        assert_eq!(answer(403, "").error().to_string(), "HTTP status 403");
        let passing = [403, 429, 500, 503].map(|status| answer(status, "").is_passing());
        assert_eq!(passing, [false, true, true, true]);
    }

    #[test]
    fn keys_that_cannot_be_sent_are_refused() {
        let key = |id: &str, token: Option<&str>| AwsCredential {
            key_id: id.to_owned(),
            secret_key: "secret".to_owned(),
            token: token.map(str::to_owned),
        };
        assert!(check(&key("AKIA", None)).is_ok() && check(&key("ASIA", Some("t/+="))).is_ok());
        for key in [key("AK\nIA", None), key("ASIA", Some("t\n"))] {
            let error = check(&key).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
