//! S3: what is asked of policies, and what the gate knows better than the emulator.
//!
//! Buckets are addressed by path (`/bucket/key`). Of a deletion of many objects at once either all
//! are let through or none.

mod actions;

use super::call::Protocol;
use super::caller::Caller;
use super::fault::Fault;
use super::gate::Passage;
use super::http::{Request, Response, decode};
use super::policy::Context;
use super::world::{Bucket, Entry, Need, On, World};

pub(super) use actions::action;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// What is left to do with the emulator's answer.
pub(super) enum After {
    Nothing,
    /// An object that is not there is nothing the caller may know.
    HideMissing(Fault),
    /// The bucket's region goes into the answer.
    TellRegion(String),
    /// A bucket comes into being.
    Create(String, Bucket),
    /// A bucket goes.
    Delete(String),
}

/// Judges a request, and answers what is about the bucket itself.
pub(super) fn pass(
    world: &mut World,
    request: &Request,
    caller: &Caller,
) -> Result<Passage, Fault> {
    let action = action(request);
    let Some((name, key)) = target(&request.path) else {
        world.admit(&caller.principal, &[Need::own(action, "*")], &Context::new())?;
        return Ok(Passage::Forward(After::Nothing));
    };
    let arn = format!("arn:aws:s3:::{name}");
    if action == "s3:CreateBucket" {
        world.admit(&caller.principal, &[Need::own(action, arn)], &Context::new())?;
        return create(world, request, caller, name);
    }
    let Some(bucket) = world.buckets.get(&name).cloned() else {
        refuse(world, caller, &action, arn);
        let message = "The specified bucket does not exist";
        return Err(Fault::with_status(404, "NoSuchBucket", message));
    };
    if let Err(fault) = check_place(request, caller, &name, &bucket, &action) {
        refuse(world, caller, &action, arn);
        return Err(fault);
    }
    let needs = needs(request, &action, &name, &key, &bucket);
    let admitted = world.admit(&caller.principal, &needs, &context(request));
    if let Err(fault) = admitted {
        let is_head = action == "s3:ListBucket" && request.method == "HEAD";
        if !is_head || !matches!(fault, Fault::Denied(_)) {
            return Err(fault);
        }
        // Where a bucket lies, HEAD tells everybody.
        let refusal = fault.response(Protocol::S3, world.log.len());
        return Ok(Passage::Answer(refusal.with("x-amz-bucket-region", &bucket.region)));
    }
    let after = match (action.as_str(), request.method.as_str()) {
        ("s3:GetBucketLocation", _) => return Ok(Passage::Answer(location(&bucket))),
        ("s3:GetBucketPolicy" | "s3:PutBucketPolicy" | "s3:DeleteBucketPolicy", _) => {
            return policy(world, request, &name).map(Passage::Answer);
        }
        ("s3:GetObject" | "s3:GetObjectVersion", _) => hide_missing(world, caller, &name),
        ("s3:ListBucket", "HEAD") => After::TellRegion(bucket.region),
        ("s3:DeleteBucket", _) => After::Delete(name),
        _ => After::Nothing,
    };
    Ok(Passage::Forward(after))
}

/// Does what is left to do with the emulator's answer; `number` becomes the id of the request.
pub(super) fn finish(
    world: &mut World,
    after: After,
    request: &Request,
    response: Response,
) -> Response {
    let done = (200..300).contains(&response.status);
    match after {
        After::HideMissing(fault) if response.status == 404 => {
            let text = String::from_utf8_lossy(&response.body);
            if request.method == "HEAD" || text.contains("NoSuchKey") {
                return fault.response(Protocol::S3, world.log.len());
            }
            response
        }
        After::TellRegion(region) => response.with("x-amz-bucket-region", &region),
        After::Create(name, bucket) if done => {
            world.buckets.insert(name, bucket);
            response
        }
        After::Delete(name) if done => {
            world.buckets.remove(&name);
            response
        }
        _ => response,
    }
}

/// Bucket and key of a path; none for the list of buckets.
fn target(path: &str) -> Option<(String, String)> {
    let path = String::from_utf8_lossy(&decode(path, false)).into_owned();
    let rest = path.strip_prefix('/').unwrap_or(&path);
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    (!bucket.is_empty()).then(|| (bucket.to_owned(), key.to_owned()))
}

/// Logs what comes to no judgement.
fn refuse(world: &mut World, caller: &Caller, action: &str, resource: String) {
    let (action, caller) = (action.to_owned(), caller.principal.name().to_owned());
    world.log.push(Entry { action, resource, caller, allowed: false });
}

/// Is the request signed for the bucket's region, and does it pay where it must?
fn check_place(
    request: &Request,
    caller: &Caller,
    name: &str,
    bucket: &Bucket,
    action: &str,
) -> Result<(), Fault> {
    let signed = caller.region.as_ref().filter(|region| **region != bucket.region);
    // Where a bucket lies may be asked anywhere.
    if let Some(signed) = signed.filter(|_| action != "s3:GetBucketLocation") {
        let (bucket, expected) = (name.to_owned(), bucket.region.clone());
        return Err(Fault::WrongRegion { bucket, signed: signed.clone(), expected });
    }
    let pays = request.header("x-amz-request-payer") == Some("requester");
    if bucket.requester_pays && caller.account() != bucket.owner && !pays {
        return Err(Fault::Denied("Access Denied".to_owned()));
    }
    Ok(())
}

/// What policies are asked: the action, the source of a copy, and the key.
fn needs(request: &Request, action: &str, name: &str, key: &str, bucket: &Bucket) -> Vec<Need> {
    let on = |action: &str, bucket: &str, key: &str| Need {
        action: action.to_owned(),
        resource: match key {
            "" => format!("arn:aws:s3:::{bucket}"),
            key => format!("arn:aws:s3:::{bucket}/{key}"),
        },
        on: On::Bucket(bucket.to_owned()),
    };
    let mut needs = Vec::new();
    if action == "s3:DeleteObject" && key.is_empty() {
        needs.extend(actions::keys_to_delete(request).iter().map(|key| on(action, name, key)));
    } else {
        needs.push(on(action, name, key));
    }
    if let Some(source) = request.header("x-amz-copy-source") {
        let path = source.split('?').next().unwrap_or_default();
        if let Some((bucket, key)) = target(path) {
            needs.push(on("s3:GetObject", &bucket, &key));
        }
    }
    let of_key = match action {
        "s3:GetObject" | "s3:GetObjectVersion" => Some("kms:Decrypt"),
        "s3:PutObject" => Some("kms:GenerateDataKey"),
        _ => None,
    };
    if let (Some(action), Some(arn)) = (of_key, &bucket.kms_key) {
        needs.push(Need { action: action.to_owned(), resource: arn.clone(), on: On::Key });
    }
    needs
}

/// Condition keys: those of a listing, as far as the request has them.
fn context(request: &Request) -> Context {
    let mut context = Context::new();
    for name in ["prefix", "delimiter", "max-keys"] {
        if let Some(value) = request.parameter(name) {
            context = context.with(&format!("s3:{name}"), &value);
        }
    }
    context
}

/// Who may not list a bucket is not told whether an object is missing.
fn hide_missing(world: &World, caller: &Caller, name: &str) -> After {
    let need = Need {
        action: "s3:ListBucket".to_owned(),
        resource: format!("arn:aws:s3:::{name}"),
        on: On::Bucket(name.to_owned()),
    };
    match world.judge(&caller.principal, &need, &Context::new()) {
        Ok(()) => After::Nothing,
        Err(denial) => {
            After::HideMissing(Fault::Denied(world.denial(&caller.principal, &need, denial)))
        }
    }
}

fn create(
    world: &World,
    request: &Request,
    caller: &Caller,
    name: String,
) -> Result<Passage, Fault> {
    let owner = world.buckets.get(&name).map(|bucket| bucket.owner.as_str());
    match owner {
        Some(owner) if owner == caller.account() => {
            let message = "Your previous request to create the named bucket succeeded and you \
                           already own it.";
            return Err(Fault::with_status(409, "BucketAlreadyOwnedByYou", message));
        }
        Some(_) => {
            let message = "The requested bucket name is not available. The bucket namespace is \
                           shared by all users of the system. Select a different name and try \
                           again.";
            return Err(Fault::with_status(409, "BucketAlreadyExists", message));
        }
        None => {}
    }
    let body = String::from_utf8_lossy(&request.body);
    let region = actions::elements(&body, "LocationConstraint").into_iter().next();
    let region = region.or_else(|| caller.region.clone()).unwrap_or_default();
    let bucket = Bucket::new(caller.account(), &region);
    Ok(Passage::Forward(After::Create(name, bucket)))
}

fn location(bucket: &Bucket) -> Response {
    let region = if bucket.region == "us-east-1" { "" } else { bucket.region.as_str() };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <LocationConstraint xmlns=\"{NAMESPACE}\">{region}</LocationConstraint>"
    );
    Response::new(200, "application/xml", body)
}

/// The bucket's policy: read, set, or deleted.
fn policy(world: &mut World, request: &Request, name: &str) -> Result<Response, Fault> {
    let done = Response { status: 204, ..Response::default() };
    match request.method.as_str() {
        "PUT" => {
            let text = String::from_utf8_lossy(&request.body);
            let set = world.set_bucket_policy(name, &text);
            set.map_err(|error| Fault::of("MalformedPolicy", error.to_string()))?;
            Ok(done)
        }
        "DELETE" => {
            if let Some(bucket) = world.buckets.get_mut(name) {
                bucket.policy = None;
            }
            Ok(done)
        }
        _ => {
            let policy = world.buckets.get(name).and_then(|bucket| bucket.policy.as_ref());
            let text = policy.map(|policy| policy.text().to_owned()).ok_or_else(|| {
                let message = "The bucket policy does not exist";
                Fault::with_status(404, "NoSuchBucketPolicy", message)
            })?;
            Ok(Response::new(200, "application/json", text))
        }
    }
}
