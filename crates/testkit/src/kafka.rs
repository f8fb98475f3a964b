//! A broker of Kafka's protocol as a process of its own, and a reader of what it keeps. Others
//! wrote both (Tansu and librdkafka): neither knows the client that Billhook uses.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::emulator::Emulator;

const SCRIPT: &str = include_str!("../oracle/kafka.py");

/// Holds what a broker keeps beyond its end.
const BUCKET: &str = "broker";

/// How often a broker is started whose port is still somebody else's.
const TRIES: usize = 20;

const PAUSE: Duration = Duration::from_millis(20);

/// What stands between a broker and those who talk to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Nothing.
    Direct,
    /// What changes nothing, but can be cut.
    Plain,
    /// The first answer to a batch is lost, and the connection with it.
    Loses,
    /// The broker seems to be an old one, of the time of Kafka 2.5.
    Old,
    /// TLS, with what [`certificates`] made in this folder.
    Tls(&'a Path),
    /// Somebody must sign in.
    Scram {
        /// `SCRAM-SHA-256` or `SCRAM-SHA-512`.
        mechanism: &'a str,
        /// Who.
        user: &'a str,
        /// With this password.
        password: &'a str,
    },
}

/// A process that ends when it is dropped.
#[derive(Debug)]
struct Process(Child);

impl Process {
    fn end(&mut self) {
        // Nothing is left to do for one that has ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A broker. It stops when dropped.
#[derive(Debug)]
pub struct Broker {
    python: PathBuf,
    program: PathBuf,
    port: u16,
    process: Option<Process>,
    line: Option<(Process, u16)>,
    how: Vec<OsString>,
    reader: Value,
    store: Option<Emulator>,
}

impl Broker {
    /// Starts one with a Python that has it, `confluent-kafka`, `cryptography` and
    /// `scramp`. What it keeps goes with it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(python: &Path, line: Line<'_>) -> io::Result<Self> {
        Self::with(python, line, None)
    }

    /// Starts one that may be killed while it does nothing: what it keeps lies in an AWS emulator
    /// of its own, which needs `moto[server]`. Killed while it takes a batch it may lose it: it
    /// notes that it has it before it stores it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_durable(python: &Path, line: Line<'_>) -> io::Result<Self> {
        let store = Emulator::start(python, "123456789012")?;
        said(&mut script(python, &["bucket", &store.endpoint, BUCKET]))?;
        Self::with(python, line, Some(store))
    }

    fn with(python: &Path, line: Line<'_>, store: Option<Emulator>) -> io::Result<Self> {
        let program = said(&mut script(python, &["program"]))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut broker = Self {
            python: python.to_owned(),
            program: PathBuf::from(program.trim()),
            port,
            process: None,
            line: None,
            how: line.how(),
            reader: line.reader(),
            store,
        };
        broker.lay_line(0)?;
        broker.start_again()?;
        Ok(broker)
    }

    /// Where clients begin, as `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        let port = self.line.as_ref().map_or(self.port, |(_, port)| *port);
        format!("127.0.0.1:{port}")
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it where it was, after [`Broker::kill`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_again(&mut self) -> io::Result<()> {
        for _ in 0..TRIES {
            let mut process = Process(self.command().spawn()?);
            while process.0.try_wait()?.is_none() {
                if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                    self.process = Some(process);
                    return Ok(());
                }
                thread::sleep(PAUSE);
            }
            thread::sleep(PAUSE);
        }
        Err(io::Error::other("the broker does not start"))
    }

    /// Ends all connections at once, and there are none until [`Broker::mend`].
    pub fn cut(&mut self) {
        if let Some((process, _)) = &mut self.line {
            process.end();
        }
    }

    /// Lays the line again that was cut.
    ///
    /// # Errors
    /// When its port is taken.
    pub fn mend(&mut self) -> io::Result<()> {
        let port = self.line.as_ref().map_or(0, |(_, port)| *port);
        self.lay_line(port)
    }

    fn lay_line(&mut self, port: u16) -> io::Result<()> {
        if self.how.is_empty() {
            return Ok(());
        }
        let ports = [self.port, port].map(|port| port.to_string());
        let mut command = script(&self.python, &["line"]);
        command.args(ports).args(&self.how);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Process(command.spawn()?);
        let out = process.0.stdout.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut port = String::new();
        BufReader::new(out).read_line(&mut port)?;
        let port = port.trim().parse::<u16>().map_err(io::Error::other)?;
        self.line = Some((process, port));
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--silent");
        command.arg("--listener-url").arg(format!("tcp://127.0.0.1:{}", self.port));
        command.arg("--advertised-listener-url").arg(format!("tcp://{}", self.address()));
        if let Some(store) = &self.store {
            command.arg("--storage-engine").arg(format!("s3://{BUCKET}/"));
            command.env("AWS_ENDPOINT", &store.endpoint).env("AWS_ALLOW_HTTP", "true");
            command.env("AWS_ACCESS_KEY_ID", "k").env("AWS_SECRET_ACCESS_KEY", "s");
            command.env("AWS_DEFAULT_REGION", "us-east-1");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// When the broker does not.
    pub fn create_topic(&self, topic: &str, partitions: u32) -> io::Result<()> {
        let mut command = Command::new(&self.program);
        command.args(["topic", "create", topic, "--partitions"]).arg(partitions.to_string());
        command.arg("--broker").arg(format!("tcp://127.0.0.1:{}", self.port));
        said(&mut command)?;
        Ok(())
    }

    /// The records of a topic, partition by partition: `partition`, `offset`, `key`, `value` and
    /// `headers`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn records(&self, topic: &str) -> io::Result<Vec<Value>> {
        let settings = self.reader.to_string();
        let args = ["records", &self.address(), topic, &settings];
        let read = said(&mut script(&self.python, &args))?;
        read.lines().map(|line| serde_json::from_str(line).map_err(io::Error::other)).collect()
    }

    /// The events in a topic in JSON, each once, as its id says, and those of a partition in order.
    ///
    /// # Errors
    /// When they cannot be read, or something else is there.
    pub fn events(&self, topic: &str) -> io::Result<Vec<Value>> {
        let records = self.records(topic)?;
        let mut events: Vec<Value> = records.iter().map(event).collect::<io::Result<_>>()?;
        let mut seen = BTreeSet::new();
        events.retain(|event| seen.insert(event.get("id").map(Value::to_string)));
        Ok(events)
    }
}

impl Line<'_> {
    /// What librdkafka must be told to get through.
    fn reader(self) -> Value {
        match self {
            Self::Direct | Self::Plain | Self::Loses | Self::Old => json!({}),
            Self::Tls(folder) => json!({
                "security.protocol": "ssl",
                "ssl.ca.location": folder.join("authority.pem"),
            }),
            Self::Scram { mechanism, user, password } => json!({
                "security.protocol": "sasl_plaintext",
                "sasl.mechanism": mechanism,
                "sasl.username": user,
                "sasl.password": password,
            }),
        }
    }

    /// The script's arguments for it.
    fn how(self) -> Vec<OsString> {
        match self {
            Self::Direct => Vec::new(),
            Self::Plain => vec!["plain".into()],
            Self::Loses => vec!["loses".into()],
            Self::Old => vec!["old".into()],
            Self::Tls(folder) => {
                let [own, key] = ["broker.pem", "broker.key.pem"].map(|name| folder.join(name));
                vec!["tls".into(), own.into(), key.into()]
            }
            Self::Scram { mechanism, user, password } => {
                ["scram", mechanism, user, password].map(OsString::from).into()
            }
        }
    }
}

/// Makes certificates for [`Line::Tls`] in a folder: `authority.pem` is whom a client must trust.
///
/// # Errors
/// When that Python has no `cryptography`, or the folder cannot be written.
pub fn certificates(python: &Path, folder: &Path) -> io::Result<()> {
    said(script(python, &["certificates"]).arg(folder))?;
    Ok(())
}

/// The event in a record, in whichever mode it was sent.
fn event(record: &Value) -> io::Result<Value> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let body: Value = serde_json::from_str(&text(record.get("value")))?;
    let headers = record.get("headers").and_then(Value::as_object);
    let headers = headers.ok_or_else(|| io::Error::other("a record without headers"))?;
    let kind = text(headers.get("content-type"));
    if kind.starts_with("application/cloudevents+json") {
        return Ok(body);
    }
    let attributes = headers.iter().filter_map(|(name, value)| {
        name.strip_prefix("ce_").map(|name| (name.to_owned(), value.clone()))
    });
    let mut event: Map<String, Value> = attributes.collect();
    event.insert("datacontenttype".to_owned(), Value::String(kind));
    event.insert("data".to_owned(), body);
    Ok(Value::Object(event))
}

fn script(python: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).args(args);
    command
}

/// What a program said, when it went well.
fn said(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_in_either_mode() {
        let whole = json!({"id": "1", "data": {"a": "ö"}, "datacontenttype": "application/json"});
        let record = json!({
            "headers": {"content-type": "application/cloudevents+json"},
            "value": whole.to_string(),
        });
        assert_eq!(event(&record).unwrap(), whole);
        let record = json!({
            "headers": {"content-type": "application/json", "ce_id": "1", "other": "x"},
            "value": r#"{"a": "ö"}"#,
        });
        assert_eq!(event(&record).unwrap(), whole);
        assert!(event(&json!({"headers": {}, "value": "no JSON"})).is_err());
    }
}
