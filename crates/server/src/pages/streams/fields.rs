//! The form of a sink: its fields, and what they say as settings.

use std::collections::BTreeMap;

use billhook_stream::event::TYPES;
use billhook_stream::settings::SinkSettings;
use serde_json::{Map, Value, json};

use crate::api::sinks::{SinkToAdd, unreadable};
use crate::ask::Posted;
use crate::fail::Fail;

/// A kind of sink.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) meaning: &'static str,
}

/// The kinds that can be added on a page.
pub(super) static KINDS: [Kind; 7] = [
    Kind {
        name: "http",
        title: "Web address",
        meaning: "Webhooks as CloudEvents over HTTP, one by one or in batches, signed if you like.",
    },
    Kind {
        name: "kafka",
        title: "Apache Kafka",
        meaning: "A record per event in a topic; events of a subject keep their order.",
    },
    Kind {
        name: "nats",
        title: "NATS JetStream",
        meaning: "A message per event; receivers that come later find what they missed.",
    },
    Kind { name: "eventbridge", title: "Amazon EventBridge", meaning: "Entries on an event bus." },
    Kind { name: "sqs", title: "Amazon SQS", meaning: "Messages in a queue, FIFO ones too." },
    Kind { name: "sns", title: "Amazon SNS", meaning: "Messages to a topic, with attributes." },
    Kind { name: "file", title: "File", meaning: "An event a line, in the data directory." },
];

/// A field of a kind.
struct Spec {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    form: Shape,
    kinds: &'static [&'static str],
    /// What stands in it at first.
    first: &'static str,
}

/// How a field is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text,
    Secret,
    Area,
    Check,
    Select(&'static [(&'static str, &'static str)]),
}

const AWS: &[&str] = &["eventbridge", "sqs", "sns"];

const MODES: Shape = Shape::Select(&[
    ("structured", "structured: the whole event as JSON"),
    ("binary", "binary: attributes as headers, data as the body"),
]);

const FIELDS: &[Spec] = &[
    text("url", "Address", "https://… Users and passwords go into a secret header.", &["http"]),
    Spec {
        name: "mode",
        label: "How events lie in requests",
        hint: "",
        form: Shape::Select(&[
            ("structured", "structured: the whole event as JSON"),
            ("binary", "binary: attributes as headers, data as the body"),
            ("batched", "batched: up to 500 events as a JSON array"),
        ]),
        kinds: &["http"],
        first: "structured",
    },
    Spec {
        name: "headers",
        label: "More headers",
        hint: "One a line, Name: value. No secrets here.",
        form: Shape::Area,
        kinds: &["http"],
        first: "",
    },
    text("secret_header", "Name of a secret header", "Such as Authorization.", &["http"]),
    secret("secret_header_value", "Its value", "Such as Bearer and a token.", &["http"]),
    check("signs", "Sign requests (Standard Webhooks)", &["http"]),
    secret("webhook", "Secret that signs", "whsec_… of 24 to 64 bytes in base64.", &["http"]),
    Spec {
        name: "timeout_s",
        label: "Seconds that a request may take",
        hint: "",
        form: Shape::Text,
        kinds: &["http"],
        first: "30",
    },
    text("brokers", "Brokers", "host:9092; several of one cluster with commas.", &["kafka"]),
    text("topic", "Topic", "", &["kafka"]),
    check("tls", "Speak TLS", &["kafka"]),
    Spec {
        name: "sasl",
        label: "Sign-in",
        hint: "",
        form: Shape::Select(&[
            ("", "none"),
            ("plain", "PLAIN"),
            ("scram_sha_256", "SCRAM-SHA-256"),
            ("scram_sha_512", "SCRAM-SHA-512"),
        ]),
        kinds: &["kafka"],
        first: "",
    },
    text("servers", "Servers", "nats://host:4222; several of one cluster with commas.", &["nats"]),
    text("stream", "Stream to make when it is not there", "Empty: you look after it.", &["nats"]),
    Spec {
        name: "subject",
        label: "What subjects begin with",
        hint: "",
        form: Shape::Text,
        kinds: &["nats"],
        first: "billhook",
    },
    text("user", "User", "", &["kafka", "nats"]),
    secret("password", "Password", "", &["kafka", "nats"]),
    secret("token", "Token", "Instead of user and password.", &["nats"]),
    secret("creds", "Credentials", "The text of a .creds file, instead of the others.", &["nats"]),
    Spec {
        name: "mode",
        label: "How events lie in messages",
        hint: "",
        form: MODES,
        kinds: &["kafka", "nats"],
        first: "structured",
    },
    text("bus", "Event bus", "Its name or ARN.", &["eventbridge"]),
    text(
        "queue_url",
        "Queue",
        "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME; names that end in .fifo are FIFO queues.",
        &["sqs"],
    ),
    text("topic_arn", "Topic", "arn:aws:sns:REGION:ACCOUNT:NAME", &["sns"]),
    text("region", "Region", "Empty: that of the ARN, the URL or the environment.", AWS),
    text("access_key_id", "Access key", "AKIA… Empty: whatever the environment offers.", AWS),
    secret("secret_access_key", "Secret access key", "", AWS),
    secret("session_token", "Session token", "Of a temporary key.", AWS),
    text("role_arn", "Role to assume", "arn:aws:iam::ACCOUNT:role/NAME", AWS),
    text("external_id", "External ID", "What the trust policy of the role asks for.", AWS),
    text(
        "path",
        "Name of the file",
        "It lies in the folder events of the data directory.",
        &["file"],
    ),
];

const fn text(
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    kinds: &'static [&'static str],
) -> Spec {
    Spec { name, label, hint, form: Shape::Text, kinds, first: "" }
}

const fn secret(
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    kinds: &'static [&'static str],
) -> Spec {
    Spec { name, label, hint, form: Shape::Secret, kinds, first: "" }
}

const fn check(name: &'static str, label: &'static str, kinds: &'static [&'static str]) -> Spec {
    Spec { name, label, hint: "", form: Shape::Check, kinds, first: "" }
}

/// A field as it is drawn.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    /// `text`, `secret`, `area`, `check` or `select`.
    pub(super) shape: &'static str,
    /// Is a box ticked?
    pub(super) is_on: bool,
    pub(super) value: String,
    /// Has the sink this secret already, so that an empty field keeps it?
    pub(super) is_set: bool,
    /// What can be chosen; empty where something is typed.
    pub(super) choices: Vec<Choice>,
    pub(super) error: String,
}

/// Something that can be chosen or ticked.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) text: String,
    pub(super) is_on: bool,
}

/// The fields of a kind, with what was filled in. Secrets are never given back.
pub(super) fn fields(kind: &str, form: Option<&Posted>, wrong: (&str, &str)) -> Vec<Field> {
    let of_kind = FIELDS.iter().filter(|spec| spec.kinds.contains(&kind));
    let field = |spec: &Spec| {
        let typed = form.map(|form| form.raw(spec.name).unwrap_or_default());
        let is_secret = spec.form == Shape::Secret;
        let value = if is_secret { "" } else { typed.unwrap_or(spec.first) };
        let choices = match spec.form {
            Shape::Select(choices) => {
                choices.iter().map(|(name, text)| choice(name, text, *name == value)).collect()
            }
            _ => Vec::new(),
        };
        let mut error = String::new();
        if wrong.0 == spec.name {
            wrong.1.clone_into(&mut error);
        }
        if is_secret && typed.is_some_and(|typed| !typed.is_empty()) && error.is_empty() {
            "Type it again: what was typed is not kept.".clone_into(&mut error);
        }
        Field {
            name: spec.name,
            label: spec.label,
            hint: spec.hint,
            shape: match spec.form {
                Shape::Text => "text",
                Shape::Secret => "secret",
                Shape::Area => "area",
                Shape::Check => "check",
                Shape::Select(_) => "select",
            },
            is_on: !value.is_empty(),
            value: value.to_owned(),
            is_set: false,
            choices,
            error,
        }
    };
    of_kind.map(field).collect()
}

/// The types of events, with those that were ticked.
pub(super) fn types(form: Option<&Posted>) -> Vec<Choice> {
    TYPES.iter().map(|kind| ticked(short(kind), "types", form)).collect()
}

/// `cost.restated` of `com.billhook.cost.restated.v1`.
pub(super) fn short(kind: &str) -> &str {
    let kind = kind.strip_prefix("com.billhook.").unwrap_or(kind);
    kind.strip_suffix(".v1").unwrap_or(kind)
}

/// Something to be ticked.
pub(super) fn ticked(name: &str, field: &str, form: Option<&Posted>) -> Choice {
    let is_on = form.is_some_and(|form| form.all(field).any(|value| value == name));
    choice(name, name, is_on)
}

/// One of a few to be chosen; the first one unless another was.
pub(super) fn choices(field: &str, all: &[(&str, &str)], form: Option<&Posted>) -> Vec<Choice> {
    let first = all.first().map_or("", |(name, _)| *name);
    let chosen = form.and_then(|form| form.get(field)).unwrap_or(first);
    all.iter().map(|(name, text)| choice(name, text, *name == chosen)).collect()
}

/// The shapes of events, and how fine costs are told.
pub(super) fn shapes(form: Option<&Posted>) -> [Vec<Choice>; 2] {
    let formats = [
        ("cloudevents", "Billhook's own CloudEvents"),
        ("vanus", "what receivers of Vanus's Amazon Billing source parse"),
    ];
    let granularities = [("daily", "by day"), ("hourly", "by hour, where deliveries have hours")];
    [choices("format", &formats, form), choices("granularity", &granularities, form)]
}

fn choice(value: &str, text: &str, is_on: bool) -> Choice {
    Choice { value: value.to_owned(), text: text.to_owned(), is_on }
}

/// What the form of a new sink says.
///
/// # Errors
/// When a line of it cannot be understood; the text begins with the name of the field.
pub(super) fn read(form: &Posted) -> Result<SinkToAdd, Fail> {
    let kind = form.get("kind").unwrap_or_default();
    if !KINDS.iter().any(|known| known.name == kind) {
        return Err(Fail::unusable("kind: choose where to send to"));
    }
    let settings: SinkSettings =
        serde_json::from_value(said(form, kind)?).map_err(|error| unreadable(&error))?;
    Ok(SinkToAdd {
        name: form.get("name").unwrap_or_default().to_owned(),
        settings,
        secrets: secrets(form, kind),
        unverified: form.has("unverified"),
    })
}

/// What the form of a kind says, as settings.
///
/// # Errors
/// As [`read`].
pub(super) fn said(form: &Posted, kind: &str) -> Result<Value, Fail> {
    let or = |name: &str, other: &'static str| form.get(name).unwrap_or(other).to_owned();
    Ok(json!({
        "target": target(form, kind)?,
        "format": or("format", "cloudevents"),
        "granularity": or("granularity", "daily"),
        "types": form.all("types").collect::<Vec<_>>(),
        "connections": form.all("connections").collect::<Vec<_>>(),
        "filters": lines(form, "filters", '=')?,
        "from": or("from", "now"),
    }))
}

/// Where to send to.
fn target(form: &Posted, kind: &str) -> Result<Value, Fail> {
    let list = |name: &str| -> Vec<&str> {
        let parts = form.get(name).unwrap_or_default().split([',', '\n']).map(str::trim);
        parts.filter(|part| !part.is_empty()).collect()
    };
    let or = |name: &str, other: &'static str| form.get(name).unwrap_or(other).to_owned();
    let headers = lines(form, "headers", ':')?;
    let timeout = or("timeout_s", "30");
    let timeout: u64 =
        timeout.parse().map_err(|_| Fail::unusable("timeout_s: give a whole number of seconds"))?;
    Ok(match kind {
        "http" => json!({
            "kind": kind, "url": form.get("url").unwrap_or_default(),
            "mode": or("mode", "structured"), "headers": headers,
            "signs": form.has("signs"), "timeout_s": timeout,
        }),
        "kafka" => json!({
            "kind": kind, "brokers": list("brokers"), "topic": or("topic", ""),
            "tls": form.has("tls"), "sasl": form.get("sasl"), "user": form.get("user"),
            "mode": or("mode", "structured"),
        }),
        "nats" => json!({
            "kind": kind, "servers": list("servers"), "stream": form.get("stream"),
            "subject": or("subject", "billhook"), "mode": or("mode", "structured"),
        }),
        "eventbridge" => aws(form, kind, "bus"),
        "sqs" => aws(form, kind, "queue_url"),
        "sns" => aws(form, kind, "topic_arn"),
        "file" => json!({ "kind": kind, "path": or("path", "") }),
        // One that was added on the command line and has no fields.
        _ => json!({ "kind": kind }),
    })
}

fn aws(form: &Posted, kind: &str, place: &str) -> Value {
    json!({
        "kind": kind,
        place: form.get(place).unwrap_or_default(),
        "region": form.get("region"),
        "identity": {
            "access_key_id": form.get("access_key_id"),
            "role_arn": form.get("role_arn"),
            "external_id": form.get("external_id"),
        },
    })
}

/// The secrets that were typed, by their names.
pub(super) fn secrets(form: &Posted, kind: &str) -> BTreeMap<String, String> {
    let mut secrets = BTreeMap::new();
    let of_kind = FIELDS.iter().filter(|spec| spec.kinds.contains(&kind));
    for spec in of_kind.filter(|spec| spec.form == Shape::Secret) {
        let Some(value) = form.get(spec.name) else { continue };
        let name = match (spec.name, form.get("secret_header")) {
            ("secret_header_value", Some(header)) => format!("header:{header}"),
            ("secret_header_value", None) => continue,
            (name, _) => name.to_owned(),
        };
        secrets.insert(name, value.to_owned());
    }
    if kind == "nats"
        && let Some(user) = form.get("user")
    {
        secrets.insert("user".to_owned(), user.to_owned());
    }
    secrets
}

/// Lines of a name, a sign and a value.
fn lines(form: &Posted, field: &str, sign: char) -> Result<Map<String, Value>, Fail> {
    let mut found = Map::new();
    for line in form.get(field).unwrap_or_default().lines().filter(|line| !line.trim().is_empty()) {
        let parts = line.split_once(sign).filter(|(name, _)| !name.trim().is_empty());
        let (name, value) = parts.ok_or_else(|| {
            Fail::unusable(format!("{field}: write a name, {sign} and a value in each line"))
        })?;
        found.insert(name.trim().to_owned(), json!(value.trim()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use billhook_stream::settings::Target;

    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Posted {
        let owned = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Posted(owned.collect())
    }

    #[test]
    fn a_form_is_settings_and_secrets_apart() {
        let form = form(&[
            ("kind", "http"),
            ("name", "finance-hook"),
            ("url", "https://hooks.example/billing"),
            ("secret_header", "Authorization"),
            ("secret_header_value", "Bearer abcdefgh"),
            ("headers", "X-Team: finops\n\nX-Url: http://a:1"),
            ("types", "cost.restated"),
            ("types", "cost.recorded"),
            ("filters", "serviceName=Amazon S3"),
        ]);
        let new = read(&form).unwrap();
        assert_eq!(
            new.secrets.get("header:Authorization").map(String::as_str),
            Some("Bearer abcdefgh")
        );
        let settings = serde_json::to_string(&new.settings).unwrap();
        assert!(!settings.contains("abcdefgh"), "{settings}");
        let Target::Http(http) = &new.settings.target else { panic!("{settings}") };
        assert_eq!(http.headers["X-Url"], "http://a:1");
        assert_eq!(new.settings.types, ["cost.restated", "cost.recorded"]);
        assert!(new.settings.check().is_ok());
    }

    #[test]
    fn every_kind_has_fields_and_makes_settings() {
        for kind in &KINDS {
            assert!(!fields(kind.name, None, ("", "")).is_empty(), "{}", kind.name);
            assert!(read(&form(&[("kind", kind.name), ("name", "a")])).is_ok(), "{}", kind.name);
        }
        assert!(read(&form(&[("kind", "stdout")])).is_err());
    }

    #[test]
    fn a_secret_is_never_given_back() {
        let form = form(&[("kind", "nats"), ("password", "hunter22")]);
        let fields = fields("nats", Some(&form), ("", ""));
        assert!(fields.iter().all(|field| !field.value.contains("hunter22")));
        assert!(fields.iter().any(|field| field.shape == "secret" && !field.error.is_empty()));
    }
}
