//! Places where billing data or the lake may lie: folders, files, and S3 buckets.
//!
//! Endpoint, region, path style and anonymous access of S3 are configurable; credentials are those
//! of a [`session`], or the ambient ones (environment, container, instance, web identity). And thin
//! clients of APIs, such as [`cost_explorer`]. No knowledge of billing formats.

pub mod batch;
pub mod bucket;
pub mod call;
pub mod cost_explorer;
pub mod eventbridge;
pub mod exports;
pub mod organization;
pub mod reports;
pub mod session;
pub mod sns;
pub mod sqs;
pub mod tagging;

use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use url::Url;

/// How to reach S3. Whatever is `None` comes from the environment (`AWS_REGION`,
/// `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3`, …).
#[derive(Debug, Clone, Default)]
pub struct S3Options {
    /// Endpoint, e.g. of a compatible store.
    pub endpoint: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// `https://bucket.host/key` instead of `https://host/bucket/key`.
    pub virtual_hosted: bool,
    /// Do not sign requests: for public buckets.
    pub anonymous: bool,
    /// Whose credentials; `None` for the ambient ones.
    pub session: Option<session::Session>,
}

/// A place in a store.
#[derive(Debug, Clone)]
pub struct Location {
    /// The store; its root is the bucket or the file system.
    pub store: Arc<dyn ObjectStore>,
    /// `s3://bucket/prefix` or `file:///path`.
    pub url: Url,
    /// Path in the store, without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
    /// As the user wrote it.
    pub written: String,
}

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// There is nothing at that path.
    #[error("{path}: no such file or folder")]
    Missing {
        /// The path.
        path: String,
    },
    /// The path cannot be resolved.
    #[error("{path}: cannot be read")]
    Unreadable {
        /// The path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Another scheme than s3 and file.
    #[error("{location}: only local paths and s3://bucket/prefix are supported, not {scheme}://")]
    Scheme {
        /// As written.
        location: String,
        /// The scheme.
        scheme: String,
    },
    /// An S3 URL without a bucket, or settings that do not fit.
    #[error("{location}: not a usable S3 location")]
    S3 {
        /// As written.
        location: String,
        /// Why.
        source: object_store::Error,
    },
    /// An S3 URL without a bucket.
    #[error("{location}: no bucket is named; write s3://bucket/prefix")]
    NoBucket {
        /// As written.
        location: String,
    },
}

/// Opens a place that must exist (a folder or file; S3 is not asked yet).
///
/// # Errors
/// [`LocationError`].
pub fn open(location: &str, s3: &S3Options) -> Result<Location, LocationError> {
    if let Some((scheme, _)) = location.split_once("://") {
        return match scheme {
            "s3" | "s3a" => open_s3(location, s3),
            "file" => open_path(Path::new(&location["file://".len()..]), location),
            _ => Err(LocationError::Scheme {
                location: location.to_owned(),
                scheme: scheme.to_owned(),
            }),
        };
    }
    open_path(Path::new(location), location)
}

fn open_path(path: &Path, written: &str) -> Result<Location, LocationError> {
    if !path.exists() {
        return Err(LocationError::Missing { path: path.display().to_string() });
    }
    let full = path
        .canonicalize()
        .map_err(|source| LocationError::Unreadable { path: path.display().to_string(), source })?;
    local(&full, written)
}

fn local(full: &Path, written: &str) -> Result<Location, LocationError> {
    let missing = || LocationError::Missing { path: full.display().to_string() };
    let url = Url::from_file_path(full).map_err(|()| missing())?;
    let prefix = object_store::path::Path::from_absolute_path(full).map_err(|_| missing())?;
    Ok(Location {
        store: Arc::new(LocalFileSystem::new()),
        url,
        prefix: prefix.to_string(),
        written: written.to_owned(),
    })
}

/// Opens a folder, making it when needed: for the lake.
///
/// # Errors
/// [`LocationError`] when it cannot be made.
pub fn open_folder(path: &Path) -> Result<Location, LocationError> {
    let unreadable =
        |source| LocationError::Unreadable { path: path.display().to_string(), source };
    std::fs::create_dir_all(path).map_err(unreadable)?;
    let full = path.canonicalize().map_err(unreadable)?;
    local(&full, &path.display().to_string())
}

fn open_s3(location: &str, s3: &S3Options) -> Result<Location, LocationError> {
    let written = || location.to_owned();
    let rest = location.split_once("://").map_or("", |(_, rest)| rest);
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(LocationError::NoBucket { location: written() });
    }
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_allow_http(true)
        .with_virtual_hosted_style_request(s3.virtual_hosted)
        .with_retry(object_store::RetryConfig {
            max_retries: 4,
            retry_timeout: std::time::Duration::from_secs(30),
            ..object_store::RetryConfig::default()
        });
    if let Some(endpoint) = &s3.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    let own = s3.session.as_ref();
    if let Some(region) = s3.region.as_deref().or_else(|| own.and_then(|own| own.region())) {
        builder = builder.with_region(region);
    }
    if let Some(session) = own {
        builder = builder.with_credentials(session.for_store());
    }
    if s3.anonymous {
        builder = builder.with_skip_signature(true);
    }
    let store =
        builder.build().map_err(|source| LocationError::S3 { location: written(), source })?;
    let prefix = prefix.trim_end_matches('/').to_owned();
    let url = format!("s3://{bucket}/{prefix}");
    let url = Url::parse(&url).map_err(|_| LocationError::NoBucket { location: written() })?;
    Ok(Location { store: Arc::new(store), url, prefix, written: written() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        let s3 = S3Options { region: Some("us-east-1".to_owned()), ..S3Options::default() };
        let place = open("s3://bucket/a/b/", &s3).unwrap();
        assert_eq!((place.prefix.as_str(), place.url.as_str()), ("a/b", "s3://bucket/a/b"));
        assert_eq!(open("s3://bucket", &s3).unwrap().prefix, "");
        assert!(matches!(open("s3://", &s3), Err(LocationError::NoBucket { .. })));
        assert!(matches!(open("gs://bucket", &s3), Err(LocationError::Scheme { .. })));
        assert!(matches!(open("/no/such/path", &s3), Err(LocationError::Missing { .. })));
    }
}
