//! What a sink is told, as options, and the secrets that they call for.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use billhook_engine::EngineError;
use billhook_registry::SecretString;
use billhook_stream::settings::{
    self, AwsIdentity, AwsReach, Format, HttpTarget, KafkaTarget, Mode, NatsTarget, Sasl,
    SinkSettings, Target,
};
use clap::{Args, ValueEnum};

use crate::context::Context;
use crate::identity::{IdentityArgs, key_with};

/// Environment variable with the secret of a sink that has only one. Of several, each has its own:
/// this name, an underscore, and the secret's name in capital letters.
const SECRET_VARIABLE: &str = "BILLHOOK_SINK_SECRET";

/// Everything that is told to a new sink or another one.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    aws: AwsArgs,
    /// File, an event a line; of the kind `file`
    #[arg(long, value_name = "FILE")]
    path: Option<PathBuf>,
    #[command(flatten)]
    identity: IdentityArgs,
}

/// Which events, in which shape.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which events")]
struct WhatArgs {
    /// Types, such as `cost.restated`; all when left out
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Connections; all when left out
    #[arg(long = "connection", value_name = "NAME", value_delimiter = ',')]
    connections: Vec<String>,
    /// Only events whose data have this value, such as `serviceName=Amazon S3`
    #[arg(long = "filter", value_name = "FIELD=VALUE", value_parser = field)]
    filters: Vec<(String, String)>,
    /// Shape: Billhook's own events (the default), or what receivers of Vanus's Amazon Billing
    /// source parse
    #[arg(long, value_enum)]
    format: Option<Shape>,
    /// How fine costs are told (default: daily). Hours are kept from here on; of a sink that began
    /// with the history those of all hourly deliveries that stand in the lake are kept, too
    #[arg(long, value_enum)]
    granularity: Option<Granularity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    Cloudevents,
    Vanus,
}

/// How fine costs are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Granularity {
    Daily,
    Hourly,
}

impl Granularity {
    /// As settings have it.
    pub(crate) fn setting(self) -> settings::Granularity {
        match self {
            Self::Daily => settings::Granularity::Daily,
            Self::Hourly => settings::Granularity::Hourly,
        }
    }
}

/// How HTTP receivers are addressed; the mode is that of brokers, too.
#[derive(Debug, Args)]
#[command(next_help_heading = "HTTP")]
struct HttpArgs {
    /// Address, `https://…`
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How an event lies in a request or message (default: structured); `batched` is for HTTP alone
    #[arg(long, value_enum)]
    mode: Option<Lies>,
    /// Another header
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Another header, whose value is a secret
    #[arg(long = "secret-header", value_name = "NAME")]
    secret_headers: Vec<String>,
    /// Sign requests as Standard Webhooks says; the secret is `whsec_…`
    #[arg(long)]
    sign: bool,
    /// Allow link-local addresses and those of instance metadata
    #[arg(long)]
    allow_private: bool,
    /// How long a request may take (default: 30)
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lies {
    Structured,
    Binary,
    Batched,
}

/// How NATS and Kafka are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "NATS and Kafka")]
struct BrokerArgs {
    /// Server, `nats://host:4222` or `host:9092`; several of one cluster
    #[arg(long = "server", value_name = "SERVER", value_delimiter = ',')]
    servers: Vec<String>,
    /// Kafka: topic
    #[arg(long)]
    topic: Option<String>,
    /// Kafka: speak TLS
    #[arg(long)]
    tls: bool,
    /// Kafka: how to sign in as `--user`
    #[arg(long, value_enum)]
    sasl: Option<SignIn>,
    /// Who signs in; the password is a secret
    #[arg(long)]
    user: Option<String>,
    /// NATS: make this stream when it is not there
    #[arg(long)]
    stream: Option<String>,
    /// NATS: what subjects begin with (default: billhook)
    #[arg(long, value_name = "PREFIX")]
    subject: Option<String>,
    /// NATS: sign in with a token, which is a secret
    #[arg(long, conflicts_with_all = ["user", "creds"])]
    token: bool,
    /// NATS: sign in with what this credentials file holds
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    creds: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SignIn {
    Plain,
    #[value(name = "scram-sha-256")]
    ScramSha256,
    #[value(name = "scram-sha-512")]
    ScramSha512,
}

/// Which queue, topic or bus. Region and endpoint are those that all commands take.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS")]
struct AwsArgs {
    /// Name or ARN of the event bus
    #[arg(long)]
    bus: Option<String>,
    /// URL of the SQS queue
    #[arg(long, value_name = "URL")]
    queue_url: Option<String>,
    /// ARN of the SNS topic
    #[arg(long, value_name = "ARN")]
    topic_arn: Option<String>,
}

/// Secrets by their names.
pub(super) type Secrets = BTreeMap<String, SecretString>;

impl Options {
    /// Puts what is given over what a sink is told.
    pub(super) fn over(&self, settings: &mut SinkSettings, context: &Context) {
        let WhatArgs { types, connections, filters, format, granularity } = &self.what;
        if !types.is_empty() {
            settings.types.clone_from(types);
        }
        if !connections.is_empty() {
            settings.connections.clone_from(connections);
        }
        settings.filters.extend(filters.iter().cloned());
        match format {
            Some(Shape::Cloudevents) => settings.format = Format::Cloudevents,
            Some(Shape::Vanus) => settings.format = Format::Vanus,
            None => {}
        }
        if let Some(granularity) = granularity {
            settings.granularity = granularity.setting();
        }
        let aws = &self.aws;
        match &mut settings.target {
            Target::Http(http) => self.over_http(http),
            Target::Nats(nats) => self.over_nats(nats),
            Target::Kafka(kafka) => self.over_kafka(kafka),
            Target::Eventbridge(bus) => {
                put(&mut bus.bus, aws.bus.as_ref());
                self.over_reach(&mut bus.reach, aws.bus.is_some(), context);
            }
            Target::Sqs(sqs) => {
                put(&mut sqs.queue_url, aws.queue_url.as_ref());
                self.over_reach(&mut sqs.reach, aws.queue_url.is_some(), context);
            }
            Target::Sns(sns) => {
                put(&mut sns.topic_arn, aws.topic_arn.as_ref());
                self.over_reach(&mut sns.reach, aws.topic_arn.is_some(), context);
            }
            Target::File { path } => {
                if let Some(given) = &self.path {
                    // Whoever sends later may be somewhere else.
                    *path = std::path::absolute(given).unwrap_or_else(|_| given.clone());
                }
            }
            Target::Stdout => {}
        }
    }

    fn over_http(&self, http: &mut HttpTarget) {
        let given = &self.http;
        put(&mut http.url, given.url.as_ref());
        http.headers.extend(given.headers.iter().cloned());
        http.signs |= given.sign;
        http.allow_private |= given.allow_private;
        http.timeout_s = given.timeout.unwrap_or(http.timeout_s);
        http.mode = self.mode().unwrap_or(http.mode);
    }

    fn over_nats(&self, nats: &mut NatsTarget) {
        let given = &self.broker;
        if !given.servers.is_empty() {
            nats.servers.clone_from(&given.servers);
        }
        if given.stream.is_some() {
            nats.stream.clone_from(&given.stream);
        }
        put(&mut nats.subject, given.subject.as_ref());
        nats.mode = self.mode().unwrap_or(nats.mode);
    }

    fn over_kafka(&self, kafka: &mut KafkaTarget) {
        let given = &self.broker;
        if !given.servers.is_empty() {
            kafka.brokers.clone_from(&given.servers);
        }
        put(&mut kafka.topic, given.topic.as_ref());
        kafka.tls |= given.tls;
        if let Some(sasl) = given.sasl {
            kafka.sasl = Some(match sasl {
                SignIn::Plain => Sasl::Plain,
                SignIn::ScramSha256 => Sasl::ScramSha256,
                SignIn::ScramSha512 => Sasl::ScramSha512,
            });
        }
        if given.user.is_some() {
            kafka.user.clone_from(&given.user);
        }
        kafka.mode = self.mode().unwrap_or(kafka.mode);
    }

    /// Region and endpoint are those of all commands, so they count only where something of AWS is
    /// given: of a sink that is there they are not changed by what is set for others.
    fn over_reach(&self, reach: &mut AwsReach, is_elsewhere: bool, context: &Context) {
        if !is_elsewhere && !self.identity.is_given() {
            return;
        }
        if context.s3.region.is_some() {
            reach.region.clone_from(&context.s3.region);
        }
        if context.s3.endpoint.is_some() {
            reach.endpoint.clone_from(&context.s3.endpoint);
        }
        if self.identity.is_given() {
            let [access_key_id, profile, role_arn, external_id] = self.identity.named();
            reach.identity = AwsIdentity { role_arn, external_id, profile, access_key_id };
        }
    }

    fn mode(&self) -> Option<Mode> {
        self.http.mode.map(|mode| match mode {
            Lies::Structured => Mode::Structured,
            Lies::Binary => Mode::Binary,
            Lies::Batched => Mode::Batched,
        })
    }

    /// Is another identity given, whose secrets take the place of the old one's?
    pub(super) fn has_identity(&self) -> bool {
        self.identity.is_given()
    }

    /// The secrets that the options call for, of a kind of sink: from the environment or asked for.
    pub(super) fn secrets(&self, kind: &str) -> anyhow::Result<Secrets> {
        let mut secrets = Secrets::new();
        let mut wanted: Vec<String> = Vec::new();
        match kind {
            "http" => {
                wanted.extend(self.http.sign.then(|| "webhook".to_owned()));
                wanted.extend(self.http.secret_headers.iter().map(|name| format!("header:{name}")));
            }
            "nats" => {
                if let Some(file) = &self.broker.creds {
                    let text = std::fs::read_to_string(file).map_err(|source| {
                        let action = format!("cannot read {}", file.display());
                        EngineError::Disk { action, source }
                    })?;
                    secrets.insert("creds".to_owned(), SecretString::from(text));
                }
                if let Some(user) = &self.broker.user {
                    secrets.insert("user".to_owned(), SecretString::from(user.clone()));
                    wanted.push("password".to_owned());
                }
                wanted.extend(self.broker.token.then(|| "token".to_owned()));
            }
            "kafka" => wanted.extend(self.broker.sasl.map(|_| "password".to_owned())),
            "eventbridge" | "sqs" | "sns" => {
                let [access_key_id, ..] = self.identity.named();
                if let Some(id) = access_key_id {
                    let key = key_with(&id, || ask("secret_access_key"))?;
                    secrets.insert("secret_access_key".to_owned(), key.secret);
                    let token = key.session_token.map(|token| ("session_token".to_owned(), token));
                    secrets.extend(token);
                }
            }
            _ => {}
        }
        let is_only = wanted.len() == 1;
        for name in wanted {
            let secret = secret(&name, is_only)?;
            secrets.insert(name, secret);
        }
        Ok(secrets)
    }
}

/// Puts what is given in the place of what there is.
fn put(place: &mut String, given: Option<&String>) {
    if let Some(given) = given {
        place.clone_from(given);
    }
}

/// A secret by its name.
fn secret(name: &str, is_only: bool) -> Result<SecretString, EngineError> {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let own = format!("{SECRET_VARIABLE}_{}", letters.collect::<String>().to_ascii_uppercase());
    let in_variable =
        |variable: &str| std::env::var(variable).ok().filter(|value| !value.trim().is_empty());
    let found = in_variable(&own).or_else(|| in_variable(SECRET_VARIABLE).filter(|_| is_only));
    let text = found.map_or_else(|| ask(name), Ok)?;
    Ok(SecretString::from(text.trim().to_owned()))
}

/// Asks on the terminal, without showing what is typed.
fn ask(name: &str) -> Result<String, EngineError> {
    let nobody = || {
        EngineError::Usage(format!(
            "the secret {name} is missing: set {SECRET_VARIABLE}, or run this on a terminal"
        ))
    };
    if !std::io::stdin().is_terminal() {
        return Err(nobody());
    }
    let term = console::Term::stderr();
    write!(&term, "{name}: ").map_err(|_| nobody())?;
    term.read_secure_line().map_err(|_| nobody())
}

/// Reads `FIELD=VALUE`.
pub(crate) fn field(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(field, _)| !field.trim().is_empty());
    let (field, value) = parts.ok_or("write FIELD=VALUE, such as serviceName=Amazon S3")?;
    Ok((field.trim().to_owned(), value.to_owned()))
}

/// Reads `NAME: VALUE`.
fn header(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once(':').filter(|(name, _)| !name.trim().is_empty());
    let (name, value) = parts.ok_or("write NAME: VALUE, such as X-Team: finops")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_headers_are_read() {
        let pair = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(field("serviceName=Amazon S3"), pair("serviceName", "Amazon S3"));
        assert_eq!(field("a=b=c"), pair("a", "b=c"));
        assert!(field("serviceName").is_err() && field("=x").is_err());
        assert_eq!(header("X-Team: finops"), pair("X-Team", "finops"));
        assert_eq!(header("X-Url:http://a:1"), pair("X-Url", "http://a:1"));
        assert!(header("X-Team").is_err());
    }
}
