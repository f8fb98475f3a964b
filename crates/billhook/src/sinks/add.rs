//! `billhook sinks add`: what a sink is told, and its secrets.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use billhook_engine::{EngineError, publish};
use billhook_registry::{NewSink, Registry, SecretString};
use billhook_stream::settings::{
    self, AwsIdentity, AwsReach, EventbridgeTarget, Format, From as Start, HttpTarget, KafkaTarget,
    Mode, NatsTarget, Sasl, SinkSettings, SnsTarget, SqsTarget, Target,
};
use clap::{Args, ValueEnum};

use crate::connections::now;
use crate::context::{Context, say};
use crate::identity::{IdentityArgs, key_with};
use crate::import::tell_waiting;

/// Environment variable with the secret of a sink that has only one. Of several, each has its own:
/// this name, an underscore, and the secret's name in capital letters.
const SECRET_VARIABLE: &str = "BILLHOOK_SINK_SECRET";

/// Send events somewhere from now on
///
/// Secrets are never arguments: they are taken from the variable `BILLHOOK_SINK_SECRET`,
/// or asked for. `billhook sync` sends what is new; `sync --watch` goes on sending.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Its name: lowercase letters, digits and dashes
    name: String,
    /// What it is
    #[arg(long, value_enum)]
    kind: Kind,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    aws: AwsArgs,
    /// File, an event a line; with `--kind file`
    #[arg(long, value_name = "FILE")]
    path: Option<PathBuf>,
    #[command(flatten)]
    identity: IdentityArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Http,
    Nats,
    Kafka,
    Eventbridge,
    Sqs,
    Sns,
    File,
    Stdout,
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
    /// Shape: Billhook's own events, or what receivers of Vanus's Amazon Billing source parse
    #[arg(long, value_enum, default_value_t = Shape::Cloudevents)]
    format: Shape,
    /// How fine costs are told. Hours are kept from here on; with `--from history` those of all
    /// hourly deliveries that stand in the lake are told, too
    #[arg(long, value_enum, default_value_t = Granularity::Daily)]
    granularity: Granularity,
    /// Where to begin: with what happens from now on, or with all that the lake knows
    #[arg(long, value_enum, default_value_t = Begin::Now)]
    from: Begin,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Begin {
    Now,
    History,
}

/// How HTTP receivers are addressed; the mode is that of brokers, too.
#[derive(Debug, Args)]
#[command(next_help_heading = "HTTP")]
struct HttpArgs {
    /// Address, `https://…`
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How an event lies in a request or message; `batched` is for HTTP alone
    #[arg(long, value_enum, default_value_t = Lies::Structured)]
    mode: Lies,
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
    /// How long a request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
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
    #[arg(long, value_enum, requires = "user")]
    sasl: Option<SignIn>,
    /// Who signs in; the password is a secret
    #[arg(long)]
    user: Option<String>,
    /// NATS: make this stream when it is not there
    #[arg(long)]
    stream: Option<String>,
    /// NATS: what subjects begin with
    #[arg(long, default_value = "billhook", value_name = "PREFIX")]
    subject: String,
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
type Secrets = BTreeMap<String, SecretString>;

pub(super) async fn run(args: AddArgs, context: &Context) -> anyhow::Result<u8> {
    let name = args.name.clone();
    let home = context.home()?;
    let registry = Arc::new(Registry::open(context.home_dir()).map_err(EngineError::from)?);
    if registry.sink(&name).map_err(EngineError::from)?.is_some() {
        let text = format!("there is a sink {name} already; `billhook sinks remove` it");
        return Err(EngineError::Usage(text).into());
    }
    let target = target(&args, context)?;
    let settings = SinkSettings {
        target,
        format: match args.what.format {
            Shape::Cloudevents => Format::Cloudevents,
            Shape::Vanus => Format::Vanus,
        },
        granularity: args.what.granularity.setting(),
        types: args.what.types.clone(),
        connections: args.what.connections.clone(),
        filters: args.what.filters.iter().cloned().collect(),
        from: match args.what.from {
            Begin::Now => Start::Now,
            Begin::History => Start::History,
        },
    };
    settings.check().map_err(EngineError::from)?;
    let secrets = secrets(&args)?;
    let new = NewSink {
        name: name.clone(),
        settings: serde_json::to_value(&settings)?,
        secrets: secrets.clone().into_iter().collect(),
    };
    // Nobody loads between the hours that are there and the first that are kept.
    let _writer = if needs_hours(&args.what) {
        let writer = home.writer(tell_waiting).await?;
        let connections = &settings.connections;
        let told = Box::pin(publish::keep_standing_hours(&home.lake, connections)).await?;
        if told > 0 {
            say(&format!("months whose hours are kept as they stand: {told}"));
        }
        Some(writer)
    } else {
        None
    };
    Box::pin(publish::add(&home.lake, &registry, &settings, &secrets, new, now())).await?;
    say(&format!("{name} is saved; `billhook sinks test {name}` sends one test event"));
    Ok(0)
}

/// Are hours wanted of what was loaded before they were kept?
fn needs_hours(what: &WhatArgs) -> bool {
    what.granularity == Granularity::Hourly && what.from == Begin::History
}

/// Where to send to.
fn target(args: &AddArgs, context: &Context) -> Result<Target, EngineError> {
    let (http, broker, aws) = (&args.http, &args.broker, &args.aws);
    let mode = match http.mode {
        Lies::Structured => Mode::Structured,
        Lies::Binary => Mode::Binary,
        Lies::Batched => Mode::Batched,
    };
    let reach = AwsReach {
        region: context.s3.region.clone(),
        endpoint: context.s3.endpoint.clone(),
        identity: identity(&args.identity),
    };
    Ok(match args.kind {
        Kind::Http => Target::Http(HttpTarget {
            url: given("--url", http.url.as_ref())?,
            mode,
            headers: http.headers.iter().cloned().collect(),
            signs: http.sign,
            allow_private: http.allow_private,
            timeout_s: http.timeout,
        }),
        Kind::Nats => Target::Nats(NatsTarget {
            servers: broker.servers.clone(),
            stream: broker.stream.clone(),
            subject: broker.subject.clone(),
            mode,
        }),
        Kind::Kafka => Target::Kafka(KafkaTarget {
            brokers: broker.servers.clone(),
            topic: given("--topic", broker.topic.as_ref())?,
            tls: broker.tls,
            sasl: broker.sasl.map(|sasl| match sasl {
                SignIn::Plain => Sasl::Plain,
                SignIn::ScramSha256 => Sasl::ScramSha256,
                SignIn::ScramSha512 => Sasl::ScramSha512,
            }),
            user: broker.user.clone(),
            mode,
        }),
        Kind::Eventbridge => {
            let bus = given("--bus", aws.bus.as_ref())?;
            Target::Eventbridge(EventbridgeTarget { bus, reach })
        }
        Kind::Sqs => {
            let queue_url = given("--queue-url", aws.queue_url.as_ref())?;
            Target::Sqs(SqsTarget { queue_url, reach })
        }
        Kind::Sns => {
            let topic_arn = given("--topic-arn", aws.topic_arn.as_ref())?;
            Target::Sns(SnsTarget { topic_arn, reach })
        }
        Kind::File => {
            let path = args.path.as_ref();
            let path = path.ok_or_else(|| missing("--path"))?;
            // Whoever sends later may be somewhere else.
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            Target::File { path }
        }
        Kind::Stdout => Target::Stdout,
    })
}

fn identity(args: &IdentityArgs) -> AwsIdentity {
    let [access_key_id, profile, role_arn, external_id] = args.named();
    AwsIdentity { role_arn, external_id, profile, access_key_id }
}

fn given(option: &str, value: Option<&String>) -> Result<String, EngineError> {
    value.cloned().ok_or_else(|| missing(option))
}

fn missing(option: &str) -> EngineError {
    EngineError::Usage(format!("a sink of this kind needs {option}"))
}

/// The secrets that the options call for, from the environment or asked for.
fn secrets(args: &AddArgs) -> anyhow::Result<Secrets> {
    let mut secrets = Secrets::new();
    let mut wanted: Vec<String> = Vec::new();
    match args.kind {
        Kind::Http => {
            wanted.extend(args.http.sign.then(|| "webhook".to_owned()));
            wanted.extend(args.http.secret_headers.iter().map(|name| format!("header:{name}")));
        }
        Kind::Nats => {
            if let Some(file) = &args.broker.creds {
                let text = std::fs::read_to_string(file).map_err(|source| EngineError::Disk {
                    action: format!("cannot read {}", file.display()),
                    source,
                })?;
                secrets.insert("creds".to_owned(), SecretString::from(text));
            }
            if let Some(user) = &args.broker.user {
                secrets.insert("user".to_owned(), SecretString::from(user.clone()));
                wanted.push("password".to_owned());
            }
            wanted.extend(args.broker.token.then(|| "token".to_owned()));
        }
        Kind::Kafka => wanted.extend(args.broker.sasl.map(|_| "password".to_owned())),
        Kind::Eventbridge | Kind::Sqs | Kind::Sns => {
            let [access_key_id, ..] = args.identity.named();
            if let Some(id) = access_key_id {
                let key = key_with(&id, || ask("secret_access_key"))?;
                secrets.insert("secret_access_key".to_owned(), key.secret);
                let token = key.session_token.map(|token| ("session_token".to_owned(), token));
                secrets.extend(token);
            }
        }
        Kind::File | Kind::Stdout => {}
    }
    let is_only = wanted.len() == 1;
    for name in wanted {
        let secret = secret(&name, is_only)?;
        secrets.insert(name, secret);
    }
    Ok(secrets)
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
