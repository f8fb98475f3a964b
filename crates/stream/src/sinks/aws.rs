//! What the sinks of AWS share: whose credentials, what is sent, and what a refusal means.

pub mod eventbridge;
pub mod sns;
pub mod sqs;

use std::collections::BTreeMap;

use billhook_aws::batch::{Fault, Message};
use billhook_aws::call::{CallError, Trouble};
use billhook_aws::session::{Assume, Place, Session, Source};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::event::{CONNECTION, Event, Extension};
use crate::settings::{AwsReach, SettingsError};
use crate::sink::{Refused, Verdict};
use crate::sinks::brokers::EVENT_CONTENT_TYPE;

/// The secret that belongs to the access key.
const SECRET: &str = "secret_access_key";

/// The secret of a temporary access key.
const TOKEN: &str = "session_token";

/// Codes of requests and entries that are refused for what is in an event.
const CONTENT: [&str; 8] = [
    "InvalidArgument",
    "InvalidMessageContents",
    "InvalidParameter",
    "InvalidParameterValue",
    "MalformedDetail",
    "ParameterValueInvalid",
    "RedactionFailure",
    "ValidationException",
];

/// What such refusals name when they are about the sink's settings after all.
const SETTINGS: [&str; 6] = [
    "eventbusname",
    "messagededuplicationid",
    "messagegroupid",
    "queueurl",
    "topicarn",
    "topic arn",
];

/// Who calls AWS, and where.
pub(super) struct Caller {
    source: Source,
    role: Option<Assume>,
    place: Place,
}

impl Caller {
    /// Puts together who calls; AWS is not asked yet. `known` is the region that the address of
    /// the service names, for settings that name none.
    pub(super) fn new(
        reach: &AwsReach,
        known: Option<String>,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<Self, SettingsError> {
        let AwsReach { region, endpoint, identity } = reach;
        let place = Place { region: region.clone().or(known), endpoint: endpoint.clone() };
        let secret = |name: &str| secrets.get(name).map(|secret| secret.expose_secret().to_owned());
        let source = match (&identity.access_key_id, &identity.profile) {
            (Some(id), _) => Source::Key {
                id: id.clone(),
                secret: secret(SECRET).ok_or_else(|| SettingsError::no_secret(SECRET))?,
                token: secret(TOKEN),
            },
            (None, Some(profile)) => Source::Profile(profile.clone()),
            (None, None) => Source::Ambient,
        };
        let role = identity.role_arn.as_ref().map(|arn| Assume {
            arn: arn.clone(),
            external_id: identity.external_id.clone(),
            session_name: None,
        });
        Ok(Self { source, role, place })
    }

    /// The credentials.
    pub(super) async fn session(&self) -> Result<Session, Refused> {
        let session = Box::pin(Session::open(&self.source, &self.place)).await;
        let session = session.map_err(|error| refused(&error, 0, 1))?;
        let Some(role) = &self.role else { return Ok(session) };
        // Later, a role that may not be assumed would look like a connection that fails.
        let assumed = Box::pin(session.try_assume(role)).await;
        assumed.map_err(|error| refused(&error, 0, 1))?;
        Ok(Box::pin(session.assuming(role)).await)
    }
}

/// The part of an ARN that names its region, if any.
pub(super) fn region_of_arn(arn: &str) -> Option<String> {
    let region = arn.strip_prefix("arn:")?.split(':').nth(2)?;
    Some(region.to_owned()).filter(|region| !region.is_empty())
}

/// An event as a message of a queue or a topic. Subscriptions can be filtered by its attributes.
/// When it is for a FIFO one, events of a subject are a group, and the id keeps repeats out.
pub(super) fn message(event: &Event, is_fifo: bool) -> Message {
    let mut attributes = vec![
        ("content-type".to_owned(), EVENT_CONTENT_TYPE.to_owned()),
        ("ce-id".to_owned(), event.id.clone()),
        ("ce-type".to_owned(), event.kind.to_owned()),
        ("ce-source".to_owned(), event.source.clone()),
    ];
    if let Some(Extension::Text(name)) = event.extensions.get(CONNECTION) {
        attributes.push((format!("ce-{CONNECTION}"), name.clone()));
    }
    Message {
        body: event.structured().to_string(),
        attributes,
        group: is_fifo.then(|| hex::encode(Sha256::digest(event.key().as_bytes()))),
        deduplication: is_fifo.then(|| event.id.clone()),
    }
}

/// What became of a run of `events` events that begins at `start` in its batch.
pub(super) fn settle(
    answer: Result<Vec<Fault>, CallError>,
    start: usize,
    events: usize,
) -> Result<(), Refused> {
    let faults = answer.map_err(|error| refused(&error, start, events))?;
    let Some(first) = faults.first() else { return Ok(()) };
    let stop = faults.iter().find(|fault| {
        fault.trouble != Trouble::Refused || !is_about_content(&fault.code, &fault.message)
    });
    if let Some(fault) = stop {
        let reason = words(&fault.code, &fault.message);
        return Err(match fault.trouble {
            Trouble::Passing => Refused::later(reason, None),
            _ => Refused { reason, verdict: Verdict::Broken },
        });
    }
    let poison = faults.iter().map(|fault| start + fault.index).collect();
    Err(Refused::poison(words(&first.code, &first.message), poison))
}

/// What the refusal of a whole run means.
fn refused(error: &CallError, start: usize, events: usize) -> Refused {
    let verdict = match error.trouble {
        Trouble::Passing => Verdict::Later { after: None },
        Trouble::Denied | Trouble::Credentials => Verdict::Broken,
        _ if is_too_large(error) => Verdict::TooLarge,
        _ if !is_about_content(&error.code, &error.message) => Verdict::Broken,
        // Smaller batches find the culprit.
        _ if events > 1 => Verdict::TooLarge,
        _ => Verdict::Poison { events: vec![start] },
    };
    Refused { reason: error.to_string(), verdict }
}

fn is_too_large(error: &CallError) -> bool {
    let message = error.message.to_lowercase();
    error.code.ends_with("BatchRequestTooLong")
        || error.code == "RequestEntityTooLarge"
        || message.contains("too long")
        || message.contains("total size")
}

/// Is it refused for what is in an event? Else it is the settings that need mending: with them
/// wrong, no event must be taken for a bad one.
fn is_about_content(code: &str, message: &str) -> bool {
    let message = message.to_lowercase();
    CONTENT.contains(&code) && !SETTINGS.iter().any(|name| message.contains(name))
}

fn words(code: &str, message: &str) -> String {
    if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(trouble: Trouble, code: &str, message: &str) -> CallError {
        CallError { trouble, code: code.to_owned(), message: message.to_owned() }
    }

    fn fault(index: usize, trouble: Trouble, code: &str) -> Fault {
        Fault { index, trouble, code: code.to_owned(), message: "why".to_owned() }
    }

    #[test]
    fn whole_requests() {
        let verdict = |trouble, code: &str, message: &str, events| {
            refused(&error(trouble, code, message), 3, events).verdict
        };
        let later = Verdict::Later { after: None };
        let (broken, large) = (Verdict::Broken, Verdict::TooLarge);
        let poison = Verdict::Poison { events: vec![3] };
        for (trouble, code, message, events, expected) in [
            (Trouble::Passing, "RequestThrottled", "", 2, &later),
            (Trouble::Denied, "AccessDenied", "", 2, &broken),
            (Trouble::Refused, "AWS.SimpleQueueService.NonExistentQueue", "", 1, &broken),
            (Trouble::Refused, "AWS.SimpleQueueService.BatchRequestTooLong", "", 1, &large),
            (Trouble::Refused, "InvalidParameter", "Invalid parameter: TopicArn", 1, &broken),
            (Trouble::Refused, "ValidationException", "bad detail", 2, &large),
            (Trouble::Refused, "ValidationException", "bad detail", 1, &poison),
            (Trouble::Refused, "ValidationException", "at 'entries.1.eventBusName'", 1, &broken),
        ] {
            assert_eq!(verdict(trouble, code, message, events), *expected, "{code} {message}");
        }
    }

    #[test]
    fn single_entries() {
        let verdict = |faults: Vec<Fault>| settle(Ok(faults), 10, 5).unwrap_err().verdict;
        assert!(settle(Ok(Vec::new()), 10, 5).is_ok());
        let bad = || fault(1, Trouble::Refused, "MalformedDetail");
        assert_eq!(verdict(vec![bad()]), Verdict::Poison { events: vec![11] });
        let busy = fault(3, Trouble::Passing, "ThrottlingException");
        assert!(matches!(verdict(vec![bad(), busy]), Verdict::Later { .. }));
        let denied = fault(0, Trouble::Denied, "AccessDeniedException");
        assert_eq!(verdict(vec![denied, bad()]), Verdict::Broken);
    }

    #[test]
    fn arns_name_regions() {
        let arn = "arn:aws:sns:eu-central-1:111122223333:costs";
        assert_eq!(region_of_arn(arn).as_deref(), Some("eu-central-1"));
        assert_eq!(region_of_arn("arn:aws:iam::111122223333:role/x"), None);
        assert_eq!(region_of_arn("default"), None);
    }
}
