//! `billhook sinks add`: a new sink.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use billhook_engine::{EngineError, publish};
use billhook_registry::{NewSink, Registry};
use billhook_stream::settings::{
    AwsReach, EventbridgeTarget, Format, From as Start, Granularity, HttpTarget, KafkaTarget, Mode,
    NatsTarget, SinkSettings, SnsTarget, SqsTarget, Target,
};
use clap::{Args, ValueEnum};

use super::options::Options;
use crate::connections::now;
use crate::context::{Context, say};
use crate::import::tell_waiting;

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
    /// Where to begin: with what happens from now on, or with all that the lake knows
    #[arg(long, value_enum, default_value_t = Begin::Now)]
    from: Begin,
    #[command(flatten)]
    options: Options,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Begin {
    Now,
    History,
}

pub(super) async fn run(args: AddArgs, context: &Context) -> anyhow::Result<u8> {
    let name = args.name.clone();
    let home = context.home()?;
    let registry = Arc::new(Registry::open(context.home_dir()).map_err(EngineError::from)?);
    if registry.sink(&name).map_err(EngineError::from)?.is_some() {
        let text = format!("there is a sink {name} already; `billhook sinks remove` it");
        return Err(EngineError::Usage(text).into());
    }
    let mut settings = SinkSettings {
        target: bare(args.kind),
        format: Format::default(),
        granularity: Granularity::default(),
        types: Vec::new(),
        connections: Vec::new(),
        filters: BTreeMap::new(),
        from: match args.from {
            Begin::Now => Start::Now,
            Begin::History => Start::History,
        },
    };
    args.options.over(&mut settings, context);
    is_whole(&settings.target)?;
    settings.check().map_err(EngineError::from)?;
    let secrets = args.options.secrets(settings.target.kind())?;
    let new = NewSink {
        name: name.clone(),
        settings: serde_json::to_value(&settings)?,
        secrets: secrets.clone().into_iter().collect(),
    };
    let writer = home.writer(tell_waiting);
    let held = Box::pin(publish::Held::for_new(&home.lake, &settings, writer)).await?;
    tell_months(&held);
    Box::pin(publish::add(&home.lake, &registry, &settings, &secrets, new, now())).await?;
    say(&format!("{name} is saved; `billhook sinks test {name}` sends one test event"));
    Ok(0)
}

/// Tells of how many months hours were kept.
pub(super) fn tell_months(held: &publish::Held) {
    if held.months > 0 {
        say(&format!("months whose hours are kept as they stand: {}", held.months));
    }
}

/// Where to send to, before anything is said of it.
fn bare(kind: Kind) -> Target {
    let mode = Mode::Structured;
    let reach = AwsReach::default();
    match kind {
        Kind::Http => Target::Http(HttpTarget {
            url: String::new(),
            mode,
            headers: BTreeMap::new(),
            signs: false,
            allow_private: false,
            timeout_s: 30,
        }),
        Kind::Nats => Target::Nats(NatsTarget {
            servers: Vec::new(),
            stream: None,
            subject: "billhook".to_owned(),
            mode,
        }),
        Kind::Kafka => Target::Kafka(KafkaTarget {
            brokers: Vec::new(),
            topic: String::new(),
            tls: false,
            sasl: None,
            user: None,
            mode,
        }),
        Kind::Eventbridge => Target::Eventbridge(EventbridgeTarget { bus: String::new(), reach }),
        Kind::Sqs => Target::Sqs(SqsTarget { queue_url: String::new(), reach }),
        Kind::Sns => Target::Sns(SnsTarget { topic_arn: String::new(), reach }),
        Kind::File => Target::File { path: PathBuf::new() },
        Kind::Stdout => Target::Stdout,
    }
}

/// Is the option given without which a kind is nowhere?
fn is_whole(target: &Target) -> Result<(), EngineError> {
    let missing = match target {
        Target::Http(http) if http.url.is_empty() => "--url",
        Target::Kafka(kafka) if kafka.topic.is_empty() => "--topic",
        Target::Eventbridge(bus) if bus.bus.is_empty() => "--bus",
        Target::Sqs(sqs) if sqs.queue_url.is_empty() => "--queue-url",
        Target::Sns(sns) if sns.topic_arn.is_empty() => "--topic-arn",
        Target::File { path } if path.as_os_str().is_empty() => "--path",
        _ => return Ok(()),
    };
    Err(EngineError::Usage(format!("a sink of this kind needs {missing}")))
}
