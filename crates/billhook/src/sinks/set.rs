//! `billhook sinks set`: a sink is told something else, and stays where it is.

use std::collections::BTreeMap;

use billhook_engine::EngineError;
use billhook_engine::publish::{self, Change};
use billhook_registry::{SecretString, SinkRecord};
use billhook_stream::settings::{AwsIdentity, SinkSettings, Target};
use clap::{Args, ValueEnum};

use super::add::tell_months;
use super::options::Options;
use super::{named, registry};
use crate::connections::now;
use crate::context::{Context, say};
use crate::import::tell_waiting;
use crate::users::note;

/// Ways to sign in to NATS: one takes the place of another.
const NATS_SECRETS: [&str; 4] = ["user", "password", "token", "creds"];

/// The secrets of an access key.
const KEY_SECRETS: [&str; 2] = ["secret_access_key", "session_token"];

/// Tell one something else from the next event on; what is not given stays
///
/// It stays where it is: what it took is not sent again. Types and connections take the place of
/// those that were; headers and filters are added. Options that call for a secret take another one
/// from `BILLHOOK_SINK_SECRET`, or ask for it.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Its name
    name: String,
    /// Take away: all types again, all connections, and so on
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    without: Vec<Without>,
    #[command(flatten)]
    options: Options,
}

/// What can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Without {
    Types,
    Connections,
    Filters,
    Headers,
    SecretHeaders,
    Sign,
    AllowPrivate,
    Tls,
    Sasl,
    User,
    Token,
    Creds,
    Stream,
    Identity,
}

/// Other values of secrets, and nothing for those that are forgotten.
type Changed = BTreeMap<String, Option<SecretString>>;

pub(super) async fn run(args: SetArgs, context: &Context) -> anyhow::Result<u8> {
    let registry = registry(context)?;
    let home = context.home()?;
    let name = args.name.as_str();
    let sink = named(&registry, name)?;
    let before = publish::settings_of(&sink)?;
    let mut settings = before.clone();
    let mut secrets = Changed::new();
    for what in &args.without {
        take_away(*what, &mut settings, &sink, &mut secrets);
    }
    args.options.over(&mut settings, context);
    settings.check().map_err(EngineError::from)?;
    let kind = settings.target.kind();
    let new = args.options.secrets(kind)?;
    let is_signed_otherwise = !new.is_empty() || args.options.has_identity();
    secrets.extend(new.into_iter().map(|(name, secret)| (name, Some(secret))));
    if is_signed_otherwise {
        match kind {
            "nats" => forget(&NATS_SECRETS, &sink, &mut secrets),
            "eventbridge" | "sqs" | "sns" => forget(&KEY_SECRETS, &sink, &mut secrets),
            _ => {}
        }
    }
    if settings == before && secrets.is_empty() {
        let text = format!(
            "there is nothing to change: {name} is told that already, or it is not for a sink of \
             the kind {kind}; `billhook sinks show {name}` has it all"
        );
        return Err(EngineError::Usage(text).into());
    }
    let change = Change { settings, secrets };
    let (was, is) = change.noted(&sink)?;
    let (settings, writer) = (&change.settings, home.writer(tell_waiting));
    let held = publish::Held::for_change(&home.lake, &registry, &sink, settings, writer);
    let held = Box::pin(held).await?;
    tell_months(&held);
    Box::pin(publish::set(&registry, &sink, change, now())).await?;
    note(&registry, "sink.changed", name, Some(&was), Some(&is))?;
    say(&format!("{name} is changed; `billhook sinks show {name}` has it all"));
    Ok(0)
}

/// Takes something away, and the secrets that belong to it.
fn take_away(what: Without, settings: &mut SinkSettings, sink: &SinkRecord, secrets: &mut Changed) {
    match (what, &mut settings.target) {
        (Without::Types, _) => settings.types.clear(),
        (Without::Connections, _) => settings.connections.clear(),
        (Without::Filters, _) => settings.filters.clear(),
        (Without::Headers, Target::Http(http)) => http.headers.clear(),
        (Without::SecretHeaders, Target::Http(_)) => {
            let is_header = |name: &&String| name.starts_with("header:");
            let headers = sink.secrets.iter().filter(is_header);
            secrets.extend(headers.map(|name| (name.clone(), None)));
        }
        (Without::Sign, Target::Http(http)) => {
            http.signs = false;
            forget(&["webhook"], sink, secrets);
        }
        (Without::AllowPrivate, Target::Http(http)) => http.allow_private = false,
        (Without::Tls, Target::Kafka(kafka)) => kafka.tls = false,
        (Without::Sasl, Target::Kafka(kafka)) => {
            kafka.sasl = None;
            forget(&["password"], sink, secrets);
        }
        (Without::User, Target::Kafka(kafka)) => (kafka.user, kafka.sasl) = (None, None),
        (Without::User, Target::Nats(_)) => forget(&["user", "password"], sink, secrets),
        (Without::Token, Target::Nats(_)) => forget(&["token"], sink, secrets),
        (Without::Creds, Target::Nats(_)) => forget(&["creds"], sink, secrets),
        (Without::Stream, Target::Nats(nats)) => nats.stream = None,
        (Without::Identity, target) => {
            let reach = match target {
                Target::Eventbridge(bus) => &mut bus.reach,
                Target::Sqs(sqs) => &mut sqs.reach,
                Target::Sns(sns) => &mut sns.reach,
                _ => return,
            };
            reach.identity = AwsIdentity::default();
            forget(&KEY_SECRETS, sink, secrets);
        }
        _ => {}
    }
}

/// Forgets those secrets that a sink has, unless they are given anew.
fn forget(names: &[&str], sink: &SinkRecord, secrets: &mut Changed) {
    for name in names {
        if sink.secrets.iter().any(|own| own == name) {
            secrets.entry((*name).to_owned()).or_insert(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use billhook_registry::{NewSink, Registry};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_taken_away_takes_its_secrets_along() {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let target = json!({
            "kind": "http", "url": "http://127.0.0.1:9/", "signs": true,
            "headers": { "X-Team": "finops" },
        });
        let mut settings: SinkSettings =
            serde_json::from_value(json!({ "target": target, "types": ["cost.restated"] }))
                .unwrap();
        let secrets =
            ["webhook", "header:X-Key"].map(|name| (name.to_owned(), SecretString::from("abc")));
        let new =
            NewSink { name: "web".to_owned(), settings: json!(settings), secrets: secrets.into() };
        let sink = registry.add_sink(new, 0).unwrap();
        let mut changed = Changed::new();
        let all = [Without::Types, Without::Headers, Without::SecretHeaders, Without::Sign];
        for what in all.into_iter().chain([Without::Tls, Without::Identity, Without::User]) {
            take_away(what, &mut settings, &sink, &mut changed);
        }
        let names: Vec<&str> = changed.keys().map(String::as_str).collect();
        assert_eq!(names, ["header:X-Key", "webhook"]);
        assert!(changed.values().all(Option::is_none));
        let left = json!(settings);
        assert_eq!(left["target"]["headers"], json!({}));
        assert_eq!((&left["target"]["signs"], &left["types"]), (&json!(false), &json!([])));
        // What is given anew is not forgotten.
        let mut changed = Changed::from([("webhook".to_owned(), Some(SecretString::from("abc")))]);
        forget(&["webhook", "password"], &sink, &mut changed);
        assert!(changed.len() == 1 && changed["webhook"].is_some());
    }
}
