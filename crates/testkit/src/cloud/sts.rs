//! STS: who one is, and other people's roles. Its credentials are the gate's own.

use super::call::Call;
use super::caller::Caller;
use super::fault::Fault;
use super::gate::Passage;
use super::http::{Response, escape};
use super::policy::{Context, Principal};
use super::world::{Entry, Need, On, Session, World, account_of, id};

/// Seconds that a session lasts unless told otherwise, and at most after another role.
const HOUR: i64 = 3_600;

/// Answers what `caller` calls.
pub(super) fn answer(world: &mut World, call: &Call, caller: &Caller) -> Result<Passage, Fault> {
    let result = match call.operation.as_str() {
        "GetCallerIdentity" => caller_identity(world, caller),
        "AssumeRole" => assume_role(world, call, caller)?,
        other => {
            let message = format!("Could not find operation {other} for version 2011-06-15");
            return Err(Fault::of("InvalidAction", message));
        }
    };
    let (name, number) = (&call.operation, world.log.len());
    let body = format!(
        "<{name}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n\
         <{name}Result>{result}</{name}Result>\n<ResponseMetadata>\
         <RequestId>{number:08x}-0000-4000-8000-000000000000</RequestId></ResponseMetadata>\n\
         </{name}Response>\n"
    );
    Ok(Passage::Answer(Response::new(200, "text/xml", body)))
}

/// Anybody may ask this, whatever policies say.
fn caller_identity(world: &mut World, caller: &Caller) -> String {
    let principal = &caller.principal;
    let (name, account) = (principal.name(), caller.account());
    world.log.push(Entry {
        action: "sts:GetCallerIdentity".to_owned(),
        resource: "*".to_owned(),
        caller: name.to_owned(),
        allowed: true,
    });
    let user_id = match principal {
        Principal::Session { arn, role, .. } => session_id(role, session_name(arn)),
        _ => format!("AIDA{}", id("user", name, 17)),
    };
    format!("<Arn>{name}</Arn><UserId>{user_id}</UserId><Account>{account}</Account>")
}

fn assume_role(world: &mut World, call: &Call, caller: &Caller) -> Result<String, Fault> {
    let wanted = |name: &str| call.form.get(name).map(String::as_str).unwrap_or_default();
    let (role_arn, session) = (wanted("RoleArn"), wanted("RoleSessionName"));
    let region = caller.region.as_deref().unwrap_or_default();
    if world.sts_off.contains(region) {
        let message = format!(
            "STS is not activated in this region for account:{}. Your account administrator can \
             activate STS in this region using the IAM Console.",
            account_of(role_arn)
        );
        return Err(Fault::with_status(403, "RegionDisabledException", message));
    }
    check_text("roleArn", role_arn, 20, 2_048, |_| true)?;
    check_text("roleSessionName", session, 2, 64, |letter| "+=,.@-".contains(letter))?;
    let mut context = Context::new().with("sts:RoleSessionName", session);
    if let Some(external_id) = call.form.get("ExternalId") {
        check_text("externalId", external_id, 2, 1_224, |letter| "+=,.@:/-".contains(letter))?;
        context = context.with("sts:ExternalId", external_id);
    }
    if call.form.keys().any(|name| name == "Policy" || name.starts_with("PolicyArns")) {
        return Err(Fault::of("ValidationError", "This gate does not know session policies"));
    }
    let seconds = duration(call)?;
    let need =
        Need { action: "sts:AssumeRole".to_owned(), resource: role_arn.to_owned(), on: On::Role };
    world.admit(&caller.principal, &[need], &context)?;
    let maximum = world.role_mut(role_arn).map_or(HOUR, |role| role.max_session_seconds);
    let seconds = seconds.unwrap_or(HOUR);
    if seconds > HOUR && matches!(caller.principal, Principal::Session { .. }) {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles \
                       assumed by role chaining.";
        return Err(Fault::of("ValidationError", message));
    }
    if seconds > maximum {
        let message =
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(Fault::of("ValidationError", message));
    }
    Ok(open_session(world, caller, role_arn, session, seconds))
}

/// Gives out credentials.
fn open_session(
    world: &mut World,
    caller: &Caller,
    role: &str,
    name: &str,
    seconds: i64,
) -> String {
    let account = account_of(role).to_owned();
    // A role's path is no part of its sessions' names.
    let role_name = role.rsplit('/').next().unwrap_or_default();
    let arn = format!("arn:aws:sts::{account}:assumed-role/{role_name}/{name}");
    let key = format!("ASIA{}", world.issue(16));
    let (secret, token) = (world.issue(40), world.issue(200));
    let expires = caller.time.plus(seconds);
    let xml = format!(
        "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{expires}</Expiration></Credentials>",
        session_id(role, name),
        escape(&arn)
    );
    let principal = Principal::Session { account, arn, role: role.to_owned() };
    // Sessions that were open when time was made to pass are older than this one.
    let expires = expires.plus(world.session_age_seconds);
    world.sessions.insert(key, Session { principal, secret, token, expires });
    xml
}

/// `DurationSeconds`, where it is given.
fn duration(call: &Call) -> Result<Option<i64>, Fault> {
    let Some(text) = call.form.get("DurationSeconds") else { return Ok(None) };
    let seconds = text.parse::<i64>().ok().filter(|seconds| (900..=43_200).contains(seconds));
    let refused = || {
        let bound = match text.parse::<i64>() {
            Ok(seconds) if seconds < 900 => "greater than or equal to 900",
            _ => "less than or equal to 43200",
        };
        constraint(text, "durationSeconds", &format!("Member must have value {bound}"))
    };
    seconds.map(Some).ok_or_else(refused)
}

/// Is `text` so long, of letters, digits, underscores, and what `also` lets through?
fn check_text(
    name: &str,
    text: &str,
    shortest: usize,
    longest: usize,
    also: impl Fn(char) -> bool,
) -> Result<(), Fault> {
    if text.len() < shortest {
        let rule = format!("Member must have length greater than or equal to {shortest}");
        return Err(constraint(text, name, &rule));
    }
    if text.len() > longest {
        let rule = format!("Member must have length less than or equal to {longest}");
        return Err(constraint(text, name, &rule));
    }
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || also(letter);
    if text.chars().all(fits) {
        return Ok(());
    }
    Err(constraint(text, name, "Member must satisfy regular expression pattern"))
}

fn constraint(value: &str, name: &str, rule: &str) -> Fault {
    let message = format!(
        "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: \
         {rule}"
    );
    Fault::of("ValidationError", message)
}

fn session_id(role: &str, session: &str) -> String {
    format!("AROA{}:{session}", id("role", role, 17))
}

fn session_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}
