//! From requests to actions, after the table in the Service Authorization Reference.

use super::super::http::Request;
use super::target;

/// Parts of a bucket: their parameter, and what reading, writing and deleting them is called.
const OF_BUCKET: [(&str, [&str; 3]); 14] = [
    ("location", ["GetBucketLocation", "", ""]),
    ("policy", ["GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"]),
    ("policyStatus", ["GetBucketPolicyStatus", "", ""]),
    ("acl", ["GetBucketAcl", "PutBucketAcl", ""]),
    ("versioning", ["GetBucketVersioning", "PutBucketVersioning", ""]),
    ("encryption", ENCRYPTION),
    ("lifecycle", LIFECYCLE),
    ("requestPayment", ["GetBucketRequestPayment", "PutBucketRequestPayment", ""]),
    ("ownershipControls", OWNERSHIP),
    ("publicAccessBlock", PUBLIC_ACCESS),
    ("tagging", ["GetBucketTagging", "PutBucketTagging", "PutBucketTagging"]),
    ("notification", ["GetBucketNotification", "PutBucketNotification", ""]),
    ("versions", ["ListBucketVersions", "", ""]),
    ("uploads", ["ListBucketMultipartUploads", "", ""]),
];

const ENCRYPTION: [&str; 3] =
    ["GetEncryptionConfiguration", "PutEncryptionConfiguration", "PutEncryptionConfiguration"];
const LIFECYCLE: [&str; 3] =
    ["GetLifecycleConfiguration", "PutLifecycleConfiguration", "PutLifecycleConfiguration"];
const OWNERSHIP: [&str; 3] =
    ["GetBucketOwnershipControls", "PutBucketOwnershipControls", "PutBucketOwnershipControls"];
const PUBLIC_ACCESS: [&str; 3] =
    ["GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock", "PutBucketPublicAccessBlock"];

/// The same of an object. The first that fits counts.
const OF_OBJECT: [(&str, [&str; 3]); 6] = [
    ("acl", ["GetObjectAcl", "PutObjectAcl", ""]),
    ("tagging", ["GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging"]),
    ("attributes", ["GetObjectAttributes", "", ""]),
    ("uploadId", ["ListMultipartUploadParts", "PutObject", "AbortMultipartUpload"]),
    ("versionId", ["GetObjectVersion", "PutObject", "DeleteObjectVersion"]),
    ("uploads", ["", "PutObject", ""]),
];

/// The action that `request` is: `s3:ListBucket` and so on.
pub(in super::super) fn action(request: &Request) -> String {
    let name = match target(&request.path) {
        None => "ListAllMyBuckets",
        Some((_, key)) if key.is_empty() => {
            let whole = ["ListBucket", "CreateBucket", "DeleteBucket", "DeleteObject"];
            of(request, &OF_BUCKET, whole)
        }
        Some(_) => of(request, &OF_OBJECT, ["GetObject", "PutObject", "DeleteObject", "PutObject"]),
    };
    format!("s3:{name}")
}

/// The action on the part that the query names, or on the `whole`: reading, writing, deleting,
/// posting.
fn of(
    request: &Request,
    parts: &[(&str, [&'static str; 3])],
    whole: [&'static str; 4],
) -> &'static str {
    let part = parts.iter().find(|(name, _)| request.parameter(name).is_some());
    let [read, write, delete] = part.map_or([""; 3], |(_, actions)| *actions);
    let [whole_read, whole_write, whole_delete, whole_post] = whole;
    let (of_part, of_whole) = match request.method.as_str() {
        "PUT" => (write, whole_write),
        "DELETE" => (delete, whole_delete),
        "POST" => (write, whole_post),
        _ => (read, whole_read),
    };
    if of_part.is_empty() { of_whole } else { of_part }
}

/// The keys in the body of a deletion of many objects.
pub(super) fn keys_to_delete(request: &Request) -> Vec<String> {
    elements(&String::from_utf8_lossy(&request.body), "Key")
}

/// The texts of all elements of that name.
pub(super) fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(&open).skip(1);
    parts.filter_map(|part| part.split_once(&close)).map(|(text, _)| unescape(text)).collect()
}

fn unescape(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain.replace("&apos;", "'").replace("&#39;", "'").replace("&amp;", "&")
}
