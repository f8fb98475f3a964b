//! A server over a small lake, and clients.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use billhook_aws::S3Options;
use billhook_engine::Home;
use billhook_engine::import::import;
use billhook_engine::ingest::{Options, Silent};
use billhook_lake::Lake;
use billhook_registry::Registry;
use billhook_sources::text::inflate::Limits;
use billhook_testkit::calendar::{Date, Month};
use billhook_testkit::render::cur::{Compression, CurReport, Layout, write_delivery};
use billhook_testkit::synth::{Organisation, Scale};
use billhook_wire::{Wire, WireConfig, WireError, serve};
use postgres_types::{FromSql, Type};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// Loads a month of bills, and returns the home.
pub(crate) async fn home(root: &Path) -> Home {
    let month = Month::new(2026, 8);
    let organisation = Organisation::new(7, month, 1, Date::new(2026, 9, 20), Scale::Small);
    let payer = &organisation.payers()[0];
    let report = CurReport {
        account: payer.id.to_owned(),
        bucket: "bucket".to_owned(),
        prefix: "bills".to_owned(),
        report_name: "hourly".to_owned(),
        layout: Layout::Overwrite,
        compression: Compression::Gzip,
        chunk_rows: 1500,
        chunk_digits: 5,
        with_resources: true,
        with_net: payer.edp_percent.is_some(),
        tag_keys: payer.tag_keys.iter().map(|key| (*key).to_owned()).collect(),
        category_names: payer.category_names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let bills = root.join("bills");
    let lines = organisation.ledger(payer, month, 1);
    write_delivery(&bills, &report, month, "20260902T031500Z", &lines).unwrap();
    let home = Home::open(&root.join("home"), None, &S3Options::default()).unwrap();
    load(&home, &bills).await;
    home
}

/// Loads a delivery.
async fn load(home: &Home, place: &Path) {
    let location = billhook_aws::open(place.to_str().unwrap(), &S3Options::default()).unwrap();
    let options = Options {
        workers: 1,
        limits: Limits::default(),
        allow_quarantine: false,
        spool: home.spool(),
        now: 1_790_000_000_000_000,
        stop: Arc::default(),
        progress: Arc::new(Silent),
        kinds: Vec::new(),
        period: None,
        newest_first: false,
        kept: None,
    };
    let done = import(home, &location, None, &options, |_| {}).await.unwrap();
    assert_eq!(done.imported.len(), 1);
}

/// A server that runs.
pub(crate) struct Scene {
    pub(crate) root: TempDir,
    pub(crate) lake: Lake,
    pub(crate) port: u16,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), WireError>>,
}

/// What a server allows unless a test says otherwise.
pub(crate) fn config() -> WireConfig {
    WireConfig {
        statement_timeout: Duration::from_mins(1),
        memory_per_query: 256 << 20,
        clients: 20,
        tls: None,
        requires_sign_in: false,
    }
}

impl Scene {
    /// A server without sign-in.
    pub(crate) async fn new() -> Self {
        Self::with(config(), None).await
    }

    /// A server over bills of a month.
    pub(crate) async fn with(config: WireConfig, registry: Option<Registry>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let lake = home(root.path()).await.lake;
        Self::over(root, lake, config, registry).await
    }

    /// A server over a lake.
    pub(crate) async fn over(
        root: TempDir,
        lake: Lake,
        config: WireConfig,
        registry: Option<Registry>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel();
        let registry = registry.map(Arc::new);
        let wire =
            Arc::new(Wire { lake: lake.clone(), registry, config, queries: Handle::current() });
        let task = tokio::spawn(serve(wire, listener, async move {
            stopped.await.ok();
        }));
        Self { root, lake, port, stop: Some(stop), task }
    }

    /// Loads another bill.
    pub(crate) async fn add(&self, bill: &Path) {
        let home = Home::open(&self.root.path().join("home"), None, &S3Options::default()).unwrap();
        load(&home, bill).await;
    }

    /// Stops the server, and waits for its end.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        (&mut self.task).await.unwrap().unwrap();
    }

    /// How to reach it as somebody.
    pub(crate) fn config(&self, user: &str, password: Option<&str>) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user(user).dbname("billhook");
        if let Some(password) = password {
            config.password(password);
        }
        config
    }

    /// A client who needs no password.
    pub(crate) async fn client(&self) -> Client {
        connect(&self.config("anybody", None)).await.unwrap()
    }
}

/// Connects, and keeps the connection going beside the test.
pub(crate) async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// SQLSTATE of an error.
pub(crate) fn code(error: &tokio_postgres::Error) -> String {
    error.code().map_or_else(|| format!("no code: {error:?}"), |code| code.code().to_owned())
}

/// The rows of a text of statements, as texts.
pub(crate) async fn rows(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(sql).await.unwrap();
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
        }
        _ => None,
    });
    rows.collect()
}

/// The only value of the only row.
pub(crate) async fn one(client: &Client, sql: &str) -> String {
    let rows = rows(client, sql).await;
    assert_eq!((rows.len(), rows[0].len()), (1, 1), "{sql}");
    rows[0][0].clone().unwrap_or_default()
}

/// A value of any type in the binary format, as text.
pub(crate) struct Cell(pub(crate) String);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let text = match *kind {
            Type::NUMERIC => numeric(raw),
            Type::INT4 => i32::from_sql(kind, raw)?.to_string(),
            Type::INT8 => i64::from_sql(kind, raw)?.to_string(),
            Type::DATE => chrono::NaiveDate::from_sql(kind, raw)?.to_string(),
            Type::TIMESTAMPTZ => {
                let time = chrono::DateTime::<chrono::Utc>::from_sql(kind, raw)?;
                time.format("%Y-%m-%d %H:%M:%S").to_string()
            }
            _ => String::from_utf8(raw.to_vec())?,
        };
        Ok(Self(text))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(String::new()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// `numeric` as the documentation of the protocol has it: digits to the base of 10,000.
fn numeric(raw: &[u8]) -> String {
    let words: Vec<i16> =
        raw.chunks(2).map(|pair| i16::from_be_bytes(pair.try_into().unwrap())).collect();
    let (weight, sign, scale) = (words[1], words[2], usize::try_from(words[3]).unwrap());
    let digit = |place: i16| {
        let found = usize::try_from(place).ok().and_then(|place| words.get(4 + place));
        format!("{:04}", found.copied().unwrap_or(0))
    };
    let whole: Vec<String> = (0..=weight).map(digit).collect();
    let whole = whole.concat();
    let fraction: Vec<String> =
        (1..8_000).take(scale.div_ceil(4)).map(|place| digit(weight + place)).collect();
    let fraction = fraction.concat();
    let whole = whole.trim_start_matches('0');
    let text = format!("{}.{}", if whole.is_empty() { "0" } else { whole }, &fraction[..scale]);
    let text = text.trim_end_matches('.').to_owned();
    if sign == 0 { text } else { format!("-{text}") }
}

/// A program of this machine; told loudly when there is none.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: there is no {name} on this machine");
    }
    found
}
