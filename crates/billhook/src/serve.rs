//! `billhook serve`: pages, API and the Postgres protocol, and what `sync --watch` does.

use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use billhook_engine::EngineError;
use billhook_engine::ingest::Silent;
use billhook_lake::Lake;
use billhook_lake::lock::{self, Attempt, WriterLock};
use billhook_lake::summary::Summaries;
use billhook_registry::{ExposeSecret, Registry, SecretString};
use billhook_server::config::Config as ServerConfig;
use billhook_server::{App, Parts};
use billhook_wire::{Tls, Wire, WireConfig};
use clap::Args;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::config::{Setting, is_loopback};
use crate::connections::now;
use crate::context::{Context, causes};
use crate::import::{LoadArgs, options, stop_telling};
use crate::log;
use crate::sync::{self, Voice, publisher};

/// How often is looked whether everything is to end.
const TICK: Duration = Duration::from_millis(100);

/// How often the control database is rid of what has expired.
const TIDIED: Duration = Duration::from_mins(10);

/// Says who serves a home.
const MARK: &str = "server.lock";

/// Into the log.
const LOG: Voice = Voice { news: log_line, more: log_line };

/// Serve the pages, the API and SQL over the Postgres protocol, and keep to the schedules
///
/// Connections are loaded when they are due and sinks are sent what is new, as `sync --watch` does,
/// until an interrupt or the system's request to end. On the first start a link is printed by which
/// the first user is made.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where pages and the API are (default: 127.0.0.1:8080)
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where the Postgres protocol is (default: nowhere)
    #[arg(long, value_name = "ADDR")]
    postgres: Option<String>,
    /// Let everybody on this machine in; refused where others can connect
    #[arg(long)]
    no_sign_in: bool,
}

impl ServeArgs {
    fn settings(self) -> Vec<Setting> {
        let open = self.no_sign_in.then(|| "false".to_owned());
        let all = [
            ("listen", self.listen),
            ("postgres.listen", self.postgres),
            ("sign_in.required", open),
        ];
        all.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
    }
}

pub(crate) async fn run(args: ServeArgs, context: &Context) -> anyhow::Result<u8> {
    let context = context.with(&args.settings())?;
    Box::pin(stay(&context, false)).await
}

/// Serves until somebody asks for the end.
///
/// # Errors
/// When settings contradict each other, an address or a file cannot be used, or the home cannot be
/// opened.
pub(crate) async fn stay(context: &Context, is_demo: bool) -> anyhow::Result<u8> {
    let config = context.config.server(is_demo)?;
    log::begin(&context.config.settings);
    let stop = Arc::new(AtomicBool::new(false));
    stop_telling(&stop, log_line);
    let home = context.home()?;
    let registry = Arc::new(Registry::open(context.home_dir()).map_err(EngineError::from)?);
    let _mark = mark(context.home_dir())?;
    let pages = listen(config.listen, "--listen").await?;
    let wire = match config.postgres {
        Some(address) => Some(listen(address, "--postgres").await?),
        None => None,
    };
    let mut options = options(&home, &LoadArgs::default(), context);
    options.progress = Arc::new(Silent);
    options.stop = Arc::clone(&stop);
    let runner = sync::runner(Arc::clone(&registry), home.clone(), options, context)?;
    let lake = home.lake.clone();
    let most = context.config.settings.postgres_clients;
    let queries = Queries::start()?;
    let wire = wire.map(|listener| (wire_of(&config, most, lake, &registry, &queries), listener));
    let link = set_up_link(&config, &registry).await?;
    announce(&config, &pages, wire.as_ref().map(|(_, listener)| listener), link.as_ref())?;
    let publisher = publisher(&runner);
    let parts = Parts {
        home,
        registry: Arc::clone(&registry),
        runner: runner.clone(),
        publisher: publisher.clone(),
        config,
        queries: queries.threads.clone(),
        summaries: Arc::new(Summaries::open(&context.home_dir().join("summaries"))?),
    };
    let app = App::new(parts).context("the operating system gives no random bytes")?;
    let ending = stopped(Arc::clone(&stop));
    let serving = Box::pin(billhook_server::serve(Arc::new(app), pages, ending));
    let mut tasks = vec![start(&stop, async move { Ok(serving.await?) })];
    if let Some((wire, listener)) = wire {
        let ending = stopped(Arc::clone(&stop));
        let serving = Box::pin(billhook_wire::serve(Arc::new(wire), listener, ending));
        tasks.push(start(&stop, async move { Ok(serving.await?) }));
    }
    tasks.push(start(&stop, tidy(registry, Arc::clone(&stop))));
    let watched = Box::pin(sync::stay(&runner, publisher, &[], false, LOG)).await;
    for task in tasks {
        task.await.context("a part of the server was cut off")??;
    }
    watched?;
    Ok(0)
}

/// Starts a part of the server. When it ends, everything does.
fn start(
    stop: &Arc<AtomicBool>,
    work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
) -> JoinHandle<anyhow::Result<()>> {
    let stop = Arc::clone(stop);
    tokio::spawn(Box::pin(async move {
        let done = work.await;
        stop.store(true, Ordering::Relaxed);
        done
    }))
}

/// Is ready when everything is to end.
async fn stopped(stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(TICK).await;
    }
}

/// Drops what has expired from the control database, again and again.
async fn tidy(registry: Arc<Registry>, stop: Arc<AtomicBool>) -> anyhow::Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let registry = Arc::clone(&registry);
        let tidied = spawn_blocking(move || registry.tidy(now())).await;
        if let Ok(Err(error)) = tidied {
            tracing::warn!("the control database cannot be tidied: {}", causes(&error));
        }
        tokio::select! {
            () = tokio::time::sleep(TIDIED) => {}
            () = stopped(Arc::clone(&stop)) => {}
        }
    }
    Ok(())
}

/// Says that this process serves the home, and who else does. Two may: they share the work.
fn mark(home: &Path) -> Result<Option<WriterLock>, EngineError> {
    match lock::try_acquire(&home.join(MARK))? {
        Attempt::Taken(mark) => Ok(Some(mark)),
        Attempt::Held(holder) => {
            let holder = if holder.is_empty() { "another billhook".to_owned() } else { holder };
            tracing::warn!("{holder} serves {} too; the two share the work", home.display());
            Ok(None)
        }
    }
}

/// Takes an address; `option` says another one.
async fn listen(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) => match error.kind() {
            ErrorKind::AddrInUse => bail!(
                "cannot listen on {address}: another program does; stop that, or choose another \
                 address with {option}"
            ),
            ErrorKind::PermissionDenied => bail!(
                "cannot listen on {address}: ports below 1024 are for the system; choose another \
                 address with {option}"
            ),
            ErrorKind::AddrNotAvailable => bail!(
                "cannot listen on {address}: this machine has no such address; choose another with \
                 {option}"
            ),
            _ => Err(error).with_context(|| format!("cannot listen on {address}")),
        },
    }
}

/// The threads that queries run on. They are left alone at the end, whatever they are at.
struct Queries {
    threads: Handle,
    runtime: Option<Runtime>,
}

impl Queries {
    fn start() -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().thread_name("query").enable_all().build();
        let runtime = runtime.context("the operating system gives no threads")?;
        Ok(Self { threads: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Queries {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The server of the Postgres protocol, for so many clients at once.
fn wire_of(
    config: &ServerConfig,
    clients: usize,
    lake: Lake,
    registry: &Arc<Registry>,
    queries: &Queries,
) -> Wire {
    let tls = config.postgres_tls.clone();
    Wire {
        lake,
        registry: config.requires_sign_in.then(|| Arc::clone(registry)),
        config: WireConfig {
            statement_timeout: config.statement_timeout,
            memory_per_query: config.query_memory,
            clients,
            tls: tls.map(|(certificate, key)| Tls { certificate, key }),
            requires_sign_in: config.requires_sign_in,
        },
        queries: queries.threads.clone(),
    }
}

/// The link by which the first user is made, when there is none.
async fn set_up_link(
    config: &ServerConfig,
    registry: &Arc<Registry>,
) -> anyhow::Result<Option<SecretString>> {
    if !config.requires_sign_in {
        return Ok(None);
    }
    let registry = Arc::clone(registry);
    let made = spawn_blocking(move || registry.new_setup_link(now())).await?;
    Ok(made.map_err(EngineError::from)?)
}

/// Says where everything is. The link is printed, and not logged: logs are kept.
fn announce(
    config: &ServerConfig,
    pages: &TcpListener,
    wire: Option<&TcpListener>,
    link: Option<&SecretString>,
) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let address = pages.local_addr()?;
    let base = base(config, address);
    writeln!(out, "listening on {address}; open {base}/")?;
    if let Some(wire) = wire {
        writeln!(out, "listening on {} for clients of Postgres", wire.local_addr()?)?;
    }
    if let Some(link) = link {
        writeln!(
            out,
            "there is no user yet: make the first one within 30 minutes by this link, which works \
             once\n  {base}/setup?token={}",
            link.expose_secret()
        )?;
    }
    out.flush()?;
    warn(config);
    Ok(())
}

/// Says what is open to others, or to everybody here.
fn warn(config: &ServerConfig) {
    if !config.requires_sign_in {
        tracing::warn!("nobody has to sign in: whoever is on this machine may change everything");
    }
    let is_https = config.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if !is_loopback(config.listen) && !is_https {
        tracing::warn!(
            "others can reach {}, and pages are not encrypted: put a proxy with TLS in front, and \
             set public_url to its https address",
            config.listen
        );
    }
    if let Some(address) = config.postgres
        && !is_loopback(address)
        && config.postgres_tls.is_none()
    {
        tracing::warn!(
            "others can reach {address}, and what Postgres clients read is not encrypted: set \
             postgres.tls_certificate and postgres.tls_key"
        );
    }
}

/// What browsers call the server, without a slash at the end.
pub(crate) fn base(config: &ServerConfig, address: SocketAddr) -> String {
    match &config.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None if address.ip().is_unspecified() => format!("http://localhost:{}", address.port()),
        None => format!("http://{address}"),
    }
}

fn log_line(text: &str) {
    tracing::info!("{}", text.trim());
}
